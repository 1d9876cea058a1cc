# shellcheck shell=bash
# Sourced: named steps that are timed, and a table of them at the end.

forget_steps() {
    step_names=()
    step_seconds=()
    step_results=()
}
forget_steps

# What a step exits with to say that it could not be done here, and that this is no failure.
readonly LEFT_OUT=77

# step NAME COMMAND [ARGUMENT...]: runs the command and remembers how it went; false where it failed.
step() {
    local name=$1 begun=$SECONDS status=0 result=ok
    shift
    printf '\n== %s\n' "$name"
    "$@" || status=$?
    case $status in
        0) ;;
        "$LEFT_OUT") result='left out' ;;
        *) result="failed ($status)" ;;
    esac
    step_names+=("$name")
    step_seconds+=($((SECONDS - begun)))
    step_results+=("$result")
    [[ $result != failed* ]]
}

# The table of all steps so far.
step_table() {
    local index
    printf '\n%8s  %-12s %s\n' seconds result step
    for index in "${!step_names[@]}"; do
        printf '%8d  %-12s %s\n' "${step_seconds[index]}" "${step_results[index]}" "${step_names[index]}"
    done
}

# Whether no step so far has failed.
steps_succeeded() {
    [[ ${step_results[*]} != *failed* ]]
}

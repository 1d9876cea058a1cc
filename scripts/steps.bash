# shellcheck shell=bash
# Sourced: named steps that are timed, and a table of them at the end.

forget_steps() {
    step_names=()
    step_seconds=()
    step_results=()
}
forget_steps

# step NAME COMMAND [ARGUMENT...]: runs the command, goes on when it fails, and remembers how it went.
step() {
    local name=$1 begun=$SECONDS result=ok
    shift
    printf '\n== %s\n' "$name"
    "$@" || result="failed ($?)"
    step_names+=("$name")
    step_seconds+=($((SECONDS - begun)))
    step_results+=("$result")
    [[ $result == ok ]]
}

# The table of all steps so far.
step_table() {
    local index
    printf '\n%8s  %-12s %s\n' seconds result step
    for index in "${!step_names[@]}"; do
        printf '%8d  %-12s %s\n' "${step_seconds[index]}" "${step_results[index]}" "${step_names[index]}"
    done
}

# Whether every step so far succeeded.
steps_succeeded() {
    local result
    for result in "${step_results[@]}"; do
        if [[ $result != ok ]]; then return 1; fi
    done
}

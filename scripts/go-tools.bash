# shellcheck shell=bash
# Sourced: programs that are built from Go modules, once for each version, below the target folder.

readonly go_tools=${CARGO_TARGET_DIR:-$PWD/target}/go-tools

# Whether there is a Go that fetches the newer one that a module asks for.
has_go() {
    local version
    version=$(go env GOVERSION 2>/dev/null) || return 1
    [[ $(printf '%s\n' go1.21 "$version" | sort --version-sort | head -n 1) == go1.21 ]]
}

# go_tool PACKAGE VERSION: builds it where it is not there yet, and prints the folder that it is in.
go_tool() {
    local name=${1##*/} folder
    folder=$go_tools/$name-$2
    if [[ ! -x $folder/$name ]]; then
        echo "Building: $1@$2" >&2
        GOBIN=$folder go install "$1@$2" >&2 || return
    fi
    echo "$folder"
}

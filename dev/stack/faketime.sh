# shellcheck shell=bash
# libfaketime, which sets the clock of a process that it is preloaded into.

# faketime_library: its path, or nothing where it is not installed.
faketime_library() {
    local found
    for found in /usr/lib*/faketime/libfaketime.so.1 /usr/lib*/*/faketime/libfaketime.so.1; do
        if [[ -e $found ]]; then
            echo "$found"
            return
        fi
    done
}

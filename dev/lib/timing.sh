# shellcheck shell=bash
# Runs steps one after the other under a heading each, and says at the end where the time
# went. A step that fails does not keep the next from running: one run shows all that is
# wrong. Needs say.sh.

step_names=()
step_times=()
step_results=()

# step NAME COMMAND…
step() {
    local name=$1 began=$EPOCHREALTIME result=ok
    shift
    say "$name"
    "$@" || result=FAILED
    step_names+=("$name")
    step_times+=("$(seconds_since "$began")")
    step_results+=("$result")
    note "$name: $result, ${step_times[-1]}"
}

# Fails when a step did.
step_summary() {
    local index failed=0
    say "where the time went"
    for index in "${!step_names[@]}"; do
        printf '    %-12s %-8s %10s\n' "${step_names[index]}" "${step_results[index]}" "${step_times[index]}" >&2
        [[ ${step_results[index]} == ok ]] || failed=1
    done
    return "$failed"
}

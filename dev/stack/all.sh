# shellcheck shell=bash
# Everything that starts and stops private instances, for with-stack and run.sh.

here=$(dirname "${BASH_SOURCE[0]}")
. "$here/../lib/say.sh"
. "$here/../lib/process.sh"
. "$here/../lib/scratch.sh"
. "$here/bridge.sh"
. "$here/outbound.sh"
. "$here/engine.sh"
. "$here/engine-api.sh"
. "$here/faketime.sh"
. "$here/postgres.sh"
. "$here/rabbitmq.sh"
. "$here/registry.sh"
. "$here/base-image.sh"

# The instances start side by side, each in a process group of its own (set -m), so that an
# interrupted start can be stopped with all its children.
starting=()
stack_start() {
    set -m
    "$@" &
    starting+=($!)
    set +m
}

stack_started() {
    local pid
    for pid in "${starting[@]}"; do
        wait "$pid" || return 1
    done
}

stack_stop_starting() {
    local pid
    for pid in "${starting[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
}

# stack_remove DIR: stops and deletes all that a run made, going by the directory alone, so
# that it works for a run that crashed too.
stack_remove() {
    local dir=$1 name engine pid pids stopping=()
    # The command itself, and commands on their way that would make a bridge after its removal.
    mapfile -t pids < <(
        started_with "SLIPWAY_STACK=$dir"
        mentioning "$(engine_name "$dir/")"
    )
    end_all "${pids[@]}"
    # Those of the stack, and those that a test had for itself.
    for engine in "$dir"/{a,b,own} "$dir"/e[0-9]*; do
        engine_stop "$engine" &
        stopping+=($!)
    done
    for name in open auth registry; do
        registry_stop "$dir/$name" &
        stopping+=($!)
    done
    postgres_stop "$dir/postgres" &
    stopping+=($!)
    # An orderly end would take it seconds, for data that nobody keeps.
    rabbitmq_kill "$dir/broker" &
    stopping+=($!)
    for pid in "${stopping[@]}"; do wait "$pid" || true; done
    # What was in the middle of starting, or is slow to go.
    mapfile -t pids < <(mentioning "$dir/")
    end_all "${pids[@]}"
    unmount_below "$dir"
    as_root rm -rf --one-file-system "$dir"
}

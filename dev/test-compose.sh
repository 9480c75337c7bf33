#!/usr/bin/env bash
# Runs compose.yaml for real, on a private engine: up, builds through it, three workers, a
# worker killed in the middle, the two engines of its profile, down. Where the public images
# cannot be pulled does not matter: stand-ins take their names (see compose/images.sh).
#
#   make test-compose
#
#   SLIPWAYD=…   an executable to use instead of compiling one
#
# The engine's images stay in target/compose, for the next time; nothing else does.
set -euo pipefail

dev=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$dev/.."
# shellcheck source=stack/all.sh
. "$dev/stack/all.sh"
# shellcheck source=run/address.sh
. "$dev/run/address.sh"
# shellcheck source=run/example.sh
. "$dev/run/example.sh"
# shellcheck source=compose/images.sh
. "$dev/compose/images.sh"
# shellcheck source=compose/project.sh
. "$dev/compose/project.sh"
# shellcheck source=compose/builds.sh
. "$dev/compose/builds.sh"

slipwayd=${SLIPWAYD:-${CARGO_TARGET_DIR:-target}/release/slipwayd}
data=$PWD/target/compose
scratch='' engine='' url='' registry=''

# One engine at a time can use the images that the last run left.
take_data() {
    mkdir -p "$data"
    exec 8>"$data/lock"
    flock --nonblock 8 || die "another make test-compose runs in this tree"
}

compile() {
    [[ -z ${SLIPWAYD:-} ]] || return 0
    say "compiling (the first time takes minutes)"
    attend cargo build --release --locked --package slipway-server
}

start_engine() {
    say "starting a private Docker Engine"
    engine=unix://$scratch/own/docker.sock
    # For the profile with two engines, whose containers are privileged.
    # shellcheck disable=SC2034 # read by engine.sh
    engine_runtime=$dev/compose/runtime.sh
    stack_start engine_start "$scratch/own" "$data/engine"
    unset DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_CONTEXT
    compile
    stack_started
}

tear_down() {
    # Ctrl-C also ends what the output is piped into, and a message that nobody reads must
    # not end this.
    trap '' PIPE
    trap '' INT TERM HUP
    set +e
    stack_stop_starting
    # Takes the project's networks off this machine, which the engine's end would not.
    if [[ -s $scratch/env ]]; then project_down; fi
    stack_remove "$scratch"
    say "all stopped"
}

"$dev/install.sh" compiler curl jq busybox engine compose debootstrap
require_root "a private Docker Engine"
take_data
scratch_clear_abandoned compose
began=$EPOCHREALTIME
scratch_make compose
trap tear_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

start_engine
project_write
project_down # of a run that crashed
stand_ins
slipway_image "$slipwayd"

say "docker compose up"
project up --detach
project_ready
base_image_push "$engine" "$registry/base/busybox:latest" "$scratch"
example_build "$registry/examples/hello:1"
builds_survive_a_kill
engines_take_over
project_leaves_nothing
say "compose.yaml works, in $(seconds_since "$began")"

#!/usr/bin/env bash
# All the tests, inside of dev/with-stack. Arguments go to cargo test: with any, only it runs.
#
#   dev/with-stack dev/test.sh
#   dev/with-stack dev/test.sh -p slipway-store -- claim
set -euo pipefail

dev=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$dev/.."
. "$dev/lib/say.sh"
. "$dev/lib/timing.sh"

[[ -n ${SLIPWAY_TEST_BASE:-} ]] || die "the tests need a stack: make test, or dev/with-stack dev/test.sh"

if (($# > 0)); then exec cargo test --locked "$@"; fi

"$dev/install.sh" compiler shellcheck git sshd kcat browser openssl
step compile cargo test --workspace --locked --no-run

# The tests wait more than they compute, and so the checks compile beside them, in what the tests
# leave of the processors. They begin a little later, because Cargo lets one command at a time look
# at what is compiled. A group of their own is what can be ended as a whole.
checked=$(mktemp)
set -m
(sleep 5 && exec nice -n 19 "$dev/check.sh") >"$checked" 2>&1 &
checks=$!
set +m
trap 'kill -- -"$checks" 2>/dev/null || true; rm -f "$checked"' EXIT

# --no-fail-fast: one broken crate does not hide what the others' tests say.
step tests cargo test --workspace --locked --no-fail-fast
say "checks, which ran beside the tests"
step checks wait "$checks"
cat "$checked" >&2
step_summary

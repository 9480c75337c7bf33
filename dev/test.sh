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
. "$dev/lib/checks.sh"

[[ -n ${SLIPWAY_TEST_BASE:-} ]] || die "the tests need a stack: make test, or dev/with-stack dev/test.sh"

if (($# > 0)); then exec cargo test --locked "$@"; fi

"$dev/install.sh" compiler shellcheck git sshd kcat browser openssl
checks
# --no-fail-fast: one broken crate does not hide what the others' tests say.
step tests cargo test --workspace --locked --no-fail-fast
step_summary

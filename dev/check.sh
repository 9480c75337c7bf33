#!/usr/bin/env bash
# The quick part of the tests, all that can be said about the code without running it: needs
# no database, engine or registry. `make test` runs it beside the tests.
set -euo pipefail

dev=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$dev/.."
. "$dev/lib/say.sh"
. "$dev/lib/timing.sh"

"$dev/install.sh" compiler shellcheck
step format cargo fmt --all --check
step clippy cargo clippy --workspace --all-targets --locked -- --deny warnings
step rustdoc env RUSTDOCFLAGS='--deny warnings' cargo doc --no-deps --workspace --locked
step cargo-deny "$dev/deny.sh"
step alarms "$dev/alerts.sh"
step systemd "$dev/units.sh"
step shellcheck shellcheck "$dev"/*.sh "$dev"/with-stack "$dev"/private-* "$dev"/broker \
    "$dev"/*/*.sh "$dev"/*/*/*.sh "$dev/../.ci/run" "$dev/../deploy/healthcheck" \
    "$dev/../deploy/git/post-receive"
step_summary

# shellcheck shell=bash
# What `make check` and `make test` have in common: all that can be said about the code
# without running it. Needs timing.sh and $dev; runs in the repository's root.

checks() {
    local dev=${dev:?}
    step format cargo fmt --all --check
    step clippy cargo clippy --workspace --all-targets --locked -- --deny warnings
    step rustdoc env RUSTDOCFLAGS='--deny warnings' cargo doc --no-deps --workspace --locked
    step cargo-deny "$dev/deny.sh"
    step alarms "$dev/alerts.sh"
    step systemd "$dev/units.sh"
    step shellcheck shellcheck "$dev"/*.sh "$dev"/with-stack "$dev"/private-* "$dev"/broker \
        "$dev"/*/*.sh "$dev"/*/*/*.sh "$dev/../.ci/run" "$dev/../deploy/healthcheck" \
        "$dev/../deploy/git/post-receive"
}

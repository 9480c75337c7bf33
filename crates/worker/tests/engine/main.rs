//! The engine module against a real Docker Engine, with both of its builders.
//!
//! Needs what `dev/with-stack` starts. Every test makes names of its own, so that they run
//! side by side, and takes its images off the engine again.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a story that cannot go on says so by a panic"
)]

mod bad_days;
mod building;
mod cancelling;
mod fake_registry;
mod faults;
mod hosts;
mod images;
mod mounts;
mod pushing;
mod resources;
mod sharing;
mod standing_still;
mod support;
mod tls;

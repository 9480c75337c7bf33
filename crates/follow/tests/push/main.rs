//! Telling those who follow a build without asking: everything once where all is well, nothing
//! lost where it is not, and nobody held up by another.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a story that cannot go on says so by a panic"
)]

mod as_it_was;
mod kafka;
mod kafka_doors;
mod rude;
mod scene;
mod streams;
mod webhooks;

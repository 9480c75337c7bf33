//! Bells and news, within one process and over RabbitMQ: the same stories on both.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a story that cannot go on says so by a panic"
)]

mod bells;
mod ground;
mod news;

//! The roles as processes of their own: a real database, a real broker, a real engine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so by panicking"
)]

mod cluster;
mod collector;
mod health;
mod logs;
mod metrics;
mod migrate;
mod refuse;
mod stop;
mod traces;

//! The roles as processes of their own: a real database, a real broker, a real engine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so by panicking"
)]

mod broker;
mod bucket;
mod clocks;
mod cluster;
mod collector;
mod database;
mod deadline;
mod frozen;
mod health;
mod history;
mod inbox;
mod logs;
mod metrics;
mod migrate;
mod old_names;
mod refuse;
mod stop;
mod tls;
mod told;
mod traces;

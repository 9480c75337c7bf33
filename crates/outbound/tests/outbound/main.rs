//! The guard and the client against servers that mean no good, all on this machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so by panicking"
)]

mod calls;
mod guard;
mod limits;
mod names;
mod plain;
mod policy;
mod redirects;
mod secrets;
mod server;
mod tls;

//! Fetches from real servers on this machine: git behind HTTP, and sshd.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so by panicking"
)]

mod addresses;
mod files;
mod hostile;
mod http;
mod limits;
mod logins;
mod origin;
mod processes;
mod refs;
mod run;
mod ssh;
mod sshd;
mod submodules;
mod tls;

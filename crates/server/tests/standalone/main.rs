//! Whole stories: a real daemon, a real engine, a real registry.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so by panicking"
)]

mod boatyard;
mod bucket;
mod build_secrets;
mod buildshuttle;
mod cache;
mod cancel;
mod ends;
mod engines;
mod generator;
mod hosts;
mod mark;
mod page;
mod restart;
mod rotate;
mod secrets;
mod sources;
mod stack;
mod templates;
mod turns;
mod twins;
mod uploads;
mod visitors;

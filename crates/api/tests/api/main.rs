//! The API as its clients see it: a real server on a free port, a real database, and
//! stories that end in what was answered. No worker runs; tests move the rows as one would.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should say so at once"
)]

mod bad_input;
mod boatyard;
mod boatyard_form;
mod build_secrets;
mod buildshuttle;
mod buildshuttle_shipped;
mod buildshuttle_sources;
mod cancel;
mod corrupt;
mod cors;
mod events;
mod followers;
mod generator;
mod generator_log;
mod health;
mod hosts;
mod list;
mod logs;
mod moved_logs;
mod project;
mod projects;
mod retry;
mod routes;
mod secrets;
mod server;
mod several;
mod socket;
mod source_auth;
mod stopping;
mod storm;
mod submit;
mod templates;
mod triggers;
mod upload;
mod webhooks;
mod worker;

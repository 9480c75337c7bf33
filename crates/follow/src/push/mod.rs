//! Telling those who follow a build without asking.
//!
//! A follower is a row with the number of the last event that it was told of. Any API server
//! takes one that is due, for as long as a lease lasts, tells it what comes next, and writes
//! down how that went; whoever is killed over it loses the lease, and another goes on at the
//! same place with the same message ids. So everything is told at least once, in order, and
//! nothing is kept in a process.
//!
//! Each follower is a task of its own, and what goes to one host at once is bounded: one that
//! is slow, rude or endless holds up itself.

mod as_of;
mod courier;
mod echo;
mod forms;
mod kafka;
mod left;
mod log;
mod room;
mod schedule;
mod settings;
mod sign;
mod status;
mod stream;
mod webhook;

pub use courier::Push;
pub use kafka::{KafkaCluster, KafkaSecurity};
pub use settings::PushSettings;
pub use sign::{SigningKey, SigningKeyError};

use std::sync::Arc;

use slipway_store::builds::Build;

/// How a build is shown: handed in, because that is the business of whoever has an API.
pub type Show = Arc<dyn Fn(Build) -> serde_json::Value + Send + Sync>;

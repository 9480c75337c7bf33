//! Claims builds and runs them on the Docker hosts.
//!
//! Follow a build: [`Worker::run`] takes a slot and a bell, `run::claim_one` claims,
//! `run::run_claimed` walks the stages, `slipway-context` makes the stream that `engine` builds from,
//! `log` turns what the engine says into events, and the end is written in one place, `run::wind_up`.

mod affinity;
mod context;
pub mod engine;
mod heartbeat;
mod log;
mod measure;
mod persist;
mod pool;
mod purge;
mod registry;
mod run;
mod settings;
mod trace;
mod turns;
mod worker;

pub use context::SourceSettings;
pub use pool::Pool;
pub use registry::RegistrySettings;
pub use settings::{HostSettings, WorkerSettings};
pub use worker::{Worker, give_up, return_expired};

//! The state of record, and the only crate with SQL.
//!
//! A build is a row; every change of it is one short transaction that repeats the rule
//! it relies on and counts the row it changed. Postgres serves many processes, SQLite
//! one; each query has one text for both, and what must differ has a name in `db`.
//!
//! Functions that change a running build take a [`Lease`]: the proof of a claim. Its
//! attempt number fences the write, so a worker that lost its lease changes nothing.

pub mod archive;
pub mod blobs;
pub mod builds;
mod clock;
mod db;
mod dial;
mod error;
pub mod events;
pub mod followers;
pub mod gauges;
pub mod hosts;
pub mod images;
pub mod mark;
pub mod names;
mod open;
pub mod outbox;
pub mod projects;
mod schema;
pub mod seal;
pub mod stream;
pub mod triggers;
pub mod turns;
pub mod uploads;
mod walk;
pub mod webhooks;

pub use db::Store;
pub use dial::Unreached;
pub use error::StoreError;
pub use schema::{Migrated, MigrationState};

use slipway_domain::{Attempt, BuildId, HostName, WorkerId};

/// The proof that a worker holds a build. Only [`builds::claim`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    build: BuildId,
    attempt: Attempt,
    worker: WorkerId,
    host: HostName,
}

impl Lease {
    /// The build that is held.
    #[must_use]
    pub const fn build(&self) -> BuildId {
        self.build
    }

    /// The attempt that fences every write.
    #[must_use]
    pub const fn attempt(&self) -> Attempt {
        self.attempt
    }

    /// The host it runs on.
    #[must_use]
    pub const fn host(&self) -> &HostName {
        &self.host
    }
}

//! The database's clock, read without asking each time.
//!
//! Leases, deadlines and the order of events are times that several machines compare. Their
//! own clocks may be minutes apart, so all of them go by the database's: each process
//! knows how far it is ahead of the process's own steady clock, and looks again now and
//! then. SQLite has no clock of its own, and one machine needs no other.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use tokio::time::Instant;

use crate::Store;
use crate::StoreError;
use crate::db::{Db, answered};

/// What the database's clock said, and when it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Arc<RwLock<Reading>>);

#[derive(Debug, Clone, Copy)]
struct Reading {
    said: DateTime<Utc>,
    asked: Instant,
}

impl Clock {
    /// The process's own clock, until the database's is read.
    pub(crate) fn of_this_process() -> Self {
        Self(Arc::new(RwLock::new(Reading::here())))
    }

    fn now(&self) -> DateTime<Utc> {
        let Reading { said, asked } = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        let since = TimeDelta::from_std(asked.elapsed()).unwrap_or_default();
        (said + since).trunc_subsecs(6)
    }

    fn set(&self, reading: Reading) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = reading;
    }
}

impl Reading {
    fn here() -> Self {
        Self { said: slipway_domain::now(), asked: Instant::now() }
    }
}

impl Store {
    /// The time by the database's clock as this process last read it, to the microsecond:
    /// what every time that goes into a row is taken from.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.db {
            Db::Postgres(_) => self.clock.now(),
            Db::Sqlite { .. } => slipway_domain::now(),
        }
    }

    /// Reads the database's clock. Call it every few seconds: a process's steady clock
    /// stands still while its machine sleeps.
    ///
    /// # Errors
    /// When the database does not answer; the reading before is kept.
    pub async fn read_clock(&self) -> Result<(), StoreError> {
        const SQL: &str = "SELECT clock_timestamp()";
        let Db::Postgres(pool) = &self.db else { return Ok(()) };
        let mut connection = pool.acquire().await?;
        let asked = Instant::now();
        let said: DateTime<Utc> =
            answered(sqlx::query_scalar(SQL).fetch_one(&mut *connection)).await?;
        // It looked somewhere between question and answer.
        let asked = asked + asked.elapsed() / 2;
        self.clock.set(Reading { said, asked });
        Ok(())
    }
}

//! What can go wrong with the state of record, by what its caller does about it.

use slipway_domain::{BuildId, FollowerId, TriggerId};
use sqlx::sqlite::SqliteError;
use thiserror::Error;

use crate::mark::NotOurs;

/// An error of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The worker lost its lease, or somebody ended the build: stop, and write nothing.
    #[error("build {0} is no longer held under this lease")]
    LeaseLost(BuildId),
    /// The disk under the database or the blobs is full. Nothing was written.
    #[error("the disk is full")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database or blob store does not answer. Try again later.
    #[error("the store does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row holds what this release cannot read.
    #[error("table {table}, column {column}, row {row}: {problem}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
        /// What is wrong with it. Never quotes the value.
        problem: String,
    },
    /// Sealed secrets cannot be opened with the keys at hand.
    #[error("the secrets of build {build} cannot be opened: {problem}")]
    Sealed {
        /// Whose secrets.
        build: BuildId,
        /// Why.
        problem: &'static str,
    },
    /// What is sealed of a follower cannot be opened with the keys at hand.
    #[error("the address of follower {follower} cannot be opened: {problem}")]
    SealedFollower {
        /// Whose address.
        follower: FollowerId,
        /// Why.
        problem: &'static str,
    },
    /// The secrets of a trigger cannot be opened with the keys at hand.
    #[error("the secrets of trigger {trigger} cannot be opened: {problem}")]
    SealedTrigger {
        /// Whose secrets.
        trigger: TriggerId,
        /// Why.
        problem: &'static str,
    },
    /// Any other refusal of the database: a bug, or a schema that is not ours.
    #[error("the database refused a statement")]
    Database(#[source] sqlx::Error),
    /// The bucket of blobs answers and does not let us. Somebody has to see to it.
    #[error("the blob store refuses: {problem}{}", in_brackets(code.as_deref()))]
    Refused {
        /// What is wrong, in words that name no address and no key.
        problem: &'static str,
        /// What S3 calls it.
        code: Option<String>,
    },
    /// The blob store is not the one that the database knows. Nothing was written to it. Somebody
    /// has to see to it.
    #[error("the blob store is not this installation's: {0}")]
    OtherBlobs(NotOurs),
    /// Any other refusal of the blob store.
    #[error("the blob store refused")]
    Blobs(#[source] object_store::Error),
    /// The log of a build was moved to the blob store, which does not give it now. Nothing is
    /// lost by that.
    #[error("the log of build {build} is in the blob store, which does not give it now")]
    LogAway {
        /// Whose log.
        build: BuildId,
        /// Why.
        #[source]
        why: Box<StoreError>,
    },
    /// The log of a build was moved to the blob store, and somebody removed it there.
    #[error("the log of build {0} was moved to the blob store, and is not there any more")]
    LogMissing(BuildId),
    /// The log of a build was moved to the blob store, and is there, but not as it was written.
    #[error("the log of build {build} in the blob store is damaged: {problem}")]
    LogDamaged {
        /// Whose log.
        build: BuildId,
        /// What is wrong with it, and where. Never quotes it.
        problem: String,
    },
    /// Settings that cannot be used, such as a URL of another kind.
    #[error("{0}")]
    Settings(String),
    /// The migrations could not be applied.
    #[error("the migrations cannot be applied")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

fn in_brackets(code: Option<&str>) -> String {
    code.map(|code| format!(" ({code})")).unwrap_or_default()
}

impl StoreError {
    /// A value that is in no form that this release reads. What a parser says of it would mean
    /// nothing to whoever reads the log.
    pub(crate) fn unreadable(
        table: &'static str,
        column: &'static str,
        row: impl ToString,
    ) -> Self {
        let problem = "is of no form that this release knows".to_owned();
        Self::Corrupt { table, column, row: row.to_string(), problem }
    }

    /// Why the server does not let us in under our name, in its own words: a wrong password, no such
    /// database, or one that takes no connections just now. That passes for a process that has
    /// worked with it, as while a password is changed; for one that begins it is a setting that is
    /// wrong.
    #[must_use]
    pub fn refused_login(&self) -> Option<&str> {
        let Self::Unavailable(cause) = self else { return None };
        let refusal = cause.downcast_ref::<sqlx::Error>()?.as_database_error()?;
        let code = refusal.code()?;
        REFUSED_LOGINS.contains(&code.as_ref()).then(|| refusal.message())
    }

    /// Whether trying the same again later can go well.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::LogAway { why, .. } => why.is_passing(),
            Self::Full(_) | Self::Unavailable(_) => true,
            Self::LeaseLost(_)
            | Self::Corrupt { .. }
            | Self::Sealed { .. }
            | Self::SealedFollower { .. }
            | Self::SealedTrigger { .. }
            | Self::Database(_)
            | Self::Refused { .. }
            | Self::OtherBlobs(_)
            | Self::Blobs(_)
            | Self::LogMissing(_)
            | Self::LogDamaged { .. }
            | Self::Settings(_)
            | Self::Migrate(_) => false,
        }
    }
}

impl StoreError {
    /// Whether this was written to the process's log where it was found: once for a build, however
    /// many ask.
    #[must_use]
    pub const fn is_logged(&self) -> bool {
        matches!(self, Self::LogMissing(_) | Self::LogDamaged { .. })
    }
}

impl From<NotOurs> for StoreError {
    fn from(why: NotOurs) -> Self {
        Self::OtherBlobs(why)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let trouble = match error.as_database_error() {
            Some(database) => {
                let code = database.code().unwrap_or_default();
                match database.try_downcast_ref::<SqliteError>() {
                    Some(_) => sqlite_trouble(&code),
                    None => postgres_trouble(&code),
                }
            }
            None if matches!(
                error,
                sqlx::Error::Io(_)
                    // What a connection looks like that is cut while it is being made.
                    | sqlx::Error::Protocol(_)
                    | sqlx::Error::Tls(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::WorkerCrashed
            ) =>
            {
                Trouble::Away
            }
            None => Trouble::Other,
        };
        match trouble {
            Trouble::Full => Self::Full(Box::new(error)),
            Trouble::Away => Self::Unavailable(Box::new(error)),
            Trouble::Other => Self::Database(error),
        }
    }
}

enum Trouble {
    Full,
    Away,
    Other,
}

/// No such role, a wrong password, no such database, and a database that takes no connections.
const REFUSED_LOGINS: [&str; 4] = ["28000", "28P01", "3D000", "55000"];

/// By the appendix of error codes in PostgreSQL's manual.
fn postgres_trouble(code: &str) -> Trouble {
    match code {
        "53100" => Trouble::Full,
        // Too many connections; the server is being stopped, has crashed, or starts.
        "53300" | "57P01" | "57P02" | "57P03" => Trouble::Away,
        // It gave up on this transaction for another's sake: the one that a migration, say,
        // stood in a circle with. Or it is a replica that is about to become the server.
        "40001" | "40P01" | "55P03" | "57014" | "25006" => Trouble::Away,
        code if REFUSED_LOGINS.contains(&code) => Trouble::Away,
        // The connection itself.
        code if code.starts_with("08") => Trouble::Away,
        _ => Trouble::Other,
    }
}

/// By SQLite's result codes: the low byte says what, the others say where.
fn sqlite_trouble(code: &str) -> Trouble {
    const BUSY: i32 = 5;
    const IOERR: i32 = 10;
    const FULL: i32 = 13;
    const CANTOPEN: i32 = 14;
    match code.parse::<i32>().map(|code| code & 0xff) {
        Ok(FULL) => Trouble::Full,
        Ok(BUSY | IOERR | CANTOPEN) => Trouble::Away,
        _ => Trouble::Other,
    }
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(inner) = cause {
            let kind = inner.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            if matches!(
                kind,
                Some(std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
            ) {
                return Self::Full(Box::new(error));
            }
            cause = inner.source();
        }
        Self::Blobs(error)
    }
}

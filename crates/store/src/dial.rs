//! Why a database server is not reached.
//!
//! The pool takes one that refuses connections for one that comes up just now: it tries again until
//! its time is over, and says no more than that. So whoever tells people of it dials once more.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use thiserror::Error;
use tokio::net::{TcpStream, UnixStream};

use crate::db::Db;
use crate::{Store, StoreError};

/// How long a connection may take to be made. One that is refused is so at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// Nothing answers where the settings say that the database is.
#[derive(Debug, Error)]
#[error("{at}, which database.url names, {}", self.in_words())]
pub struct Unreached {
    /// `host:port`, or the path of a socket.
    at: String,
    why: io::Error,
}

impl Unreached {
    /// Whether a machine answers there, and no server on it.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.why.kind() == io::ErrorKind::ConnectionRefused
    }

    fn in_words(&self) -> String {
        match self.is_refused() {
            true => "refuses connections".to_owned(),
            false => format!("cannot be reached: {}", self.why),
        }
    }
}

impl Store {
    /// Whether the database's server takes connections. Nothing is said to it.
    ///
    /// # Errors
    /// When it does not. The error holds an [`Unreached`].
    pub async fn dial(&self) -> Result<(), StoreError> {
        let Db::Postgres(pool) = &self.db else { return Ok(()) };
        let place = Place::of(&pool.connect_options());
        let dialled = tokio::time::timeout(PATIENCE, place.dial()).await;
        let dialled = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        dialled.map_err(|why| {
            StoreError::Unavailable(Box::new(Unreached { at: place.to_string(), why }))
        })
    }

    /// An error of a server that did not answer, with the reason, where that is one of the way to
    /// it. For whoever reads the log.
    pub async fn with_reason(&self, error: StoreError) -> StoreError {
        if !error.is_without_answer() {
            return error;
        }
        match self.dial().await {
            Ok(()) => error,
            Err(unreached) => unreached,
        }
    }
}

impl StoreError {
    /// That nothing answers where the database should be, if it is that.
    #[must_use]
    pub fn unreached(&self) -> Option<&Unreached> {
        let Self::Unavailable(cause) = self else { return None };
        cause.downcast_ref()
    }

    /// Whether the database said nothing.
    fn is_without_answer(&self) -> bool {
        let Self::Unavailable(cause) = self else { return false };
        matches!(cause.downcast_ref(), Some(sqlx::Error::PoolTimedOut | sqlx::Error::Io(_)))
    }
}

/// Where a server listens.
enum Place {
    Address { host: String, port: u16 },
    Socket(PathBuf),
}

impl Place {
    /// As the driver takes the options: a host that is a path is the folder of a socket.
    fn of(options: &PgConnectOptions) -> Self {
        let (host, port) = (options.get_host(), options.get_port());
        let folder = options.get_socket().cloned();
        let folder = folder.or_else(|| host.starts_with('/').then(|| PathBuf::from(host)));
        match folder {
            Some(folder) => Self::Socket(folder.join(format!(".s.PGSQL.{port}"))),
            None => Self::Address { host: host.to_owned(), port },
        }
    }

    async fn dial(&self) -> io::Result<()> {
        match self {
            Self::Address { host, port } => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                TcpStream::connect((host, *port)).await.map(drop)
            }
            Self::Socket(path) => UnixStream::connect(path).await.map(drop),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address { host, port } => write!(f, "{host}:{port}"),
            Self::Socket(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::seal::KeyRing;

    fn store(place: &str) -> Store {
        let url = format!("postgres://u:hunter2@{place}");
        Store::open_later(&url, KeyRing::empty()).unwrap()
    }

    async fn said(place: &str) -> String {
        let error = StoreError::from(sqlx::Error::PoolTimedOut);
        let error = store(place).with_reason(error).await;
        error.unreached().map_or_else(|| error.to_string(), ToString::to_string)
    }

    #[tokio::test]
    async fn where_nothing_answers_is_said_without_the_login() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap();
        assert_eq!(said(&format!("{place}/x")).await, "the store does not answer");
        drop(listener);
        let words = format!("{place}, which database.url names, refuses connections");
        assert_eq!(said(&format!("{place}/x")).await, words);
        assert!(store(&format!("{place}/x")).dial().await.unwrap_err().unreached().is_some());

        let socket = said("localhost:5/x?host=/nowhere").await;
        let words =
            "/nowhere/.s.PGSQL.5, which database.url names, cannot be reached: No such file";
        assert!(socket.starts_with(words), "{socket}");
    }

    #[tokio::test]
    async fn what_the_server_said_is_not_overruled() {
        let error = StoreError::from(sqlx::Error::PoolClosed);
        assert!(store("127.0.0.1:1/x").with_reason(error).await.unreached().is_none());
    }
}

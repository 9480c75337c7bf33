//! What can break a measurement off.

use std::error::Error as _;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Ctrl-C.
    #[error("stopped")]
    Stopped,
    /// Something that has to be there first.
    #[error("{0}")]
    Missing(String),
    /// The engine, asked directly.
    #[error("the engine failed")]
    Engine(#[from] bollard::errors::Error),
    /// Slipway, asked by HTTP.
    #[error("slipway failed")]
    Http(#[from] reqwest::Error),
    /// A build that should have gone well did not, or an answer makes no sense.
    #[error("{0}")]
    Unexpected(String),
    /// The store, asked directly.
    #[error("the store failed")]
    Store(#[from] slipway_store::StoreError),
    #[error("input or output failed")]
    Io(#[from] std::io::Error),
}

impl Error {
    /// The error and what caused it, as one line.
    pub(crate) fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

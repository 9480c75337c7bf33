//! What Kafka's library says of its brokers by itself: why a connection fails is in no answer to
//! anything that was asked of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::time::Instant;

/// The library says the same thing again after 30 s at the earliest.
const FRESH: Duration = Duration::from_secs(60);

/// The last complaint about a cluster. Cheap to clone: all share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Complaints(Arc<Mutex<Option<(Instant, String)>>>);

impl Complaints {
    /// What was wrong within the last minute.
    pub(super) fn last(&self) -> Option<String> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, words) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH)?;
        Some(words.clone())
    }
}

impl ClientContext for Complaints {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, "librdkafka: {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, "librdkafka: {reason}");
        // Follows upon the others, and says less.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Some((Instant::now(), reason.to_owned()));
        }
    }
}

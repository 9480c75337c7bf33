//! What the operator decides of telling followers.

use std::time::Duration;

use super::kafka::KafkaCluster;
use super::sign::SigningKey;

/// How followers are told.
#[derive(Debug, Clone)]
pub struct PushSettings {
    /// Signs webhooks whose followers brought no key of their own.
    pub signing_key: Option<SigningKey>,
    /// Resolving, connecting and TLS together.
    pub connect: Duration,
    /// How long a receiver may take for its answer.
    pub answer: Duration,
    /// Followers that are told at once by one process.
    pub at_once: usize,
    /// The most of them at one host.
    pub at_one_host: usize,
    /// Waits between tries, each of them give or take a fifth.
    pub waits: Vec<Duration>,
    /// The same for logs: waits between breaks of one that got nowhere.
    pub log_waits: Vec<Duration>,
    /// Kafka clusters that the operator has named.
    pub kafka: Vec<KafkaCluster>,
}

impl PushSettings {
    /// How long a follower is held without a sign of life. Longer than any one try.
    pub(super) fn lease(&self) -> Duration {
        self.connect + self.answer + Duration::from_secs(10)
    }
}

impl Default for PushSettings {
    fn default() -> Self {
        const LOG_WAITS: [u64; 11] = [1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200];
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let waits = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];
        Self {
            signing_key: None,
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(15),
            at_once: 256,
            at_one_host: 16,
            waits: waits.map(Duration::from_secs).to_vec(),
            log_waits: LOG_WAITS.map(Duration::from_secs).to_vec(),
            kafka: Vec::new(),
        }
    }
}

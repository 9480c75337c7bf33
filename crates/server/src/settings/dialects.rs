//! `[dialects]`: the older services' APIs.

use serde::{Deserialize, Serialize};
use slipway_api::DialectSettings;
use slipway_domain::KafkaTarget;

use super::{SettingsError, invalid};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Dialects {
    /// The Kafka topic for logs of buildshuttle's builds that name brokers.
    pub(crate) kafka_topic: String,
}

impl Default for Dialects {
    fn default() -> Self {
        let DialectSettings { kafka_topic } = DialectSettings::default();
        Self { kafka_topic }
    }
}

impl Dialects {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        const KEY: &str = "dialects.kafka_topic";
        // The brokers are the request's.
        let target = KafkaTarget::new(KEY, ["localhost:9092".to_owned()], &self.kafka_topic);
        target.map(drop).map_err(|error| invalid(KEY, error.message))
    }

    pub(crate) fn for_api(&self) -> DialectSettings {
        DialectSettings { kafka_topic: self.kafka_topic.clone() }
    }
}

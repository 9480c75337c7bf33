//! `[dialects]`: the APIs of older services.

use serde::{Deserialize, Serialize};
use slipway_api::{DialectSettings, Origins};
use slipway_domain::{KafkaTarget, RegistryHost};

use super::{SettingsError, invalid};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Dialects {
    /// Whether generator's `GET /b1/build` builds.
    pub(crate) generator_get: bool,
    /// Where generator's images go that name no registry; Docker Hub where none is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_registry: Option<String>,
    /// The Kafka topic for logs of buildshuttle's builds that name brokers.
    pub(crate) kafka_topic: String,
}

impl Default for Dialects {
    fn default() -> Self {
        // The origins are in `[http]`, beside those of WebSockets.
        let DialectSettings { generator_get, default_registry, kafka_topic, origins: _ } =
            DialectSettings::default();
        let default_registry = default_registry.map(|registry| registry.to_string());
        Self { generator_get, default_registry, kafka_topic }
    }
}

impl Dialects {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        const KEY: &str = "dialects.kafka_topic";
        // The brokers are the request's.
        let target = KafkaTarget::new(KEY, ["localhost:9092".to_owned()], &self.kafka_topic);
        target.map_err(|error| invalid(KEY, error.message))?;
        self.for_api(Origins::default()).map(drop)
    }

    /// The same as the API takes it, with whose pages may call it.
    ///
    /// # Errors
    /// When the registry is none.
    pub(crate) fn for_api(&self, origins: Origins) -> Result<DialectSettings, SettingsError> {
        let registry = self.default_registry.as_deref().map(RegistryHost::parse).transpose();
        Ok(DialectSettings {
            generator_get: self.generator_get,
            // Not quoted: it may be a URL with a password in it.
            default_registry: registry.map_err(|_| {
                invalid("dialects.default_registry", "is no registry; write host or host:port")
            })?,
            kafka_topic: self.kafka_topic.clone(),
            origins,
        })
    }
}

//! What the operator decides about the older services' APIs.

use slipway_domain::RegistryHost;

use crate::Origins;

/// Settings of the dialects.
#[derive(Debug, Clone)]
pub struct DialectSettings {
    /// Whether generator's `GET /b1/build` builds. Whatever fetches pages ahead builds, too.
    pub generator_get: bool,
    /// Where generator's images go that name no registry; Docker Hub where there is none.
    pub default_registry: Option<RegistryHost>,
    /// The Kafka topic for logs of builds whose requests name brokers and no topic.
    pub kafka_topic: String,
    /// Whose pages may call what boatyard's and the templates' pages called.
    pub origins: Origins,
}

impl Default for DialectSettings {
    fn default() -> Self {
        Self {
            generator_get: true,
            default_registry: None,
            kafka_topic: "alamobuildlogs".into(),
            origins: Origins::all(),
        }
    }
}

//! What the operator decides about the older services' APIs.

/// Settings of the dialects.
#[derive(Debug, Clone)]
pub struct DialectSettings {
    /// The Kafka topic for logs of builds whose requests name brokers and no topic.
    pub kafka_topic: String,
}

impl Default for DialectSettings {
    fn default() -> Self {
        Self { kafka_topic: "alamobuildlogs".into() }
    }
}

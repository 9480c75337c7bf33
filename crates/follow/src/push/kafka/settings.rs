//! What the operator says of clusters.

use slipway_domain::Secret;

/// A cluster that the operator has named: its brokers may be wherever they are, and get the
/// login. Other clusters, which requests name, are spoken to in the clear and without one.
#[derive(Debug, Clone)]
pub struct KafkaCluster {
    /// Its brokers as followers name them, each `host:port`.
    pub brokers: Vec<String>,
    /// How it is spoken to.
    pub security: KafkaSecurity,
    /// A file with certificates in PEM that are trusted in place of the system's.
    pub ca_file: Option<String>,
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub sasl_mechanism: String,
    /// Name and password, where there is a login.
    pub login: Option<(String, Secret)>,
}

/// How a cluster is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KafkaSecurity {
    /// In the clear.
    Plaintext,
    /// Over TLS.
    Ssl,
    /// In the clear, with a login.
    SaslPlaintext,
    /// Over TLS, with a login.
    SaslSsl,
}

impl KafkaSecurity {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl];

    /// The word for it, as Kafka's clients have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }
}

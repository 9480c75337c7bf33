//! `[kafka]`: clusters that the operator names.

use std::path::Path;

use serde::{Deserialize, Serialize};
use slipway_domain::Secret;
use slipway_follow::push::{KafkaCluster, KafkaSecurity};

use super::{SettingsError, authorities, invalid, masked};

const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Kafka {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clusters: Vec<Cluster>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Cluster {
    /// As followers name them, each `host:port`. They may be wherever they are.
    brokers: Vec<String>,
    /// `plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`.
    security: Option<String>,
    /// Certificates in PEM that are trusted in place of the system's.
    ca_file: Option<String>,
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    sasl_mechanism: Option<String>,
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "masked")]
    password: Option<Secret>,
}

impl Kafka {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        self.clusters.iter().try_for_each(|cluster| cluster.read().map(drop))
    }

    /// For those who tell followers: the others may not have the files.
    ///
    /// # Errors
    /// Names what does not fit.
    pub(crate) fn clusters(&self) -> Result<Vec<KafkaCluster>, SettingsError> {
        for file in self.clusters.iter().filter_map(|cluster| cluster.ca_file.as_deref()) {
            authorities::read("kafka.clusters.ca_file", Path::new(file))?;
        }
        self.clusters.iter().map(Cluster::read).collect()
    }
}

impl Cluster {
    fn read(&self) -> Result<KafkaCluster, SettingsError> {
        let word = self.security.as_deref().unwrap_or("plaintext");
        let security = KafkaSecurity::ALL.into_iter().find(|known| known.as_str() == word);
        let security = security.ok_or_else(|| {
            let known = KafkaSecurity::ALL.map(KafkaSecurity::as_str).join(", ");
            invalid("kafka.clusters.security", format!("must be one of {known}"))
        })?;
        let mechanism = self.sasl_mechanism.as_deref().unwrap_or("PLAIN");
        if !MECHANISMS.contains(&mechanism) {
            let problem = format!("must be one of {}", MECHANISMS.join(", "));
            return Err(invalid("kafka.clusters.sasl_mechanism", problem));
        }
        let login = self.username.clone().zip(self.password.clone());
        let wants_login = matches!(security, KafkaSecurity::SaslPlaintext | KafkaSecurity::SaslSsl);
        if wants_login != login.is_some() {
            let problem =
                "goes with username and password, and they with sasl_plaintext or sasl_ssl";
            return Err(invalid("kafka.clusters.security", problem));
        }
        if self.brokers.is_empty() {
            return Err(invalid("kafka.clusters.brokers", "is empty; write [\"host:port\"]"));
        }
        Ok(KafkaCluster {
            brokers: self.brokers.clone(),
            security,
            ca_file: self.ca_file.clone(),
            sasl_mechanism: mechanism.to_owned(),
            login,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<Vec<KafkaCluster>, String> {
        let kafka: Kafka = toml::from_str(toml).unwrap();
        kafka.clusters().map_err(|error| error.to_string())
    }

    #[test]
    fn a_login_goes_with_sasl_and_is_not_shown() {
        let login = "username = \"u\"\npassword = \"hunter2\"\n";
        let cluster = |more: &str| format!("[[clusters]]\nbrokers = [\"k:9093\"]\n{more}");
        let good = cluster(&format!("security = \"sasl_ssl\"\n{login}"));
        assert!(read(&good).unwrap()[0].login.is_some());
        let kafka: Kafka = toml::from_str(&good).unwrap();
        let shown = toml::to_string(&kafka).unwrap() + &format!("{kafka:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        for (bad, key) in [
            (cluster(login), "kafka.clusters.security"),
            (cluster("security = \"sasl_ssl\""), "kafka.clusters.security"),
            (cluster("security = \"tls\""), "kafka.clusters.security"),
            (cluster("sasl_mechanism = \"NTLM\""), "kafka.clusters.sasl_mechanism"),
            ("[[clusters]]\nsecurity = \"ssl\"".into(), "kafka.clusters.brokers"),
        ] {
            let refused = read(&bad).unwrap_err();
            assert!(refused.contains(key) && !refused.contains("hunter2"), "{refused}");
        }
    }
}

//! How a cluster is spoken to, in the words of Kafka's library.

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::FutureProducer;

use super::complaints::Complaints;
use super::settings::KafkaCluster;

/// A producer that dials these brokers; `known` is what the operator says of them.
pub(super) fn producer(
    brokers: &[String],
    known: Option<&KafkaCluster>,
    complaints: Complaints,
) -> Result<FutureProducer<Complaints>, KafkaError> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers.join(","))
        .set("client.id", "slipway")
        // A record counts when all replicas have it, and is there once however often it was
        // sent.
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", "30000")
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("reconnect.backoff.max.ms", "5000")
        .set("linger.ms", "5")
        .set("message.max.bytes", "1000000")
        // What waits for a broker, for all builds together: 16 MiB.
        .set("queue.buffering.max.kbytes", "16384")
        .set("log.connection.close", "false");
    if let Some(known) = known {
        config.set("security.protocol", known.security.as_str());
        if let Some(file) = &known.ca_file {
            config.set("ssl.ca.location", file);
        }
        if let Some((name, password)) = &known.login {
            config
                .set("sasl.mechanism", &known.sasl_mechanism)
                .set("sasl.username", name)
                .set("sasl.password", password.expose());
        }
    }
    config.create_with_context(complaints)
}

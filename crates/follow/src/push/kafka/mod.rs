//! Followers that are topics at Kafka clusters.

mod cluster;
mod records;
mod send;
mod settings;

pub(super) use cluster::Clusters;
pub use settings::{KafkaCluster, KafkaSecurity};

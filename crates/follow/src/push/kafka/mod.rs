//! Followers that are topics at Kafka clusters.

mod cluster;
mod complaints;
mod producer;
mod records;
mod send;
mod settings;

pub(super) use cluster::Clusters;
pub use settings::{KafkaCluster, KafkaSecurity};

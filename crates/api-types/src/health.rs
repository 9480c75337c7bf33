//! How the service is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// As it should be.
    Healthy,
    /// Builds are accepted, but some or all of them have to wait.
    Degraded,
    /// Builds cannot be accepted.
    Unavailable,
}

/// How the service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthView {
    /// The worst of the checks.
    pub status: HealthStatus,
    /// What it is, in the word that clients of the templates' older API know it by.
    #[serde(default)]
    #[schema(example = "docker-image-builder")]
    pub service: String,
    /// The running release.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// What was looked at.
    pub checks: Vec<CheckView>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckView {
    /// `database`, `blobs`, `hosts`, or `host` and a host's name.
    #[schema(example = "host local")]
    pub name: String,
    /// How it is.
    pub status: HealthStatus,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

//! The Docker hosts.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A Docker host as its worker last saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostView {
    /// Its name in the settings.
    #[schema(example = "local")]
    pub name: String,
    /// How many builds it takes at once.
    pub slots: u32,
    /// How many run on it now.
    pub running: u32,
    /// Its platform, once it was reached.
    #[schema(required, example = "linux/amd64")]
    pub platform: Option<String>,
    /// Its builder, once it was reached: `buildkit` or `classic`.
    #[schema(required, example = "buildkit")]
    pub builder: Option<String>,
    /// Taken out of service by an operator: what runs on it ends, nothing new begins.
    pub drained: bool,
    /// Why it cannot be used now.
    #[schema(required)]
    pub problem: Option<String>,
    /// When a worker last looked.
    pub probed_at: DateTime<Utc>,
}

/// All hosts by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostList {
    /// The hosts.
    pub hosts: Vec<HostView>,
}

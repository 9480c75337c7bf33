//! The projects, and what operators allow them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a project is allowed, and what it has running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectView {
    /// Its name; `*` stands for every project without a limit of its own.
    #[schema(example = "team/app")]
    pub name: String,
    /// How many of its builds may run at once; `null` means any number.
    #[schema(required)]
    pub max_running: Option<u32>,
    /// Whether that is its own limit; `false` where it has that of `*`, or none was ever set.
    pub own_limit: bool,
    /// How many of its builds run now.
    pub running: u64,
}

/// Projects by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectList {
    /// The projects.
    pub projects: Vec<ProjectView>,
}

/// What a project is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectLimits {
    /// How many of its builds may run at once, at least 1; `null` means any number.
    #[serde(default, deserialize_with = "crate::whole::limit")]
    #[schema(required, minimum = 1)]
    pub max_running: Option<u32>,
}

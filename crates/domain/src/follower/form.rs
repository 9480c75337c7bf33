//! In whose words a follower is told.

use serde::{Deserialize, Serialize};

/// In whose words a follower is told, with what those words need beside the build itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum FollowerForm {
    /// Slipway's own: the build as `/api/v2` shows it, signed as Standard Webhooks are.
    Native,
    /// buildshuttle as it was documented: `{"id", "type", "building", "status"}`, and records
    /// `{"metadata", "build", "job", "message"}`.
    Buildshuttle {
        /// The `metadata` of the request, as it came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metadata: Option<serde_json::Value>,
        /// The build's id in its API: a number where it is one.
        build: String,
    },
    /// buildshuttle as it was shipped: `pending`, then one end state, never `building`.
    Callback {
        /// `<app>-<space>`.
        metadata: String,
        /// The build's number in its API.
        build: i64,
    },
    /// The status of a commit at a forge.
    CommitStatus {
        /// Whose API it is.
        forge: Forge,
        /// What distinguishes it from others' statuses of the commit, such as `slipway/app`.
        context: String,
        /// A page about the build, where there is one; `{build}` in it stands for its id.
        link: Option<String>,
    },
}

/// A place where repositories are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forge {
    /// github.com, or an Enterprise server.
    Github,
    /// Gitea, or Forgejo.
    Gitea,
    /// gitlab.com, or a server of its own.
    Gitlab,
}

impl Forge {
    /// The word for it, in requests, paths and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitea => "gitea",
            Self::Gitlab => "gitlab",
        }
    }
}

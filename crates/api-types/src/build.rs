//! A build as it is shown.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use slipway_domain::{Fault, Reason, Stage};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Status;

/// A build as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BuildView {
    /// Its id.
    pub id: Uuid,
    /// Where it stands.
    pub status: Status,
    /// Where the image goes.
    #[schema(example = "registry.example/team/app:1.2")]
    pub image: String,
    /// The tenant that it belongs to.
    #[schema(example = "default")]
    pub project: String,
    /// Where its context comes from.
    pub source: SourceView,
    /// The latest attempt, from 1; 0 before the first.
    pub attempt: i32,
    /// The Docker host of the latest attempt.
    #[schema(required, example = "local")]
    pub host: Option<String>,
    /// The registry's digest of the image, once it is pushed.
    #[schema(required, example = "sha256:6f1a…")]
    pub digest: Option<String>,
    /// Why it did not succeed.
    #[schema(required)]
    pub failure: Option<FailureView>,
    /// When it entered each stage, and how long each took.
    pub timings: TimingsView,
    /// Why it waits. Only there where one build is asked for that is queued: to know it takes
    /// more than a look at the build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitingView>,
    /// Whether somebody asked for it to stop.
    pub cancel_requested: bool,
    /// The build that this one repeats.
    #[schema(required)]
    pub retry_of: Option<Uuid>,
    /// 0 to 9; more goes first.
    pub priority: u8,
    /// Builds of the project with the same key take this one's place.
    #[schema(required)]
    pub supersede_key: Option<String>,
    /// The build that took this one's place.
    #[schema(required)]
    pub superseded_by: Option<Uuid>,
    /// What its sender wanted to find again.
    #[schema(required)]
    pub metadata: Option<serde_json::Value>,
    /// The number of its latest event.
    pub last_seq: i64,
    /// Where more is to be found.
    pub links: BuildLinks,
}

/// A build that was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AcceptedView {
    /// As it stands.
    #[serde(flatten)]
    pub build: BuildView,
    /// What the request should better not have. Left out where there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<WarningView>,
}

/// Something that a request should better not have, and that does not hinder the build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WarningView {
    /// The field that it is about.
    #[schema(example = "args.NPM_TOKEN")]
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Where a build's context comes from, without its content and its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SourceView {
    /// A Dockerfile, with nothing but a few files of text beside it.
    Dockerfile {
        /// Length of its text in bytes.
        bytes: u64,
        /// How many files came beside it.
        files: u64,
    },
    /// A template, filled in.
    Template {
        /// Which.
        name: String,
        /// How many files are beside its Dockerfile.
        files: u64,
    },
    /// An uploaded context.
    Upload {
        /// Which.
        id: Uuid,
    },
    /// An archive that is fetched.
    Archive {
        /// Where it is, without login and query.
        url: String,
        /// What its digest must be.
        #[schema(required)]
        sha256: Option<String>,
        /// The folder of it that is the context.
        #[schema(required)]
        subdir: Option<String>,
    },
    /// A commit of a repository.
    Git {
        /// Where it is, without login.
        url: String,
        /// The branch, tag or commit that was asked for.
        #[schema(required)]
        r#ref: Option<String>,
        /// The folder of it that is the context.
        #[schema(required)]
        subdir: Option<String>,
        /// Whether its submodules are fetched, too.
        submodules: bool,
        /// The commit that it came to, once that is known.
        #[schema(required)]
        commit: Option<String>,
    },
    /// A commit of a repository on GitHub.
    Github {
        /// Whose.
        owner: String,
        /// Which.
        repo: String,
        /// The branch, tag or commit that was asked for.
        #[schema(required)]
        r#ref: Option<String>,
        /// The folder of it that is the context.
        #[schema(required)]
        subdir: Option<String>,
        /// The commit that it came to, once that is known.
        #[schema(required)]
        commit: Option<String>,
    },
    /// An image that was there already.
    Image {
        /// Which.
        r#ref: String,
        /// Whether it is copied with all its platforms.
        all_platforms: bool,
    },
}

/// Why a build did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailureView {
    /// What happened, as a word: `dockerfile_invalid`, `step_failed`, `file_not_found`,
    /// `address_not_fetched`, `base_image_not_found`, `base_image_denied`, `secret_missing`,
    /// `context_not_an_archive`, `context_truncated`, `context_unsafe`, `context_too_large`,
    /// `dockerfile_missing`, `upload_missing`, `uploads_refused`, `context_unreadable`,
    /// `source_not_found`, `source_denied`,
    /// `source_unreachable`, `source_error`, `source_changed`, `address_refused`,
    /// `registry_denied`,
    /// `registry_unreachable`, `registry_error`, `host_unreachable`, `host_disk_full`,
    /// `image_lost`, `builder_unsupported`, `host_error`, `timed_out`, `queue_timeout`,
    /// `attempts_exhausted` or `internal`.
    #[schema(value_type = String, example = "step_failed")]
    pub reason: Reason,
    /// The stage it happened in: `preparing`, `building`, `pushing` or `purging`.
    #[schema(required, value_type = Option<String>, example = "building")]
    pub stage: Option<Stage>,
    /// Who has to do something about it: `user`, `source`, `registry`, `host` or `system`.
    #[schema(value_type = String, example = "user")]
    pub fault: Fault,
    /// One sentence.
    #[schema(example = "step 2 exited with code 127")]
    pub message: String,
    /// What to do about it.
    #[schema(required)]
    pub hint: Option<String>,
}

/// When the latest attempt entered each stage, and how long each stage took that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimingsView {
    /// When the build was accepted.
    pub created_at: DateTime<Utc>,
    /// When its context was on the way to the engine.
    #[schema(required)]
    pub preparing_at: Option<DateTime<Utc>>,
    /// When the engine began with the Dockerfile.
    #[schema(required)]
    pub building_at: Option<DateTime<Utc>>,
    /// When the image began to travel to the registry.
    #[schema(required)]
    pub pushing_at: Option<DateTime<Utc>>,
    /// When the image began to be taken off the host.
    #[schema(required)]
    pub purging_at: Option<DateTime<Utc>>,
    /// When the build was over.
    #[schema(required)]
    pub finished_at: Option<DateTime<Utc>>,
    /// Milliseconds from acceptance to the latest attempt.
    #[schema(required)]
    pub queued_ms: Option<i64>,
    /// Milliseconds of preparing.
    #[schema(required)]
    pub preparing_ms: Option<i64>,
    /// Milliseconds of building.
    #[schema(required)]
    pub building_ms: Option<i64>,
    /// Milliseconds of pushing.
    #[schema(required)]
    pub pushing_ms: Option<i64>,
    /// Milliseconds of purging.
    #[schema(required)]
    pub purging_ms: Option<i64>,
    /// Milliseconds from acceptance to the end.
    #[schema(required)]
    pub total_ms: Option<i64>,
}

/// Why a build still waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingView {
    /// In words.
    #[schema(example = "all 4 slots busy")]
    pub reason: String,
    /// How many builds are before it; 0 is next.
    pub position: u64,
    /// Since when it waits.
    pub since: DateTime<Utc>,
}

/// Paths of what belongs to a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BuildLinks {
    /// The build itself.
    #[serde(rename = "self")]
    pub this: String,
    /// Its log as text.
    pub logs: String,
    /// Its events as they happen.
    pub events: String,
}

/// Builds, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BuildList {
    /// One page of them.
    pub builds: Vec<BuildView>,
    /// What to give as `cursor` for the next page; null on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

//! Who is told of a build without asking.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use slipway_domain::Secret;
use utoipa::ToSchema;
use uuid::Uuid;

/// Somebody who is told of the build. Cannot be printed: its address may hold a login.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowerRequest {
    /// What it is told.
    pub kind: FollowerKindName,
    /// `https://host/path`, or `kafka://host:port/topic`; several brokers of one cluster as
    /// `kafka://a:9092,b:9092/topic`. A login in it becomes the `Authorization` header: `token@`
    /// is its value, `user:password@` is Basic. Kept sealed; answers show it without login and
    /// query.
    #[schema(value_type = String, example = "https://ci.example/hooks/slipway")]
    pub url: Secret,
    /// The key that webhooks are signed with, as Standard Webhooks has it: `whsec_` and 24 to 64
    /// bytes in base64. Only for `status` over http. Where none is given, the server's own key
    /// signs, if it has one. Kept sealed, never shown.
    #[schema(value_type = Option<String>, write_only)]
    pub secret: Option<Secret>,
}

/// What a follower is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FollowerKindName {
    /// Each change of state, one request or record each, in order.
    Status,
    /// The log as it comes: one long request, or one record for each event.
    Logs,
}

/// A follower as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowerView {
    /// Its id.
    pub id: Uuid,
    /// What it is told.
    pub kind: FollowerKindName,
    /// Its address, without login and query.
    #[schema(example = "https://ci.example/hooks/slipway")]
    pub url: String,
    /// `http` or `kafka`.
    pub transport: String,
    /// In whose words: `native`, `buildshuttle`, `callback` or `commit_status`.
    pub form: String,
    /// `waiting`; `done` when it was told of the end; `disabled` when it answered 410;
    /// `given_up` when all tries were in vain.
    pub state: String,
    /// What was wrong, last or for good.
    #[schema(required)]
    pub problem: Option<String>,
    /// The number of the last event that it was told of, or that was passed by.
    pub told_seq: i64,
    /// How often the next one was tried in vain.
    pub attempts: u32,
    /// When it is tried next, while it waits.
    #[schema(required)]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it stopped waiting.
    #[schema(required)]
    pub ended_at: Option<DateTime<Utc>>,
    /// Whether things can be sent to it again: its address is still kept.
    pub can_resend: bool,
}

/// The followers of a build, in the order of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FollowerList {
    /// All of them.
    pub followers: Vec<FollowerView>,
}

/// A try to tell a follower of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// Its id.
    pub id: Uuid,
    /// Who was to be told.
    pub follower: Uuid,
    /// Of which build.
    pub build: Uuid,
    /// Of which event.
    pub seq: i64,
    /// The same for every try of one message.
    pub webhook_id: String,
    /// From 1 for each message.
    pub attempt: u32,
    /// Whether somebody asked for it.
    pub resend: bool,
    /// When it began; of a try whose server was killed over it, when that was found out.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub duration_ms: u64,
    /// `delivered`; `failed`; `refused` when its address may not be reached; `passed_by` when it
    /// failed and gave way to what came later.
    pub outcome: String,
    /// Why it was not delivered.
    #[schema(required)]
    pub error: Option<String>,
    /// What was sent.
    pub request: DeliveryMessage,
    /// What was answered, if anything was.
    #[schema(required)]
    pub response: Option<DeliveryMessage>,
}

/// One side of a try: without headers that are secret, and with 16 KiB of the body at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryMessage {
    /// The status of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body.
    pub body: String,
}

/// A page of tries, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryList {
    /// The tries.
    pub deliveries: Vec<DeliveryView>,
    /// Where the next page begins; `null` on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// Which messages are to be sent again.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResendSince {
    /// Those of this build. Either this or `project`.
    pub build: Option<Uuid>,
    /// Those of all builds of this project.
    pub project: Option<String>,
    /// Those that were tried since then.
    pub since: DateTime<Utc>,
    /// Only those that were never taken.
    #[serde(default)]
    pub only_failed: bool,
}

/// How many messages are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resending {
    /// Messages that are sent again.
    pub messages: u64,
    /// Messages that cannot be: the address of their follower was erased.
    pub erased: u64,
}

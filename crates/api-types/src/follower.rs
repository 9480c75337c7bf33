//! Who is told of a build without asking.

use serde::{Deserialize, Serialize};
use slipway_domain::Secret;
use utoipa::ToSchema;

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

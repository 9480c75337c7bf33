//! Triggers, and what forges have told.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use slipway_domain::Secret;
use utoipa::ToSchema;
use uuid::Uuid;

/// A trigger as it is asked for: what is built when something happens at a forge. Unknown
/// fields are refused.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "web",
    "forge": "github",
    "repository": "octo/*",
    "events": ["push", "release"],
    "ref": "{main,v*}",
    "image": "registry.example/{owner}/{repo}:{tag|branch}",
    "secret": "what the webhook is signed with"
}))]
pub struct TriggerRequest {
    /// 1 to 64 letters, digits, dots, dashes and underscores.
    pub name: String,
    /// `github`, `gitea` (Forgejo, too) or `gitlab`.
    pub forge: String,
    /// Where a `gitea` is, and a `gitlab` that is not gitlab.com: `https://git.example`. Sources
    /// are fetched from there, and the token goes there and nowhere else.
    pub url: Option<String>,
    /// Which repositories: `owner/name`, `owner/*`, or `**` for any. `*` stops at a slash.
    pub repository: String,
    /// What has to happen: `push`, `release`, `pull_request`. `push` if nothing is said.
    pub events: Option<Vec<String>>,
    /// Which branches or tags, as a pattern: `main`, `v*`, `refs/tags/**`. Of a pull request,
    /// those that it wants to get into. Any if nothing is said.
    pub r#ref: Option<String>,
    /// The image, with places for what happened: `{owner}`, `{repo}`, `{branch}`, `{tag}`,
    /// `{sha}`, `{short_sha}` and `{pr}`; `{tag|branch}` takes the first that there is. Values
    /// are made safe for where they stand.
    pub image: String,
    /// Path of the Dockerfile in the context.
    #[schema(default = "Dockerfile")]
    pub dockerfile: Option<String>,
    /// The folder of the repository that is the context.
    pub subdir: Option<String>,
    /// The platform to build for; the host's own where none is named.
    pub platform: Option<String>,
    /// The tenant that the builds belong to.
    #[schema(default = "default")]
    pub project: Option<String>,
    /// Build arguments.
    #[serde(default, deserialize_with = "crate::once::map")]
    pub args: BTreeMap<String, String>,
    /// Whether a newer push takes the place of older builds of its branch, tag or pull request.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub supersede: bool,
    /// Whether pull requests from forks are built. They never get the token.
    #[serde(default)]
    pub forks: bool,
    /// What deliveries are signed with; without one, `webhooks` of the settings say. Kept sealed
    /// and never shown. Left out of a PUT, it stays; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, write_only)]
    pub secret: Option<Option<Secret>>,
    /// What a private source is fetched with and the commit's status is set with. Kept sealed
    /// and never shown. Left out of a PUT, it stays; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, write_only)]
    pub token: Option<Option<Secret>>,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TriggerView {
    /// Its id; triggers of the settings file have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// What it is called.
    pub name: String,
    /// `database`, or `settings` where only the settings file can change it.
    pub kept_in: String,
    /// Whose deliveries it is for.
    pub forge: String,
    /// Where the forge is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Which repositories.
    pub repository: String,
    /// What has to happen.
    pub events: Vec<String>,
    /// Which branches or tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<String>,
    /// The image.
    pub image: String,
    /// Path of the Dockerfile in the context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
    /// The folder of the repository that is the context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
    /// The platform to build for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The tenant that the builds belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Whether a newer push takes the place of older builds.
    pub supersede: bool,
    /// Whether pull requests from forks are built.
    pub forks: bool,
    /// Whether it has a secret of its own.
    pub has_secret: bool,
    /// Whether it has a token.
    pub has_token: bool,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<DateTime<Utc>>,
}

/// Triggers: those of the settings file first, each by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TriggerList {
    /// The triggers.
    pub triggers: Vec<TriggerView>,
}

/// Something that may happen at a forge: told in a few words, or as the forge would.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "forge": "github", "repository": "octo/app", "ref": "refs/heads/main"
}))]
pub struct DryRun {
    /// `github`, `gitea` or `gitlab`.
    pub forge: String,
    /// `push`, `release` or `pull_request`; with `delivery`, what the forge's header says of it,
    /// such as `push` or `Merge Request Hook`.
    #[schema(default = "push")]
    pub event: Option<String>,
    /// `owner/name`.
    pub repository: Option<String>,
    /// `refs/heads/main`, `refs/tags/v1`, or a branch's name; of a release, its tag; of a pull
    /// request, the branch that it wants to get into.
    pub r#ref: Option<String>,
    /// The full name of a commit. Without it, what would be built shows `{sha}` in its place.
    pub commit: Option<String>,
    /// Number of the pull request.
    #[schema(default = 1)]
    pub number: Option<u64>,
    /// Whether the pull request is from a fork.
    #[serde(default)]
    pub fork: bool,
    /// A whole delivery as the forge sends it, in place of all but `forge` and `event`.
    #[schema(value_type = Option<Object>)]
    pub delivery: Option<serde_json::Value>,
}

/// What would become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DryRunView {
    /// Why nothing would come of it, whatever the triggers are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<String>,
    /// What would be built.
    pub builds: Vec<WouldBuild>,
    /// The triggers that would build nothing, and why.
    pub passed_by: Vec<PassedByView>,
}

/// A build that a trigger would submit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WouldBuild {
    /// The trigger.
    pub trigger: String,
    /// Where the image would go. Of a commit that was not told, `{sha}` and `{short_sha}` stand
    /// for its name.
    pub image: String,
    /// Where the code would come from, as in a build's `source`. Its `ref` is `{sha}` where it
    /// would be a commit that was not told.
    #[schema(value_type = Object)]
    pub source: serde_json::Value,
    /// The tenant.
    pub project: String,
    /// What older builds it would take the place of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supersede_key: Option<String>,
    /// Whether the source would be fetched with the trigger's token.
    pub with_token: bool,
}

/// A trigger that builds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PassedByView {
    /// The trigger.
    pub trigger: String,
    /// Why not.
    pub reason: String,
}

/// What a forge is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookAnswer {
    /// The delivery's id here.
    pub id: Uuid,
    /// `accepted`, or `ignored` where nothing can come of it.
    pub status: String,
    /// Why it is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A delivery of a forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookView {
    /// Its id here.
    pub id: Uuid,
    /// Whose it is.
    pub forge: String,
    /// The forge's own name for it.
    pub delivery: String,
    /// `push`, `release` or `pull_request`.
    pub event: String,
    /// `owner/name`.
    pub repository: String,
    /// What it is about.
    pub r#ref: String,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// `waiting`, `worked` or `ignored`.
    pub status: String,
    /// Why it is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was worked off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worked_at: Option<DateTime<Utc>>,
    /// What each trigger for its repository did.
    pub triggers: Vec<FiredView>,
}

/// What a trigger made of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FiredView {
    /// The trigger.
    pub trigger: String,
    /// The build that it submitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Uuid>,
    /// Why it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Deliveries, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookList {
    /// The deliveries.
    pub deliveries: Vec<WebhookView>,
    /// What to give as `before` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_before: Option<Uuid>,
}

/// Tells a value that is null from one that is not there.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Secret>>, D::Error> {
    Option::<Secret>::deserialize(from).map(Some)
}

const fn yes() -> bool {
    true
}

//! What a client asks for.
//!
//! These types cannot be printed or serialised: logins pass through them.

use std::collections::BTreeMap;

use serde::Deserialize;
use slipway_domain::{Credentials, MAX_QUEUE_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS, Secret};
use utoipa::ToSchema;

use crate::{FollowerRequest, SourceAuth, SourceRequest};

/// A build as it is asked for. Unknown fields are refused.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "image": "registry.example/team/app:1.2",
    "source": {"type": "dockerfile", "content": "FROM scratch\nLABEL hello=world\n"},
    "args": {"VERSION": "1.2"},
    "registry_auth": {"registry.example": {"username": "ci", "password": "…"}},
    "metadata": {"commit": "4f2a9c1"}
}))]
pub struct SubmitBuild {
    /// Where the image goes, such as `registry.example/team/app:1.2`: a reference by the
    /// grammar of registries, without a digest. Without a tag it is `latest`.
    pub image: String,
    /// Where the build context comes from.
    pub source: SourceRequest,
    /// Path of the Dockerfile within the context.
    #[schema(default = "Dockerfile")]
    pub dockerfile: Option<String>,
    /// Build arguments. They end up in the image's history: no place for secrets, which go into
    /// `secrets`.
    #[serde(default, deserialize_with = "crate::once::map")]
    pub args: BTreeMap<String, String>,
    /// Labels for the image.
    #[serde(default, deserialize_with = "crate::once::map")]
    pub labels: BTreeMap<String, String>,
    /// The stage of the Dockerfile to stop at; the last one where none is named.
    pub target: Option<String>,
    /// `os/architecture[/variant]`, such as `linux/amd64`; the host's own where none is named.
    pub platform: Option<String>,
    /// Do not use the builder's cache.
    #[serde(default)]
    pub no_cache: bool,
    /// Look for newer base images even where the host has them.
    #[serde(default)]
    pub pull: bool,
    /// Push the image. If not, it stays on the host.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub push: bool,
    /// Logins by registry (`host[:port]`, Docker Hub is `docker.io`), for base images and
    /// for the push. Kept sealed, never shown, and erased when the build ends.
    #[serde(default, deserialize_with = "crate::once::map")]
    #[schema(value_type = BTreeMap<String, LoginSchema>)]
    pub registry_auth: BTreeMap<String, Credentials>,
    /// What `RUN --mount=type=secret,id=…` finds, by its id (letters, digits, `.`, `_`, `-`), at
    /// most 500 KiB each. Needs a Docker host with BuildKit. Kept sealed, never shown, and
    /// erased when the build ends.
    #[serde(default, deserialize_with = "crate::once::map")]
    #[schema(value_type = BTreeMap<String, String>, write_only)]
    pub secrets: BTreeMap<String, Secret>,
    /// Private keys without a passphrase, by the id of `RUN --mount=type=ssh`, which is
    /// `default` where it names none. A step gets an agent that signs with the key, and never
    /// the key. Needs a Docker host with BuildKit. Kept and erased as `secrets` are.
    #[serde(default, deserialize_with = "crate::once::map")]
    #[schema(value_type = BTreeMap<String, String>, write_only)]
    pub ssh: BTreeMap<String, Secret>,
    /// The tenant that the build belongs to.
    #[schema(default = "default")]
    pub project: Option<String>,
    /// Whatever is to be found again in answers, at most 64 KiB.
    pub metadata: Option<serde_json::Value>,
    /// Time limit of the building stage in seconds, 1 to 86400; the server's default where
    /// none is given.
    #[serde(default, deserialize_with = "crate::whole::seconds::<MAX_TIMEOUT_SECONDS, _>")]
    #[schema(minimum = 1, maximum = 86400)]
    pub timeout_seconds: Option<u32>,
    /// 0 to 9; more goes first. Waiting raises it by and by, so nothing waits for ever.
    #[serde(default, deserialize_with = "crate::whole::priority")]
    #[schema(default = 0, maximum = 9)]
    pub priority: u8,
    /// How long it may wait in line in seconds, 1 to 604800 (a week); the server's default
    /// where none is given. It is over then, as `timed_out` with the reason `queue_timeout`.
    #[serde(default, deserialize_with = "crate::whole::seconds::<MAX_QUEUE_TIMEOUT_SECONDS, _>")]
    #[schema(minimum = 1, maximum = 604800)]
    pub queue_timeout_seconds: Option<u32>,
    /// With it, this build takes the place of older ones of the project that were submitted
    /// with the same key: those that wait are cancelled, those that run are asked to stop.
    /// Such as a branch's name; 1 to 255 characters.
    #[schema(example = "app/main")]
    pub supersede_key: Option<String>,
    /// Who is told of the build without asking, at most 16.
    #[serde(default)]
    pub followers: Vec<FollowerRequest>,
}

/// What a retry may bring along.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryBuild {
    /// Logins by registry, needed where the first build came with logins: those were
    /// erased when it ended.
    #[serde(default, deserialize_with = "crate::once::map")]
    #[schema(value_type = BTreeMap<String, LoginSchema>)]
    pub registry_auth: BTreeMap<String, Credentials>,
    /// Build secrets by their id, erased like the logins.
    #[serde(default, deserialize_with = "crate::once::map")]
    #[schema(value_type = BTreeMap<String, String>, write_only)]
    pub secrets: BTreeMap<String, Secret>,
    /// SSH keys by their id, erased like the logins.
    #[serde(default, deserialize_with = "crate::once::map")]
    #[schema(value_type = BTreeMap<String, String>, write_only)]
    pub ssh: BTreeMap<String, Secret>,
    /// What it takes to get the source, as `source.auth` of the first build; for `github` a
    /// token.
    pub source_auth: Option<SourceAuth>,
    /// The whole address of an archive or repository, where that of the first build had a query
    /// or a login: no more of it was kept than is shown. But for these it has to be the same.
    #[schema(value_type = Option<String>, format = Password, write_only)]
    pub source_url: Option<Secret>,
    /// Who is told of the new build, in place of the followers of the first one; `[]` for
    /// nobody. Needed where the addresses of those were erased by now.
    pub followers: Option<Vec<FollowerRequest>>,
}

// For the API document only: the real one is the domain's `Credentials`, which knows no
// serialisation.
/// A login for a registry.
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(as = Login)]
#[expect(dead_code, reason = "read by the schema's macro only")]
pub struct LoginSchema {
    /// The user's name.
    #[schema(value_type = String, example = "ci")]
    username: (),
    /// The password or token.
    #[schema(value_type = String, format = Password, write_only)]
    password: (),
}

const fn yes() -> bool {
    true
}

//! `[build]`: what every build gets, and how long its stages may take.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use slipway_domain::{BuildSpecDraft, FieldError, Source, check_arg_names, is_like_a_secret};

use super::{SettingsError, at_least_one, invalid, without_password};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Build {
    /// For the building stage, where the build names no limit.
    pub(crate) timeout_seconds: u64,
    /// For the push, its retries included.
    pub(crate) push_timeout_seconds: u64,
    /// For getting the context to the engine.
    pub(crate) fetch_timeout_seconds: u64,
    /// For waiting in line, where the build names no limit; 0 means for ever.
    pub(crate) queue_timeout_seconds: u64,
    /// Build arguments of every build; the request's win.
    #[serde(serialize_with = "without_secrets")]
    pub(crate) extra_args: BTreeMap<String, String>,
    /// Never use the builder's cache, whatever the request says.
    pub(crate) no_cache: bool,
}

impl Default for Build {
    fn default() -> Self {
        Self {
            timeout_seconds: 3600,
            push_timeout_seconds: 900,
            fetch_timeout_seconds: 600,
            queue_timeout_seconds: 24 * 60 * 60,
            extra_args: BTreeMap::new(),
            no_cache: false,
        }
    }
}

impl Build {
    /// How long a build may be in line where it says nothing itself.
    pub(crate) const fn queue_timeout(&self) -> Option<Duration> {
        match self.queue_timeout_seconds {
            0 => None,
            seconds => Some(Duration::from_secs(seconds)),
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        at_least_one("build.timeout_seconds", self.timeout_seconds)?;
        at_least_one("build.push_timeout_seconds", self.push_timeout_seconds)?;
        at_least_one("build.fetch_timeout_seconds", self.fetch_timeout_seconds)?;
        self.check_args()
    }

    /// As those of a request, because they go where those go.
    fn check_args(&self) -> Result<(), SettingsError> {
        let mut build = BuildSpecDraft::new("r.example/a:1", Source::dockerfile("FROM scratch"));
        build.args.clone_from(&self.extra_args);
        let checked = check_arg_names(&self.extra_args).and_then(|()| build.parse().map(drop));
        checked.map_err(|FieldError { field, message, .. }| {
            invalid(&field.replacen("args", "build.extra_args", 1), message)
        })
    }
}

/// Arguments as they may be shown. They are no place for secrets, and hold some all the same.
fn without_secrets<S: Serializer>(
    args: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(args.iter().map(|(name, value)| match is_like_a_secret(name) {
        true => (name, "***".to_owned()),
        false => (name, without_password(value)),
    }))
}

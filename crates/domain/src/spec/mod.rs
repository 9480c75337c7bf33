//! What is to be built: the one form into which every dialect translates.

mod check;
mod draft;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{DockerfilePath, ImageRef, Platform, Project, Resources, SecretNames, Source};

pub use self::check::{MAX_PRIORITY, MAX_QUEUE_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS};
pub use self::draft::BuildSpecDraft;

/// A checked request for a build, as the row keeps it. Logins travel apart, sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildSpec {
    /// Where the image goes.
    pub image: ImageRef,
    /// Where the context comes from.
    pub source: Source,
    /// The Dockerfile within the context.
    pub dockerfile: DockerfilePath,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Labels for the image.
    pub labels: BTreeMap<String, String>,
    /// The stage to stop at; the last one where none is named.
    pub target: Option<String>,
    /// The platform to build for; the host's own where none is named.
    pub platform: Option<Platform>,
    /// Do not use the builder's cache.
    pub no_cache: bool,
    /// Look for newer base images even where the host has them.
    pub pull: bool,
    /// Push the image. If not, it stays on the host.
    pub push: bool,
    /// The tenant.
    pub project: Project,
    /// Whatever the sender wants to find again in answers and events.
    pub metadata: Option<serde_json::Value>,
    /// Time limit of the building stage; the server's default where none is given.
    pub timeout_seconds: Option<u32>,
    /// 0 to 9; more goes first. Rows of before it existed have none.
    #[serde(default)]
    pub priority: u8,
    /// How long it may wait in line; the server's default where none is given.
    #[serde(default)]
    pub queue_timeout_seconds: Option<u32>,
    /// A newer build of the project with the same key takes this one's place.
    #[serde(default)]
    pub supersede_key: Option<String>,
    /// What its steps may use of the host.
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    /// Further names of the image, in the repository of the first. All are pushed.
    #[serde(default)]
    pub also: Vec<ImageRef>,
    /// Every stage has every argument without an `ARG` line, as some older services had it.
    /// Their clients send secrets in arguments: the values stay out of the log.
    #[serde(default)]
    pub args_in_every_stage: bool,
    /// Lines that the log begins with.
    #[serde(default)]
    pub log_opening: Vec<String>,
    /// Which secrets came with it, for a retry. Rows of before it existed have none.
    #[serde(default, skip_serializing_if = "SecretNames::is_empty")]
    pub secret_names: SecretNames,
}

impl BuildSpec {
    /// All names of the image, its own first.
    pub fn images(&self) -> impl Iterator<Item = &ImageRef> {
        std::iter::once(&self.image).chain(&self.also)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> BuildSpec {
        let source = Source::dockerfile("FROM scratch");
        BuildSpecDraft::new("r.example/app:1", source).parse().unwrap()
    }

    #[test]
    fn stored_form_and_back() {
        let spec = spec();
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<BuildSpec>(&text).unwrap(), spec);
    }

    #[test]
    fn rows_of_the_release_before_can_be_read() {
        let spec = spec();
        let mut row = serde_json::to_value(&spec).unwrap();
        assert!(!row.as_object().unwrap().contains_key("resources"));
        for new in [
            "priority",
            "queue_timeout_seconds",
            "supersede_key",
            "also",
            "args_in_every_stage",
            "log_opening",
        ] {
            row.as_object_mut().unwrap().remove(new).unwrap();
        }
        assert_eq!(serde_json::from_value::<BuildSpec>(row).unwrap(), spec);
    }
}

//! A request before it was checked, and the check of all of it.

use std::collections::BTreeMap;

use super::BuildSpec;
use super::check::{
    MAX_ESCAPED_BYTES, MAX_PRIORITY, MAX_QUEUE_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS,
    MAX_VALUE_BYTES, also, check_pairs, check_seconds, escaped_bytes, is_key, is_stage_name,
};
use crate::{
    DockerfilePath, FieldError, ImageRef, Platform, Project, Resources, SecretNames, Source,
};

/// A request as it came, field by field, before it was checked.
#[derive(Debug, Clone)]
pub struct BuildSpecDraft {
    /// See [`BuildSpec::image`].
    pub image: String,
    /// See [`BuildSpec::source`].
    pub source: Source,
    /// See [`BuildSpec::dockerfile`].
    pub dockerfile: Option<String>,
    /// See [`BuildSpec::args`].
    pub args: BTreeMap<String, String>,
    /// See [`BuildSpec::labels`].
    pub labels: BTreeMap<String, String>,
    /// See [`BuildSpec::target`].
    pub target: Option<String>,
    /// See [`BuildSpec::platform`].
    pub platform: Option<String>,
    /// See [`BuildSpec::no_cache`].
    pub no_cache: bool,
    /// See [`BuildSpec::pull`].
    pub pull: bool,
    /// See [`BuildSpec::push`].
    pub push: bool,
    /// See [`BuildSpec::project`].
    pub project: Option<String>,
    /// See [`BuildSpec::metadata`].
    pub metadata: Option<serde_json::Value>,
    /// See [`BuildSpec::timeout_seconds`].
    pub timeout_seconds: Option<u32>,
    /// See [`BuildSpec::priority`].
    pub priority: u8,
    /// See [`BuildSpec::queue_timeout_seconds`].
    pub queue_timeout_seconds: Option<u32>,
    /// See [`BuildSpec::supersede_key`].
    pub supersede_key: Option<String>,
    /// See [`BuildSpec::resources`].
    pub resources: Resources,
    /// The tags of [`BuildSpec::also`].
    pub also_tags: Vec<String>,
    /// See [`BuildSpec::args_in_every_stage`].
    pub args_in_every_stage: bool,
    /// See [`BuildSpec::log_opening`].
    pub log_opening: Vec<String>,
}

impl BuildSpecDraft {
    /// A draft with everything but image and source at its default.
    pub fn new(image: impl Into<String>, source: Source) -> Self {
        Self {
            image: image.into(),
            source,
            dockerfile: None,
            args: BTreeMap::new(),
            labels: BTreeMap::new(),
            target: None,
            platform: None,
            no_cache: false,
            pull: false,
            push: true,
            project: None,
            metadata: None,
            timeout_seconds: None,
            priority: 0,
            queue_timeout_seconds: None,
            supersede_key: None,
            resources: Resources::default(),
            also_tags: Vec::new(),
            args_in_every_stage: false,
            log_opening: Vec::new(),
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// The first field that is wrong, by its name in the native API.
    pub fn parse(self) -> Result<BuildSpec, FieldError> {
        let image = ImageRef::parse(&self.image)
            .map_err(|error| FieldError::new("image", error.to_string()))?;
        if image.digest().is_some() {
            return Err(FieldError::new("image", "has a digest, which only the registry can give")
                .hint("name a tag to push to, such as registry.example/app:1.2"));
        }
        let also = also(&image, &self.also_tags)?;
        check_pairs("args", &self.args)?;
        check_pairs("labels", &self.labels)?;
        if escaped_bytes(&self.args) + escaped_bytes(&self.labels) > MAX_ESCAPED_BYTES {
            let message = "and labels are together larger than docker hosts take (56 KiB, escaped)";
            return Err(FieldError::new("args", message).hint("put large values into the context"));
        }
        if self.target.as_deref().is_some_and(|target| !is_stage_name(target)) {
            return Err(FieldError::new("target", "is not the name or number of a build stage"));
        }
        check_seconds("timeout_seconds", self.timeout_seconds, MAX_TIMEOUT_SECONDS)?;
        check_seconds(
            "queue_timeout_seconds",
            self.queue_timeout_seconds,
            MAX_QUEUE_TIMEOUT_SECONDS,
        )?;
        if self.priority > MAX_PRIORITY {
            let message = format!("must be 0 to {MAX_PRIORITY}, not {}", self.priority);
            return Err(FieldError::new("priority", message));
        }
        if self.supersede_key.as_deref().is_some_and(|key| !is_key(key)) {
            let message = "must be 1 to 255 characters, none of them a control character";
            return Err(FieldError::new("supersede_key", message));
        }
        if self.metadata.as_ref().is_some_and(|value| value.to_string().len() > MAX_VALUE_BYTES) {
            return Err(FieldError::new("metadata", "is larger than 64 KiB"));
        }
        self.resources.check()?;
        let dockerfile = self
            .dockerfile
            .as_deref()
            .map_or_else(|| Ok(DockerfilePath::default()), DockerfilePath::parse)?;
        self.source.check(&dockerfile)?;
        if self.source.is_copied() {
            self.check_copy()?;
        }
        Ok(BuildSpec {
            image,
            source: self.source,
            dockerfile,
            args: self.args,
            labels: self.labels,
            target: self.target,
            platform: self.platform.as_deref().map(Platform::parse).transpose()?,
            no_cache: self.no_cache,
            pull: self.pull,
            push: self.push,
            project: self
                .project
                .as_deref()
                .map_or_else(|| Ok(Project::default()), Project::parse)?,
            metadata: self.metadata,
            timeout_seconds: self.timeout_seconds,
            priority: self.priority,
            queue_timeout_seconds: self.queue_timeout_seconds,
            supersede_key: self.supersede_key,
            resources: self.resources,
            also,
            args_in_every_stage: self.args_in_every_stage,
            log_opening: self.log_opening,
            secret_names: SecretNames::default(),
        })
    }

    /// Refuses what contradicts a copy from registry to registry.
    fn check_copy(&self) -> Result<(), FieldError> {
        if self.platform.is_some() {
            return Err(FieldError::new("platform", "is one, and source.all_platforms takes all")
                .hint("leave out one of the two"));
        }
        if !self.push {
            let message = "is false, and source.all_platforms copies to a registry";
            return Err(FieldError::new("push", message).hint("leave out one of the two"));
        }
        if !self.also_tags.is_empty() {
            let message = "are further names, and source.all_platforms copies to one";
            return Err(FieldError::new("also_tags", message).hint("leave out one of the two"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> BuildSpecDraft {
        BuildSpecDraft::new("r.example/app:1", Source::dockerfile("FROM scratch"))
    }

    fn refused(change: impl FnOnce(&mut BuildSpecDraft)) -> FieldError {
        let mut draft = draft();
        change(&mut draft);
        draft.parse().unwrap_err()
    }

    #[test]
    fn good_defaults() {
        let spec = draft().parse().unwrap();
        assert_eq!(spec.dockerfile.as_str(), "Dockerfile");
        assert_eq!(spec.project.as_str(), "default");
        assert!(spec.push && !spec.pull && !spec.no_cache);
    }

    #[test]
    fn each_field_is_named_in_its_error() {
        let digest = format!("r.example/app@sha256:{}", "0".repeat(64));
        assert_eq!(refused(|d| d.image = digest).field, "image");
        assert_eq!(refused(|d| d.image = "a/B".into()).field, "image");
        let blank = Source::dockerfile(" \n");
        assert_eq!(refused(|d| d.source = blank).field, "source.content");
        assert_eq!(refused(|d| d.dockerfile = Some("../x".into())).field, "dockerfile");
        assert_eq!(
            refused(|d| {
                d.args.insert("A=B".into(), String::new());
            })
            .field,
            "args"
        );
        assert_eq!(
            refused(|d| {
                d.labels.insert("l".into(), "\0".into());
            })
            .field,
            "labels.l"
        );
        assert_eq!(refused(|d| d.target = Some("a b".into())).field, "target");
        assert_eq!(refused(|d| d.platform = Some("linux".into())).field, "platform");
        assert_eq!(refused(|d| d.project = Some("-".into())).field, "project");
        assert_eq!(refused(|d| d.timeout_seconds = Some(0)).field, "timeout_seconds");
        let field = refused(|d| d.queue_timeout_seconds = Some(604_801)).field;
        assert_eq!(field, "queue_timeout_seconds");
        assert_eq!(refused(|d| d.priority = 10).field, "priority");
        assert_eq!(refused(|d| d.supersede_key = Some("a\nb".into())).field, "supersede_key");
        assert_eq!(refused(|d| d.supersede_key = Some(String::new())).field, "supersede_key");
        let value = "=".repeat(20_000);
        assert_eq!(
            refused(|d| {
                d.args.insert("A".into(), value);
            })
            .field,
            "args"
        );
        let copied = |d: &mut BuildSpecDraft| {
            let image = ImageRef::parse("r.example/base:1").unwrap();
            d.source = Source::Image { image, all_platforms: true };
        };
        for name in ["scratch", "scratch:1", "docker.io/library/scratch"] {
            let image = ImageRef::parse(name).unwrap();
            let source = Source::Image { image, all_platforms: false };
            assert_eq!(refused(|d| d.source = source).field, "source.ref");
        }
        let platform = |d: &mut BuildSpecDraft| d.platform = Some("linux/arm64".into());
        assert_eq!(refused(|d| (copied(d), platform(d)).1).field, "platform");
        assert_eq!(refused(|d| (copied(d), d.push = false).1).field, "push");
        let large = serde_json::Value::String("x".repeat(70_000));
        assert_eq!(refused(|d| d.metadata = Some(large)).field, "metadata");
    }

    #[test]
    fn further_tags_of_the_repository() {
        let mut draft = draft();
        draft.also_tags = ["latest", "1", "b", "latest"].map(str::to_owned).into();
        let spec = draft.parse().unwrap();
        let images: Vec<String> = spec.images().map(ToString::to_string).collect();
        assert_eq!(images, ["r.example/app:1", "r.example/app:b", "r.example/app:latest"]);
        assert_eq!(refused(|d| d.also_tags = vec!["a/b:c".into()]).field, "also_tags");
        assert_eq!(refused(|d| d.also_tags = vec![String::new()]).field, "also_tags");
        let many = (0..21).map(|n| n.to_string()).collect();
        assert_eq!(refused(|d| d.also_tags = many).field, "also_tags");
    }
}

//! A trigger, as it is written down and as it is checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{BuildSpecDraft, DockerfilePath, FieldError, Forge, Platform, Project, Source, SubDir};

use super::event::TriggerEvent;
use super::name::TriggerName;
use super::pattern::Pattern;
use super::template::ImageTemplate;

/// Where GitLab is, where a trigger does not say.
const GITLAB: &str = "https://gitlab.com";

/// A trigger as it is written down. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerDefinition {
    /// What it is called.
    pub name: String,
    /// Whose deliveries it is for.
    pub forge: Forge,
    /// Where the forge is: `https://git.example`. GitHub's is in the server's settings, and
    /// GitLab's is gitlab.com where nothing is said.
    pub url: Option<String>,
    /// Which repositories, as a pattern.
    pub repository: String,
    /// What has to happen there.
    pub events: Vec<TriggerEvent>,
    /// Which branches or tags, as a pattern. Of a pull request, those that it wants to get into.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The image's name, with places in it.
    pub image: String,
    /// Path of the Dockerfile in the context.
    pub dockerfile: Option<String>,
    /// The folder of the repository that is the context.
    pub subdir: Option<String>,
    /// The platform to build for.
    pub platform: Option<String>,
    /// Whose builds they are.
    pub project: Option<String>,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// Whether a newer push takes the place of older builds of its branch, tag or pull request.
    pub supersede: bool,
    /// Whether pull requests from forks are built: code of whoever likes to write some.
    pub forks: bool,
}

/// A trigger, checked.
#[derive(Debug, Clone)]
pub struct Trigger {
    pub(super) name: TriggerName,
    pub(super) definition: TriggerDefinition,
    pub(super) repository: Pattern,
    pub(super) reference: Option<Pattern>,
    pub(super) image: ImageTemplate,
    pub(super) subdir: Option<SubDir>,
}

impl TriggerDefinition {
    /// One with everything but the needful at its default.
    pub fn new(
        name: impl Into<String>,
        forge: Forge,
        repository: impl Into<String>,
        image: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            forge,
            url: None,
            repository: repository.into(),
            events: vec![TriggerEvent::Push],
            reference: None,
            image: image.into(),
            dockerfile: None,
            subdir: None,
            platform: None,
            project: None,
            args: BTreeMap::new(),
            supersede: true,
            forks: false,
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// The first field that is wrong, by its name in the native API.
    pub fn parse(mut self) -> Result<Trigger, FieldError> {
        let name = TriggerName::parse(&self.name)?;
        self.url = forge_url(self.forge, self.url.as_deref())?;
        if self.events.is_empty() {
            return Err(FieldError::new("events", "is empty, so that nothing would be built")
                .hint("leave it out for push, or name push, release or pull_request"));
        }
        let repository = Pattern::of_repositories(&self.repository)?;
        let reference = self.reference.as_deref().map(Pattern::of_refs).transpose()?;
        let image = ImageTemplate::parse(&self.image, &self.events)?;
        let subdir = self.subdir.as_deref().map_or(Ok(None), SubDir::parse)?;
        if self.forks && !self.events.contains(&TriggerEvent::PullRequest) {
            return Err(FieldError::new("forks", "is for triggers of pull requests")
                .hint("add pull_request to events"));
        }
        self.dockerfile.as_deref().map(DockerfilePath::parse).transpose()?;
        self.platform.as_deref().map(Platform::parse).transpose()?;
        self.project.as_deref().map(Project::parse).transpose()?;
        // The rest is checked as that of a build, of which it will be part.
        let mut build = BuildSpecDraft::new("r.example/a:1", Source::dockerfile("FROM scratch"));
        build.args.clone_from(&self.args);
        build.parse()?;
        Ok(Trigger { name, definition: self, repository, reference, image, subdir })
    }
}

/// Where a forge is, without a slash at its end.
fn forge_url(forge: Forge, url: Option<&str>) -> Result<Option<String>, FieldError> {
    let refuse = |message: &str| FieldError::new("url", message);
    let text = match (forge, url) {
        (Forge::Github, None) => return Ok(None),
        (Forge::Github, Some(_)) => {
            return Err(refuse("is for gitea and gitlab; GitHub is where the settings say")
                .hint("a GitHub Enterprise Server goes into sources.github_api of the settings"));
        }
        (Forge::Gitea, None) => {
            return Err(refuse("is missing: where is this Gitea or Forgejo?")
                .hint("write it as https://git.example"));
        }
        (Forge::Gitlab, None) => GITLAB,
        (Forge::Gitea | Forge::Gitlab, Some(text)) => text,
    };
    let odd = || refuse("is no address of a forge").hint("write it as https://git.example");
    let url = Url::parse(text).map_err(|_| odd())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(odd());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("has a login in it").hint("give a token apart, as token"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("has a query or a fragment"));
    }
    Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
}

impl Trigger {
    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &TriggerName {
        &self.name
    }

    /// Whose deliveries it is for.
    #[must_use]
    pub const fn forge(&self) -> Forge {
        self.definition.forge
    }

    /// As it is written down.
    #[must_use]
    pub const fn definition(&self) -> &TriggerDefinition {
        &self.definition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn github() -> TriggerDefinition {
        TriggerDefinition::new("web", Forge::Github, "octo/*", "r.example/{owner}/{repo}:{branch}")
    }

    fn refused(definition: TriggerDefinition) -> String {
        definition.parse().unwrap_err().field
    }

    #[test]
    fn each_field_is_checked_at_the_door() {
        github().parse().unwrap();
        assert_eq!(refused(TriggerDefinition { name: "a b".into(), ..github() }), "name");
        assert_eq!(refused(TriggerDefinition { events: vec![], ..github() }), "events");
        assert_eq!(refused(TriggerDefinition { repository: "x".into(), ..github() }), "repository");
        assert_eq!(refused(TriggerDefinition { reference: Some("[".into()), ..github() }), "ref");
        assert_eq!(refused(TriggerDefinition { image: "{x}".into(), ..github() }), "image");
        assert_eq!(
            refused(TriggerDefinition { dockerfile: Some("../x".into()), ..github() }),
            "dockerfile"
        );
        assert_eq!(
            refused(TriggerDefinition { platform: Some("?".into()), ..github() }),
            "platform"
        );
        assert_eq!(refused(TriggerDefinition { project: Some("?".into()), ..github() }), "project");
        assert_eq!(refused(TriggerDefinition { forks: true, ..github() }), "forks");
        let args = [("A=B".to_owned(), String::new())].into();
        assert_eq!(refused(TriggerDefinition { args, ..github() }).split('.').next(), Some("args"));
    }

    #[test]
    fn where_a_forge_is() {
        let at = |forge, url: Option<&str>| {
            let url = url.map(str::to_owned);
            let parsed = TriggerDefinition { forge, url, ..github() }.parse();
            parsed.map(|trigger| trigger.definition.url)
        };
        assert_eq!(at(Forge::Github, None).unwrap(), None);
        assert_eq!(at(Forge::Gitlab, None).unwrap().as_deref(), Some(GITLAB));
        let deep = at(Forge::Gitea, Some("https://git.example/forge/")).unwrap();
        assert_eq!(deep.as_deref(), Some("https://git.example/forge"));
        for (forge, url) in [
            (Forge::Github, Some("https://github.com")),
            (Forge::Gitea, None),
            (Forge::Gitea, Some("ssh://git@x")),
            (Forge::Gitea, Some("https://u:p@x")),
            (Forge::Gitlab, Some("x")),
            (Forge::Gitlab, Some("https://x/?a")),
        ] {
            assert_eq!(at(forge, url).unwrap_err().field, "url");
        }
    }
}

//! What a trigger makes of something that happened: a build, or a reason why not.

use std::fmt;

use crate::{BuildSpecDraft, FieldError, Forge, GitRef, GitUrl, GithubOwner, GithubRepo, Source};

use super::definition::Trigger;
use super::event::TriggerEvent;
use super::happening::{Happening, What};

/// Supersede keys end here.
const MAX_KEY: usize = 255;

/// A build that a trigger asks for.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What is to be built.
    pub build: BuildSpecDraft,
    /// Whether it gets the trigger's token, and the commit its status. What comes from a fork
    /// does not.
    pub trusted: bool,
}

/// Why a trigger builds nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassedBy {
    /// It is for another forge.
    OtherForge,
    /// It is for other repositories.
    OtherRepository {
        /// Its pattern.
        pattern: String,
    },
    /// It is for something else to happen.
    OtherEvent {
        /// What happened.
        happened: TriggerEvent,
    },
    /// It is for other branches or tags.
    OtherRef {
        /// Its pattern.
        pattern: String,
        /// What it was compared with.
        name: String,
    },
    /// The pull request is from a fork.
    Fork,
    /// The image's name cannot be made of it.
    NoImage {
        /// The place that nothing was found for.
        place: String,
    },
    /// It cannot be a source.
    NoSource(FieldError),
}

impl fmt::Display for PassedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherForge => f.write_str("the trigger is for another forge"),
            Self::OtherRepository { pattern } => {
                write!(f, "the repository does not match {pattern:?}")
            }
            Self::OtherEvent { happened } => {
                write!(f, "the trigger is not for a {}", happened.in_words())
            }
            Self::OtherRef { pattern, name } => write!(f, "{name:?} does not match {pattern:?}"),
            Self::Fork => f.write_str(
                "the pull request is from a fork, and the trigger does not have forks = true",
            ),
            Self::NoImage { place } => {
                write!(f, "the image's name has {place}, for which there is nothing here")
            }
            Self::NoSource(error) => write!(f, "{error}"),
        }
    }
}

impl Trigger {
    /// Whether it is for this repository, whatever happened to it.
    #[must_use]
    pub fn is_for(&self, happening: &Happening) -> bool {
        self.definition.forge == happening.forge
            && self.repository.matches(happening.repository.as_str())
    }

    /// What it makes of something that happened.
    ///
    /// # Errors
    /// Why it builds nothing.
    pub fn decide(&self, happening: &Happening) -> Result<Decided, PassedBy> {
        if self.definition.forge != happening.forge {
            return Err(PassedBy::OtherForge);
        }
        if !self.repository.matches(happening.repository.as_str()) {
            let pattern = self.repository.as_str().to_owned();
            return Err(PassedBy::OtherRepository { pattern });
        }
        let happened = happening.what.event();
        if !self.definition.events.contains(&happened) {
            return Err(PassedBy::OtherEvent { happened });
        }
        self.compare_ref(&happening.what)?;
        let fork = matches!(happening.what, What::PullRequest { fork: true, .. });
        if fork && !self.definition.forks {
            return Err(PassedBy::Fork);
        }
        let image = self.image.fill(happening).map_err(|place| PassedBy::NoImage { place })?;
        let source = self.source(happening).map_err(PassedBy::NoSource)?;
        let definition = &self.definition;
        let build = BuildSpecDraft {
            dockerfile: definition.dockerfile.clone(),
            args: definition.args.clone(),
            platform: definition.platform.clone(),
            project: definition.project.clone(),
            supersede_key: definition.supersede.then(|| self.supersede_key(happening)),
            ..BuildSpecDraft::new(image, source)
        };
        Ok(Decided { build, trusted: !fork })
    }

    fn compare_ref(&self, what: &What) -> Result<(), PassedBy> {
        let Some(pattern) = &self.reference else { return Ok(()) };
        let (kind, name) = match what {
            What::Branch { branch } => ("heads", branch),
            What::Tag { tag } | What::Release { tag } => ("tags", tag),
            What::PullRequest { into, .. } => ("heads", into),
        };
        if pattern.matches_ref(kind, name) {
            return Ok(());
        }
        Err(PassedBy::OtherRef { pattern: pattern.as_str().to_owned(), name: name.clone() })
    }

    /// The commit itself where it is known, whatever its branch does meanwhile.
    fn source(&self, happening: &Happening) -> Result<Source, FieldError> {
        let reference = match &happening.commit {
            Some(commit) => GitRef::parse(commit.as_str())?,
            None => GitRef::parse(&happening.what.reference())?,
        };
        let (reference, subdir) = (Some(reference), self.subdir.clone());
        let repository = &happening.repository;
        match (happening.forge, &self.definition.url) {
            (Forge::Github, _) | (_, None) => {
                let owner = GithubOwner::parse(repository.owner())?;
                let repo = GithubRepo::parse(repository.name())?;
                Ok(Source::Github { owner, repo, reference, subdir })
            }
            (Forge::Gitea | Forge::Gitlab, Some(forge)) => {
                let (url, _) = GitUrl::parse(&format!("{forge}/{repository}.git"))?;
                Ok(Source::Git { url, reference, subdir, submodules: false, known_hosts: None })
            }
        }
    }

    /// The same for all builds of a branch, a tag or a pull request.
    fn supersede_key(&self, happening: &Happening) -> String {
        let repository = happening.repository.as_str().to_ascii_lowercase();
        let reference = happening.what.reference();
        let mut key: String = format!("trigger {}: {repository} {reference}", self.name)
            .chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect();
        if key.chars().count() > MAX_KEY {
            // Names this long are told apart by their ends.
            let from = key.chars().count() - MAX_KEY;
            key = key.chars().skip(from).collect();
        }
        key
    }
}

impl What {
    /// What triggers call it.
    #[must_use]
    pub const fn event(&self) -> TriggerEvent {
        match self {
            Self::Branch { .. } | Self::Tag { .. } => TriggerEvent::Push,
            Self::Release { .. } => TriggerEvent::Release,
            Self::PullRequest { .. } => TriggerEvent::PullRequest,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{CommitId, RepositoryName, TriggerDefinition};

    use super::*;

    fn pushed(reference: &str) -> Happening {
        Happening {
            forge: Forge::Github,
            repository: RepositoryName::parse("Octo/App").unwrap(),
            what: What::pushed(reference).unwrap(),
            commit: Some(CommitId::parse(&"ab".repeat(20)).unwrap()),
        }
    }

    fn request(fork: bool) -> Happening {
        let what = What::PullRequest { number: 7, into: "main".into(), fork };
        Happening { what, ..pushed("refs/heads/x") }
    }

    fn definition() -> TriggerDefinition {
        TriggerDefinition {
            reference: Some("{main,v*}".into()),
            subdir: Some("app".into()),
            ..TriggerDefinition::new(
                "web",
                Forge::Github,
                "octo/*",
                "r.example/{owner}/{repo}:{tag|branch|pr}",
            )
        }
    }

    fn why(definition: TriggerDefinition, happening: &Happening) -> String {
        definition.parse().unwrap().decide(happening).unwrap_err().to_string()
    }

    #[test]
    fn the_commit_is_built_as_the_image_of_its_branch() {
        let decided = definition().parse().unwrap().decide(&pushed("refs/heads/main")).unwrap();
        assert_eq!(decided.build.image, "r.example/octo/app:main");
        assert!(decided.trusted);
        let key = decided.build.supersede_key.clone().unwrap();
        assert_eq!(key, "trigger web: octo/app refs/heads/main");
        let spec = decided.build.parse().unwrap();
        let source = serde_json::to_value(&spec.source).unwrap();
        let commit = "ab".repeat(20);
        assert_eq!(
            source,
            serde_json::json!({"type": "github", "owner": "Octo", "repo": "App", "ref": commit,
                "subdir": "app"})
        );
    }

    #[test]
    fn other_forges_are_cloned_from_where_the_trigger_says() {
        for forge in [Forge::Gitea, Forge::Gitlab] {
            let definition = TriggerDefinition {
                forge,
                url: Some("https://git.example/x/".into()),
                reference: None,
                ..definition()
            };
            let happening = Happening { forge, ..pushed("refs/heads/main") };
            let decided = definition.parse().unwrap().decide(&happening).unwrap();
            let Source::Git { url, .. } = decided.build.source else { panic!() };
            assert_eq!(url.as_str(), "https://git.example/x/Octo/App.git");
        }
    }

    #[test]
    fn each_reason_is_said() {
        let main = pushed("refs/heads/main");
        let gitlab = Happening { forge: Forge::Gitlab, ..main.clone() };
        assert!(why(definition(), &gitlab).contains("another forge"));
        let other = TriggerDefinition { repository: "acme/*".into(), ..definition() };
        assert_eq!(why(other, &main), "the repository does not match \"acme/*\"");
        assert_eq!(
            why(definition(), &pushed("refs/heads/dev")),
            "\"dev\" does not match \"{main,v*}\""
        );
        assert_eq!(why(definition(), &request(false)), "the trigger is not for a pull request");
        let branches =
            TriggerDefinition { image: "r.example/{repo}:{branch}".into(), ..definition() };
        assert!(why(branches, &pushed("refs/tags/v1")).contains("{branch}"));
        let odd = Happening { repository: RepositoryName::parse("a/b/c").unwrap(), ..main };
        let any = TriggerDefinition { repository: "**".into(), ..definition() };
        assert!(why(any, &odd).contains("source.owner"));
    }

    #[test]
    fn forks_are_built_where_asked_for_and_trusted_with_nothing() {
        let events = vec![TriggerEvent::PullRequest];
        let definition = TriggerDefinition { events, ..definition() };
        let decide = |forks, fork| {
            let definition = TriggerDefinition { forks, ..definition.clone() };
            definition.parse().unwrap().decide(&request(fork))
        };
        assert_eq!(decide(false, true).unwrap_err(), PassedBy::Fork);
        assert!(!decide(true, true).unwrap().trusted);
        let own = decide(false, false).unwrap();
        assert!(own.trusted);
        assert_eq!(own.build.image, "r.example/octo/app:7");
    }

    #[test]
    fn refs_that_look_like_options_are_names() {
        let happening = pushed("refs/heads/--upload-pack=x");
        let decided = TriggerDefinition { reference: None, ..definition() };
        let decided = decided.parse().unwrap().decide(&happening).unwrap();
        assert_eq!(decided.build.image, "r.example/octo/app:_-upload-pack-x");
        decided.build.parse().unwrap();
        let release =
            Happening { what: What::Release { tag: "--x..y".into() }, commit: None, ..happening };
        let events = vec![TriggerEvent::Release];
        let image = "r.example/{repo}:{tag}".to_owned();
        let definition = TriggerDefinition { reference: None, events, image, ..definition() };
        assert!(why(definition, &release).contains("source.ref"));
    }
}

//! The image's name as a trigger has it: `registry.example/{owner}/{repo}:{tag|branch}`.
//!
//! What stands in braces comes from a forge, so from whoever can push there. It is made safe for
//! the place where it stands, and it never gets to the place of the registry: a name that would
//! be somebody else's registry sends nothing there.

mod part;
mod safe;
mod value;

use crate::{FieldError, ImageRef};

use self::part::{Part, at_the_tag, parts};
use self::safe::{in_a_tag, path};
use self::value::{Value, first, written};
use super::event::TriggerEvent;
use super::happening::Happening;

const FIELD: &str = "image";
const HINT: &str = "there are {owner}, {repo}, {branch}, {tag}, {sha}, {short_sha} and {pr}; \
     {tag|branch} takes the first that there is";

/// A name with places in it, checked.
#[derive(Debug, Clone)]
pub(super) struct ImageTemplate {
    path: Vec<Part>,
    tag: Vec<Part>,
}

impl ImageTemplate {
    /// Reads a template.
    pub(super) fn parse(text: &str, events: &[TriggerEvent]) -> Result<Self, FieldError> {
        let parts = parts(text)?;
        let begins = text.split('/').next().unwrap_or_default();
        if !text.contains('/') || begins.contains(['{', '}']) {
            return Err(FieldError::new(FIELD, "does not begin with a registry of its own").hint(
                "write the registry out, as in registry.example/{owner}/{repo}:{tag|branch}",
            ));
        }
        let (path, tag) = at_the_tag(parts);
        let template = Self { path, tag };
        for event in events {
            template.check(*event)?;
        }
        template.try_out()?;
        Ok(template)
    }

    /// Refuses what could never be filled in, and what would have a pull request replace the
    /// image of what it is not part of yet.
    fn check(&self, event: TriggerEvent) -> Result<(), FieldError> {
        for values in self.places() {
            if !values.iter().any(|value| value.is_of(event)) {
                let message =
                    format!("has {}, which a {} does not have", written(values), event.in_words());
                return Err(FieldError::new(FIELD, message).hint(HINT));
            }
        }
        let of_its_own = |values: &[Value]| {
            values.iter().any(|value| matches!(value, Value::Pr | Value::Sha | Value::ShortSha))
        };
        if event == TriggerEvent::PullRequest && !self.places().any(of_its_own) {
            return Err(FieldError::new(FIELD, "is the same for a pull request and its branch")
                .hint("let it hold {pr} or {short_sha}, as in {tag|branch|pr}"));
        }
        Ok(())
    }

    /// What stands around the places is right if a harmless name comes out.
    fn try_out(&self) -> Result<(), FieldError> {
        let fill = |parts: &[Part]| {
            let text = |part: &Part| match part {
                Part::Words(words) => words.clone(),
                Part::FirstOf(_) => "a1".to_owned(),
            };
            parts.iter().map(text).collect::<String>()
        };
        let tag =
            if self.tag.is_empty() { String::new() } else { ":".to_owned() + &fill(&self.tag) };
        let image = ImageRef::parse(&(fill(&self.path) + &tag))
            .map_err(|error| FieldError::new(FIELD, error.to_string()))?;
        if image.digest().is_some() {
            return Err(FieldError::new(FIELD, "has a digest, which only the registry can give"));
        }
        Ok(())
    }

    fn places(&self) -> impl Iterator<Item = &[Value]> {
        self.path.iter().chain(&self.tag).filter_map(|part| match part {
            Part::Words(_) => None,
            Part::FirstOf(values) => Some(values.as_slice()),
        })
    }

    /// The image of something that happened.
    ///
    /// # Errors
    /// The place that it has nothing for.
    pub(super) fn fill(&self, happening: &Happening) -> Result<String, String> {
        let mut image = String::new();
        for part in &self.path {
            match part {
                Part::Words(words) => image.push_str(words),
                Part::FirstOf(values) => {
                    let text = first(values, happening)?;
                    let path = path(&text).ok_or_else(|| written(values))?;
                    image.push_str(&path);
                }
            }
        }
        if !self.tag.is_empty() {
            let mut tag = String::new();
            for part in &self.tag {
                match part {
                    Part::Words(words) => tag.push_str(words),
                    Part::FirstOf(values) => tag.push_str(&first(values, happening)?),
                }
            }
            image.push(':');
            image.push_str(&in_a_tag(&tag));
        }
        Ok(image)
    }
}

#[cfg(test)]
mod tests {
    use crate::{CommitId, Forge, RepositoryName, What};

    use super::safe::MAX_TAG;
    use super::*;

    const PUSH: &[TriggerEvent] = &[TriggerEvent::Push];

    fn happening(repository: &str, what: What) -> Happening {
        Happening {
            forge: Forge::Github,
            repository: RepositoryName::parse(repository).unwrap(),
            what,
            commit: Some(CommitId::parse(&"1234567890".repeat(4)).unwrap()),
        }
    }

    fn filled(template: &str, repository: &str, what: What) -> Result<String, String> {
        ImageTemplate::parse(template, &[]).unwrap().fill(&happening(repository, what))
    }

    fn branch(name: &str) -> What {
        What::Branch { branch: name.into() }
    }

    #[test]
    fn values_are_made_safe_for_their_place() {
        let fill = |template: &str, repository: &str, name: &str| {
            let image = filled(template, repository, branch(name)).unwrap();
            // What comes out is a name, whatever went in.
            ImageRef::parse(&image).unwrap();
            image
        };
        let whole = "r.example:5000/{owner}/{repo}:{branch}";
        assert_eq!(fill(whole, "Octo/Hello.World", "main"), "r.example:5000/octo/hello.world:main");
        assert_eq!(fill(whole, "g/Sub/_x..Y__z-", "a/b"), "r.example:5000/g/sub/x-y__z:a-b");
        assert_eq!(fill(whole, "o/a", "--upload-pack=x"), "r.example:5000/o/a:_-upload-pack-x");
        assert_eq!(fill(whole, "o/a", ".ä b"), "r.example:5000/o/a:_--b");
        let long = fill(whole, "o/a", &"x".repeat(300));
        assert_eq!(long.rsplit_once(':').unwrap().1.len(), MAX_TAG);
        assert_eq!(fill("team/{repo}", "o/a", "m"), "team/a");
        assert_eq!(
            fill("r.example/x-{repo}/{branch}:b-{short_sha}", "o/a", "F/1"),
            "r.example/x-a/f/1:b-1234567"
        );
        // Nothing that a repository is called makes a registry of it.
        assert_eq!(fill("team/{owner}/{repo}:1", "evil.example/a", "m"), "team/evil.example/a:1");
    }

    #[test]
    fn the_first_that_there_is() {
        let template = "r.example/{repo}:{tag|branch|pr}";
        let tag = What::Tag { tag: "v1".into() };
        let pr = What::PullRequest { number: 7, into: "main".into(), fork: false };
        assert_eq!(filled(template, "o/a", tag.clone()).unwrap(), "r.example/a:v1");
        assert_eq!(filled(template, "o/a", branch("main")).unwrap(), "r.example/a:main");
        assert_eq!(filled(template, "o/a", pr).unwrap(), "r.example/a:7");
        assert_eq!(filled("r.example/{repo}:{branch}", "o/a", tag).unwrap_err(), "{branch}");
        assert_eq!(filled("r.example/{repo}:1", "o/_", branch("m")).unwrap_err(), "{repo}");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (bad, words) in [
            ("r.example/{repo}:{commit}", "{commit}, which there is not"),
            ("r.example/{repo:1", "brace"),
            ("r.example/repo}:1", "brace"),
            ("{owner}/{repo}:1", "registry of its own"),
            ("r.{owner}/{repo}:1", "registry of its own"),
            ("{repo}", "registry of its own"),
            ("r.example/A{repo}:1", "A"),
            ("r.example/{repo}:", "tag"),
            ("r.example/{repo}:-{branch}", "tag"),
            ("r.example/{repo}:{pr}", "{pr}, which a push does not have"),
        ] {
            let error = ImageTemplate::parse(bad, PUSH).unwrap_err();
            assert_eq!(error.field, "image", "{bad}");
            assert!(error.message.contains(words), "{bad}: {}", error.message);
        }
        let refused = |text: &str, event| ImageTemplate::parse(text, &[event]).unwrap_err().message;
        assert!(refused("r.example/{repo}:{sha}", TriggerEvent::Release).contains("{sha}"));
        assert!(refused("r.example/{repo}:latest", TriggerEvent::PullRequest).contains("same"));
        assert!(
            refused("r.example/{repo}:{branch}", TriggerEvent::PullRequest).contains("{branch}")
        );
    }
}

//! The image's name as a trigger has it: `registry.example/{owner}/{repo}:{tag|branch}`.
//!
//! What stands in braces comes from a forge, so from whoever can push there. It is made safe for
//! the place where it stands, and it never gets to the place of the registry: a name that would
//! be somebody else's registry sends nothing there.

use crate::{FieldError, ImageRef};

use super::definition::TriggerEvent;
use super::happening::{Happening, What};

const FIELD: &str = "image";
const HINT: &str = "there are {owner}, {repo}, {branch}, {tag}, {sha}, {short_sha} and {pr}; \
     {tag|branch} takes the first that there is";
/// The longest tag that registries take.
const MAX_TAG: usize = 128;

/// A name with places in it, checked.
#[derive(Debug, Clone)]
pub(super) struct ImageTemplate {
    path: Vec<Part>,
    tag: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Words(String),
    /// The first of them that there is.
    FirstOf(Vec<Value>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Owner,
    Repo,
    Branch,
    Tag,
    Sha,
    ShortSha,
    Pr,
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

/// Text and places in turn.
fn parts(text: &str) -> Result<Vec<Part>, FieldError> {
    let odd = || FieldError::new(FIELD, "has a brace without its other").hint(HINT);
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((words, behind)) = rest.split_once('{') {
        if words.contains('}') {
            return Err(odd());
        }
        if !words.is_empty() {
            parts.push(Part::Words(words.to_owned()));
        }
        let (inside, behind) = behind.split_once('}').ok_or_else(odd)?;
        let values = inside.split('|').map(|name| {
            Value::parse(name.trim()).ok_or_else(|| {
                FieldError::new(FIELD, format!("has {{{inside}}}, which there is not")).hint(HINT)
            })
        });
        parts.push(Part::FirstOf(values.collect::<Result<_, _>>()?));
        rest = behind;
    }
    if rest.contains('}') {
        return Err(odd());
    }
    if !rest.is_empty() {
        parts.push(Part::Words(rest.to_owned()));
    }
    Ok(parts)
}

/// Cuts at the colon of the tag: the last one that no slash comes after.
fn at_the_tag(mut parts: Vec<Part>) -> (Vec<Part>, Vec<Part>) {
    let place = parts.iter().enumerate().rev().find_map(|(index, part)| match part {
        Part::Words(words) => {
            let at = words.rfind([':', '/'])?;
            Some((index, at, words.get(at..)?.starts_with(':')))
        }
        Part::FirstOf(_) => None,
    });
    let Some((index, at, true)) = place else { return (parts, Vec::new()) };
    let mut tag = parts.split_off(index);
    if let Some(Part::Words(words)) = tag.first_mut() {
        let behind = words.split_off(at);
        if !words.is_empty() {
            parts.push(Part::Words(std::mem::take(words)));
        }
        *words = behind.trim_start_matches(':').to_owned();
        if words.is_empty() {
            tag.remove(0);
        }
    }
    if tag.is_empty() {
        // A colon and nothing behind it: the grammar of images refuses it by itself.
        tag.push(Part::Words(String::new()));
    }
    (parts, tag)
}

impl Value {
    const ALL: [(&'static str, Self); 7] = [
        ("owner", Self::Owner),
        ("repo", Self::Repo),
        ("branch", Self::Branch),
        ("tag", Self::Tag),
        ("sha", Self::Sha),
        ("short_sha", Self::ShortSha),
        ("pr", Self::Pr),
    ];

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// Whether something of this kind can have it.
    const fn is_of(self, event: TriggerEvent) -> bool {
        match self {
            Self::Owner | Self::Repo => true,
            Self::Branch => matches!(event, TriggerEvent::Push),
            Self::Tag => matches!(event, TriggerEvent::Push | TriggerEvent::Release),
            Self::Sha | Self::ShortSha => !matches!(event, TriggerEvent::Release),
            Self::Pr => matches!(event, TriggerEvent::PullRequest),
        }
    }

    fn of(self, happening: &Happening) -> Option<String> {
        let commit = happening.commit.as_ref();
        match self {
            Self::Owner => Some(happening.repository.owner().to_owned()),
            Self::Repo => Some(happening.repository.name().to_owned()),
            Self::Sha => commit.map(|commit| commit.as_str().to_owned()),
            Self::ShortSha => commit.map(|commit| commit.short().to_owned()),
            Self::Branch => match &happening.what {
                What::Branch { branch } => Some(branch.clone()),
                What::Tag { .. } | What::Release { .. } | What::PullRequest { .. } => None,
            },
            Self::Tag => match &happening.what {
                What::Tag { tag } | What::Release { tag } => Some(tag.clone()),
                What::Branch { .. } | What::PullRequest { .. } => None,
            },
            Self::Pr => match &happening.what {
                What::PullRequest { number, .. } => Some(number.to_string()),
                What::Branch { .. } | What::Tag { .. } | What::Release { .. } => None,
            },
        }
    }
}

fn first(values: &[Value], happening: &Happening) -> Result<String, String> {
    values.iter().find_map(|value| value.of(happening)).ok_or_else(|| written(values))
}

fn written(values: &[Value]) -> String {
    let names = values.iter().filter_map(|value| {
        Value::ALL.iter().find_map(|(name, known)| (known == value).then_some(*name))
    });
    format!("{{{}}}", names.collect::<Vec<_>>().join("|"))
}

/// A value as a part of a repository's name: in lower case, and between two letters or digits
/// only what may stand there. `None` where nothing is left.
fn path(text: &str) -> Option<String> {
    let components = text.split('/').map(|part| {
        let mut name = String::new();
        let mut between = String::new();
        for c in part.chars().map(|c| c.to_ascii_lowercase()) {
            if !c.is_ascii_lowercase() && !c.is_ascii_digit() {
                between.push(if matches!(c, '.' | '_') { c } else { '-' });
                continue;
            }
            if !name.is_empty() && !between.is_empty() {
                let is_separator = matches!(&*between, "." | "_" | "__");
                name.push_str(if is_separator { &between } else { "-" });
            }
            between.clear();
            name.push(c);
        }
        (!name.is_empty()).then_some(name)
    });
    Some(components.collect::<Option<Vec<_>>>()?.join("/"))
}

/// A tag: slashes and whatever else may not stand there become dashes, and it is cut off where
/// registries would refuse it.
fn in_a_tag(text: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut tag: String = text.chars().map(|c| if good(c) { c } else { '-' }).collect();
    tag.truncate(MAX_TAG);
    if tag.starts_with(['.', '-']) {
        tag.replace_range(..1, "_");
    }
    tag
}

#[cfg(test)]
mod tests {
    use crate::{CommitId, Forge, RepositoryName};

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

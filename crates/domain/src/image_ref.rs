//! Names of images, by the reference grammar of the registry world.
//!
//! The grammar is that of the `distribution/reference` package, which Docker and every
//! registry follow: `[domain[:port]/]path[:tag][@digest]`. What stands before the first
//! slash is a domain only if it has a dot, a colon or a capital, or is `localhost`; short
//! names belong to Docker Hub (`app` is `docker.io/library/app`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

const DOCKER_HUB: &str = "docker.io";
const MAX_NAME: usize = 255;
const MAX_TAG: usize = 128;

/// A parsed image name. Holding one is the proof that an engine will take it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageRef {
    registry: RegistryHost,
    /// Repository within the registry, such as `library/app`.
    path: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// A registry as credentials are looked up by: `host[:port]`, Docker Hub as `docker.io`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct RegistryHost(String);

/// Why a text names no image.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImageRefError {
    /// Nothing there.
    #[error("is empty; write an image such as registry.example/team/app:1.2")]
    Empty,
    /// A URL, not an image.
    #[error("begins with a scheme; an image is named without one, such as registry.example/app:1")]
    Scheme,
    /// Longer than registries take.
    #[error("is {0} characters long without its tag; at most {MAX_NAME} are allowed")]
    TooLong(usize),
    /// The part before the first slash is no host.
    #[error("has {0:?} for a registry, which is no host or host:port")]
    Domain(String),
    /// An image's id, which an engine would take for the image itself.
    #[error("is the id of an image; name where the image is to go, such as registry.example/app:1")]
    Id,
    /// Capitals in the repository.
    #[error("has capitals in {0:?}; repositories are lower-case")]
    Uppercase(String),
    /// A path component outside the grammar.
    #[error(
        "has {0:?} in its path; a component is a-z and 0-9, with single dots, one or two \
         underscores or hyphens between"
    )]
    Component(String),
    /// A tag outside the grammar.
    #[error(
        "has the tag {0:?}; a tag is 1 to {MAX_TAG} of a-z, A-Z, 0-9, underscore, dot and \
         hyphen, and begins with none of the last two"
    )]
    Tag(String),
    /// A digest outside the grammar.
    #[error("has the digest {0:?}; write it as sha256: and 64 hexadecimal digits")]
    Digest(String),
}

impl ImageRef {
    /// Reads an image's name.
    ///
    /// # Errors
    /// Names the part that does not fit the grammar.
    pub fn parse(text: &str) -> Result<Self, ImageRefError> {
        if text.is_empty() {
            return Err(ImageRefError::Empty);
        }
        if text.contains("://") {
            return Err(ImageRefError::Scheme);
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(parse_digest(digest)?)),
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            // A colon before the last slash belongs to the registry's port.
            Some((name, tag)) if !tag.contains('/') => (name, Some(parse_tag(tag)?)),
            _ => (rest, None),
        };
        if name.len() > MAX_NAME {
            return Err(ImageRefError::TooLong(name.len()));
        }
        let (registry, path) = match name.split_once('/') {
            Some((domain, path)) if is_domain_like(domain) => {
                if !is_domain(domain) {
                    return Err(ImageRefError::Domain(domain.to_owned()));
                }
                (RegistryHost::normalised(domain), path.to_owned())
            }
            _ => (RegistryHost(DOCKER_HUB.to_owned()), name.to_owned()),
        };
        for component in path.split('/') {
            check_component(component)?;
        }
        let is_hex = path.bytes().all(|b| b.is_ascii_hexdigit());
        if name == "sha256" || name == path && path.len() == 64 && is_hex {
            return Err(ImageRefError::Id);
        }
        let path = if registry.is_docker_hub() && !path.contains('/') {
            format!("library/{path}")
        } else {
            path
        };
        // What names neither is the tag `latest`, from here on in so many words.
        let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Ok(Self { registry, path, tag, digest })
    }

    /// Reads an image's name; one that names no registry is in `registry`, and not on Docker Hub.
    ///
    /// # Errors
    /// Names the part that does not fit the grammar.
    pub fn parse_in(registry: &RegistryHost, text: &str) -> Result<Self, ImageRefError> {
        let image = Self::parse(text)?;
        let names_one = text.split_once('/').is_some_and(|(domain, _)| is_domain_like(domain));
        if names_one { Ok(image) } else { Self::parse(&format!("{registry}/{text}")) }
    }

    /// The registry it lives in.
    #[must_use]
    pub const fn registry(&self) -> &RegistryHost {
        &self.registry
    }

    /// Registry and path, without tag and digest, as engines and `docker images` show it.
    #[must_use]
    pub fn repository(&self) -> String {
        match (self.registry.is_docker_hub(), self.path.strip_prefix("library/")) {
            (true, Some(short)) if !short.contains('/') => short.to_owned(),
            (true, _) => self.path.clone(),
            (false, _) => format!("{}/{}", self.registry, self.path),
        }
    }

    /// Repository within the registry, as its API has it: `library/app` on Docker Hub.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tag, `latest` where none was given.
    #[must_use]
    pub fn tag(&self) -> &str {
        self.tag.as_deref().unwrap_or("latest")
    }

    /// The same repository's image of another tag.
    ///
    /// # Errors
    /// When the tag does not fit the grammar.
    pub fn with_tag(&self, tag: &str) -> Result<Self, ImageRefError> {
        Ok(Self { tag: Some(parse_tag(tag)?), digest: None, ..self.clone() })
    }

    /// The digest, if it was given.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl FromStr for ImageRef {
    type Err = ImageRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ImageRef {
    type Error = ImageRefError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ImageRef> for String {
    fn from(image: ImageRef) -> Self {
        image.to_string()
    }
}

impl RegistryHost {
    /// The host under any of the spellings that clients use as a key for logins:
    /// with a scheme, with a path, and Docker Hub by all its names.
    #[must_use]
    pub fn normalised(spelling: &str) -> Self {
        let bare = spelling.trim();
        let bare = bare.split_once("://").map_or(bare, |(_, rest)| rest);
        let host = bare.split('/').next().unwrap_or(bare).to_ascii_lowercase();
        match host.as_str() {
            "" | DOCKER_HUB | "index.docker.io" | "registry-1.docker.io" | "hub.docker.com" => {
                Self(DOCKER_HUB.to_owned())
            }
            _ => Self(host),
        }
    }

    /// Reads a registry from a request.
    ///
    /// # Errors
    /// When what is left of the spelling is no `host[:port]`.
    pub fn parse(spelling: &str) -> Result<Self, ImageRefError> {
        let host = Self::normalised(spelling);
        if spelling.trim().is_empty() || !is_domain(&host.0) {
            return Err(ImageRefError::Domain(spelling.to_owned()));
        }
        Ok(host)
    }

    /// Whether this is Docker Hub.
    #[must_use]
    pub fn is_docker_hub(&self) -> bool {
        self.0 == DOCKER_HUB
    }

    /// The host without its port: a name, or an address without brackets.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.0.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => self.0.split(':').next().unwrap_or(&self.0),
        }
    }

    /// `host[:port]`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<String> for RegistryHost {
    fn from(text: String) -> Self {
        Self::normalised(&text)
    }
}

impl From<RegistryHost> for String {
    fn from(host: RegistryHost) -> Self {
        host.0
    }
}

fn is_domain_like(text: &str) -> bool {
    text == "localhost" || text.contains(['.', ':']) || text.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, after)) => {
                let good = !address.is_empty()
                    && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
                if !good {
                    return false;
                }
                match after.strip_prefix(':') {
                    Some(port) => return is_port(port),
                    None => return after.is_empty(),
                }
            }
            None => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label) && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn check_component(component: &str) -> Result<(), ImageRefError> {
    if component.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(ImageRefError::Uppercase(component.to_owned()));
    }
    let refuse = || Err(ImageRefError::Component(component.to_owned()));
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let separators: Vec<&str> = component
        .split(|c: char| c.is_ascii() && is_word(c as u8))
        .filter(|s| !s.is_empty())
        .collect();
    let bytes = component.as_bytes();
    let framed =
        bytes.first().is_some_and(|b| is_word(*b)) && bytes.last().is_some_and(|b| is_word(*b));
    let good = |separator: &&str| {
        matches!(*separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-')
    };
    if !framed || !separators.iter().all(good) {
        return refuse();
    }
    Ok(())
}

fn parse_tag(tag: &str) -> Result<String, ImageRefError> {
    let first = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let later = |b: u8| first(b) || b == b'.' || b == b'-';
    let bytes = tag.as_bytes();
    if bytes.len() > MAX_TAG
        || !bytes.first().is_some_and(|b| first(*b))
        || !bytes.iter().all(|b| later(*b))
    {
        return Err(ImageRefError::Tag(tag.to_owned()));
    }
    Ok(tag.to_owned())
}

fn parse_digest(digest: &str) -> Result<String, ImageRefError> {
    let good = digest.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    });
    if good { Ok(digest.to_owned()) } else { Err(ImageRefError::Digest(digest.to_owned())) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> (String, String, String) {
        let image = ImageRef::parse(text).unwrap();
        (image.registry().to_string(), image.repository(), image.tag().to_owned())
    }

    #[test]
    fn short_names_are_docker_hubs() {
        let expect = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(parts("app"), expect("docker.io", "app", "latest"));
        assert_eq!(parts("app:1"), expect("docker.io", "app", "1"));
        assert_eq!(parts("team/app"), expect("docker.io", "team/app", "latest"));
        assert_eq!(parts("docker.io/app"), expect("docker.io", "app", "latest"));
        assert_eq!(parts("index.docker.io/library/app"), expect("docker.io", "app", "latest"));
        assert_eq!(parts("localhost/app"), expect("localhost", "localhost/app", "latest"));
        assert_eq!(parts("r:5000/a/b:t"), expect("r:5000", "r:5000/a/b", "t"));
        assert_eq!(parts("[::1]:5000/a"), expect("[::1]:5000", "[::1]:5000/a", "latest"));
        // A dot after the first slash is no registry: the old service got this wrong.
        assert_eq!(parts("team/my.app"), expect("docker.io", "team/my.app", "latest"));
    }

    #[test]
    fn a_registry_for_names_without_one() {
        let registry = RegistryHost::parse("https://r.example:5000/v2/").unwrap();
        let named = |text: &str| ImageRef::parse_in(&registry, text).unwrap().to_string();
        assert_eq!(named("app"), "r.example:5000/app:latest");
        assert_eq!(named("team/app:1"), "r.example:5000/team/app:1");
        assert_eq!(named("other.example/app"), "other.example/app:latest");
        assert_eq!(named("docker.io/app"), "app:latest");
        assert!(ImageRef::parse_in(&registry, "").is_err());
        assert!(ImageRef::parse_in(&registry, "http://app").is_err());
    }

    #[test]
    fn what_is_wrong_is_named() {
        use ImageRefError as E;
        let error = |text: &str| ImageRef::parse(text).unwrap_err();
        assert_eq!(error(""), E::Empty);
        assert_eq!(error("http://r.example/app"), E::Scheme);
        assert_eq!(error("team/App"), E::Uppercase("App".into()));
        assert_eq!(error("r.example/../app"), E::Component("..".into()));
        assert_eq!(error("r.example//app"), E::Component(String::new()));
        assert_eq!(error("r.example/a___b"), E::Component("a___b".into()));
        assert_eq!(error("r.example/app/"), E::Component(String::new()));
        assert_eq!(error("r.example/app:my tag"), E::Tag("my tag".into()));
        assert_eq!(error("r.example/app:"), E::Tag(String::new()));
        assert_eq!(error("-r.example/app"), E::Domain("-r.example".into()));
        assert_eq!(error("r.example:99999/app"), E::Domain("r.example:99999".into()));
        assert_eq!(error("app@sha256:12"), E::Digest("sha256:12".into()));
        assert_eq!(error(&"a".repeat(64)), E::Id);
        assert_eq!(error(&format!("sha256:{}", "a".repeat(64))), E::Id);
        assert_eq!(error(&"a".repeat(300)), E::TooLong(300));
        assert_eq!(error(&format!("app:{}", "t".repeat(129))), E::Tag("t".repeat(129)));
    }

    #[test]
    fn logins_are_found_under_any_spelling() {
        for spelling in ["docker.io", "https://index.docker.io/v1/", "index.docker.io", ""] {
            assert!(RegistryHost::normalised(spelling).is_docker_hub(), "{spelling}");
        }
        assert_eq!(
            RegistryHost::normalised("https://R.Example:5000/v2/").as_str(),
            "r.example:5000"
        );
        assert!(RegistryHost::parse("not a host").is_err());
        for (registry, name) in
            [("r.example:5000", "r.example"), ("r.example", "r.example"), ("[::1]:5000", "::1")]
        {
            assert_eq!(RegistryHost::normalised(registry).name(), name);
        }
    }

    proptest! {
        #[test]
        fn what_the_grammar_allows_is_taken_and_comes_back(
            domain in prop::option::of("([a-z0-9]+(-[a-z0-9]+)?\\.){1,3}[a-z]{2,5}(:[1-9][0-9]{0,3})?"),
            path in "[a-z0-9]{1,8}((_|__|-{1,3})[a-z0-9]{1,5}){0,2}(/[a-z0-9]{1,8}(\\.[a-z0-9]{1,3})?){0,3}",
            tag in prop::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"),
            digest in prop::option::of("sha256:[0-9a-f]{64}"),
        ) {
            let mut text = domain.map_or(path.clone(), |domain| format!("{domain}/{path}"));
            if let Some(tag) = &tag { text = format!("{text}:{tag}"); }
            if let Some(digest) = &digest { text = format!("{text}@{digest}"); }
            let image = ImageRef::parse(&text).unwrap();
            prop_assert_eq!(image.tag(), tag.as_deref().unwrap_or("latest"));
            prop_assert_eq!(image.digest(), digest.as_deref());
            prop_assert_eq!(ImageRef::parse(&image.to_string()).unwrap(), image);
        }

        #[test]
        fn whatever_is_taken_is_safe_in_a_path(text in "\\PC{0,80}") {
            if let Ok(image) = ImageRef::parse(&text) {
                let shown = image.to_string();
                prop_assert!(shown.is_ascii());
                prop_assert!(!shown.contains(|c: char| c.is_whitespace() || c.is_control()));
                prop_assert!(!shown.contains("..") && !shown.contains("//"));
                prop_assert_eq!(ImageRef::parse(&shown).unwrap(), image);
            }
        }
    }
}

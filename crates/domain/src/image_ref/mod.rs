//! Names of images, by the reference grammar of the registry world.
//!
//! The grammar is that of the `distribution/reference` package, which Docker and every
//! registry follow: `[domain[:port]/]path[:tag][@digest]`. What stands before the first
//! slash is a domain only if it has a dot, a colon or a capital, or is `localhost`; short
//! names belong to Docker Hub (`app` is `docker.io/library/app`).

mod error;
mod grammar;
mod registry_host;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use error::ImageRefError;
pub use registry_host::RegistryHost;

use grammar::{check_component, parse_digest, parse_tag};
use registry_host::{is_domain, is_domain_like};

/// Of characters in registry and path.
const MAX_NAME: usize = 255;

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
            _ => (RegistryHost::docker_hub(), name.to_owned()),
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

    /// Whether it is `scratch`: engines keep the name for what is no image, and pull none of it.
    #[must_use]
    pub fn is_scratch(&self) -> bool {
        self.registry.is_docker_hub() && self.path == "library/scratch"
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

#[cfg(test)]
mod tests;

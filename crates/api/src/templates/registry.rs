//! Where the image of a template goes.
//!
//! Clients of the templates' older API name images without a registry, because the service
//! they come from never pushed. A short name means Docker Hub everywhere else; here it means
//! the operator's registry, and where there is none, the Docker host itself.

use slipway_domain::{FieldError, ImageRef, RegistryHost};

/// A registry, perhaps with the beginning of a path: `registry.example/team`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateRegistry(String);

impl TemplateRegistry {
    /// Reads one.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim_end_matches('/');
        let image = ImageRef::parse(&format!("{text}/app")).map_err(|error| error.to_string())?;
        if !names_registry(text, &image) {
            return Err("names no registry; write registry.example or registry.example/team".into());
        }
        Ok(Self(text.to_owned()))
    }
}

/// An image's full name, and whether it is pushed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) image: String,
    pub(crate) push: bool,
}

/// Where an image goes that a request calls so.
pub(super) fn place(
    registry: Option<&TemplateRegistry>,
    name: &str,
    tag: &str,
) -> Result<Place, FieldError> {
    let wrong = |error: String| FieldError::new("image", error);
    // A tag or a digest in the name would make another of the tag.
    let called = ImageRef::parse(name).map_err(|error| wrong(error.to_string()))?;
    if called.digest().is_some() || name.ends_with(&format!(":{}", called.tag())) {
        return Err(wrong("has a tag or digest in it; the tag has a field of its own".into()));
    }
    let image = format!("{name}:{tag}");
    let parsed =
        ImageRef::parse(&image).map_err(|error| FieldError::new("image.tag", error.to_string()))?;
    if names_registry(name, &parsed) {
        return Ok(Place { image, push: true });
    }
    Ok(match registry {
        Some(TemplateRegistry(registry)) => {
            Place { image: format!("{registry}/{image}"), push: true }
        }
        None => Place { image, push: false },
    })
}

/// Whether the registry of an image is in its name, and not Docker Hub for want of one.
fn names_registry(name: &str, image: &ImageRef) -> bool {
    let first = name.split('/').next().unwrap_or_default();
    RegistryHost::parse(first).is_ok_and(|host| host == *image.registry())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_its_own_registry_or_ours_or_nowhere() {
        let ours = TemplateRegistry::parse("r.example:5000/team/").unwrap();
        let shown = |registry: Option<&TemplateRegistry>, name: &str, tag: &str| match place(
            registry, name, tag,
        ) {
            Ok(Place { image, push }) => format!("{image} {push}"),
            Err(error) => error.to_string(),
        };
        let mut table = Vec::new();
        for (name, tag) in [
            ("my-app", "latest"),
            ("me/my-app", "1"),
            ("docker.io/me/my-app", "1"),
            ("q.example/my-app", "1"),
            ("localhost/my-app", "1"),
            ("My-App", "1"),
            ("my-app:1", "2"),
            ("localhost:5000", "1"),
            ("my-app", "a b"),
            ("my-app", "1\nRUN x"),
            ("my-app", ""),
            ("../etc", "1"),
        ] {
            let (with, without) = (shown(Some(&ours), name, tag), shown(None, name, tag));
            table.push(if with == without { with } else { format!("{with} | {without}") });
        }
        insta::assert_snapshot!(table.join("\n"), @r#"
        r.example:5000/team/my-app:latest true | my-app:latest false
        r.example:5000/team/me/my-app:1 true | me/my-app:1 false
        docker.io/me/my-app:1 true
        q.example/my-app:1 true
        localhost/my-app:1 true
        image: has capitals in "My-App"; repositories are lower-case
        image: has a tag or digest in it; the tag has a field of its own
        image: has a tag or digest in it; the tag has a field of its own
        image.tag: has the tag "a b"; a tag is 1 to 128 of a-z, A-Z, 0-9, underscore, dot and hyphen, and begins with none of the last two
        image.tag: has the tag "1\nRUN x"; a tag is 1 to 128 of a-z, A-Z, 0-9, underscore, dot and hyphen, and begins with none of the last two
        image.tag: has the tag ""; a tag is 1 to 128 of a-z, A-Z, 0-9, underscore, dot and hyphen, and begins with none of the last two
        image: has ".." for a registry, which is no host or host:port
        "#);
    }

    #[test]
    fn a_registry_is_one() {
        for good in ["r.example", "localhost:5000", "r.example/a/b", "docker.io/me"] {
            TemplateRegistry::parse(good).unwrap();
        }
        for bad in ["", "team", "https://r.example", "r.example/A", "r.example:x"] {
            TemplateRegistry::parse(bad).unwrap_err();
        }
    }
}

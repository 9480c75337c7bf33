//! A source that is one address: `docker://`, `data:`, `http://` or `https://`.

use slipway_domain::{ArchiveUrl, Credentials, ImageRef, Project, Secret, Source, SourceSecrets};
use slipway_store::{builds, names, uploads};
use uuid::Uuid;

use super::data_url::DataUrl;
use super::envelope::{Refusal, field};
use crate::Api;
use crate::error::Error;
use crate::receive::Received;

/// The names of sources: what a build's UUID stands for.
pub(super) const SOURCES: &str = "buildshuttle source";

/// A source as it was read.
pub(super) struct Read {
    pub(super) source: Source,
    pub(super) secrets: SourceSecrets,
    /// An archive that came with the request, and what it was called.
    received: Option<(Received, Option<String>)>,
}

/// Reads an address. `name` is the field that it came in. Archives in the request are in the
/// blob store then, and gone again unless they are kept.
pub(super) async fn read(api: &Api, name: &str, address: &str) -> Result<Read, Refusal> {
    let address = address.trim();
    if let Some(rest) = after(address, "data:") {
        let url =
            DataUrl::parse(rest).ok_or_else(|| field(name, "has no comma before its data"))?;
        let received = url.receive(api, name).await?;
        let source = Source::Upload { id: received.id() };
        let received = Some((received, url.media_type));
        return Ok(Read { source, secrets: SourceSecrets::default(), received });
    }
    if after(address, "docker://").is_some() {
        let (image, login) = image(name, address)?;
        let secrets = SourceSecrets { login, ..SourceSecrets::default() };
        return Ok(Read {
            source: Source::Image { image, all_platforms: false },
            secrets,
            received: None,
        });
    }
    if after(address, "http://").or_else(|| after(address, "https://")).is_none() {
        let message = "is none of docker://, data:, http:// and https://";
        return Err(field(name, message));
    }
    if let Some(source) = stored(api, address).await? {
        if let Source::Upload { id } = &source
            && uploads::find(&api.store, *id).await.map_err(Error::from)?.is_none()
        {
            return Err(field(name, "is that of a build whose source is gone"));
        }
        return Ok(Read { source, secrets: SourceSecrets::default(), received: None });
    }
    let (url, hidden) = ArchiveUrl::parse(address)?;
    let source = Source::Archive { url, sha256: None, subdir: None };
    let secrets =
        SourceSecrets { url: hidden.url, login: hidden.login, ..SourceSecrets::default() };
    Ok(Read { source, secrets, received: None })
}

impl Read {
    /// Keeps an archive that came with the request. To be called when the rest of the request
    /// has turned out to be good.
    pub(super) async fn keep(self, api: &Api, project: &Project) -> Result<(), Error> {
        let Some((received, media_type)) = self.received else { return Ok(()) };
        let upload = received.keep(&api.store, project.clone()).await?;
        if let Some(media_type) = media_type {
            uploads::describe(&api.store, upload.id, &media_type).await?;
        }
        Ok(())
    }
}

/// `docker://user:pass@host/org/repo:tag`, with or without its scheme.
pub(super) fn image(name: &str, address: &str) -> Result<(ImageRef, Option<Credentials>), Refusal> {
    let address = address.trim();
    let rest = after(address, "docker://").unwrap_or(address);
    let place = rest.split('/').next().unwrap_or_default();
    // What follows the @ of a digest is no host.
    let login = place.rsplit_once('@').filter(|(_, host)| !host.starts_with("sha256:"));
    let reference = login.map_or(rest, |(login, _)| rest.get(login.len() + 1..).unwrap_or(rest));
    let image = ImageRef::parse(reference.trim_end_matches('/'))
        .map_err(|error| field(name, &error.to_string()))?;
    let decoded =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let login = login.map(|(login, _)| {
        let (username, password) = login.split_once(':').unwrap_or((login, ""));
        Credentials { username: decoded(username), password: Secret::from(decoded(password)) }
    });
    Ok((image, login))
}

/// What an address of our own stands for, which is known by the build's UUID alone: under
/// which name this server is reached, it does not know.
async fn stored(api: &Api, address: &str) -> Result<Option<Source>, Error> {
    let path = address.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    let path = path.map_or("", |(_, path)| path);
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    match uuid(path) {
        Some(uuid) => find(api, uuid).await,
        None => Ok(None),
    }
}

/// The source of the build that has this UUID.
pub(super) async fn find(api: &Api, uuid: Uuid) -> Result<Option<Source>, Error> {
    let Some(id) = names::newest(&api.store, SOURCES, &uuid.to_string()).await? else {
        return Ok(None);
    };
    Ok(builds::find(&api.store, id).await?.map(|build| build.spec.source))
}

/// A UUID as clients write it, with its hyphens.
pub(super) fn uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36)
}

/// What follows a scheme, whatever its case.
fn after<'a>(address: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = address.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_their_logins() {
        let read = |address: &str| {
            let (image, login) = image("x", address).unwrap();
            let login =
                login.map(|login| format!("{}:{}", login.username, login.password.expose()));
            (image.to_string(), login)
        };
        let some = |text: &str| Some(text.to_owned());
        let plain = "r.example:5000/org/repo:1.2".to_owned();
        assert_eq!(read("docker://r.example:5000/org/repo:1.2"), (plain.clone(), None));
        assert_eq!(
            read("Docker://u:p%40@r.example:5000/org/repo:1.2"),
            (plain.clone(), some("u:p@"))
        );
        assert_eq!(read("u:p:q@r.example:5000/org/repo:1.2"), (plain.clone(), some("u:p:q")));
        assert_eq!(read("docker://t@r.example:5000/org/repo:1.2/"), (plain, some("t:")));
        assert_eq!(read("docker://docker.io/akkeris/x:latest").0, "akkeris/x:latest");
        let digest = format!("alpine@sha256:{}", "0".repeat(64));
        assert_eq!(read(&format!("docker://{digest}")), (digest, None));
        for bad in ["docker://", "docker://u:hunter2@", "docker://u:hunter2@R/x y"] {
            let said = image("x", bad).err().unwrap().to_string();
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}

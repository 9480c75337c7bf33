//! One repository of a registry, as one build may use it.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use slipway_domain::{Credentials, Failure, ImageRef, RegistryHost, Secret};
use slipway_outbound::{
    AddressPolicy, Body, Call, FetchErrorKind, Fetcher, Guard, Limits, Outgoing, Reply, Request,
    TlsFault,
};
use url::{Host, Url};

use super::access::{self, Access};
use super::digest::Digest;
use super::faults::Names;
use super::manifest::{self, Manifest};

/// Bytes of a manifest, as registries limit it themselves.
const MAX_MANIFEST: u64 = 4 * 1024 * 1024;
/// Without a byte, to or fro. Long, because a registry may sum up a large blob before it
/// answers.
const IDLE: Duration = Duration::from_secs(180);
/// Where Docker Hub answers, whose name is that of a website.
const DOCKER_HUB: &str = "registry-1.docker.io";
/// Tries of a request that is refused for want of a login: without, with, and with a token
/// that is new because the last ran out on the way.
const TRIES: usize = 3;

/// How a worker reaches registries.
#[derive(Debug, Clone, Default)]
pub struct RegistrySettings {
    /// Which addresses that users name it may reach.
    pub addresses: AddressPolicy,
    /// Those that plain HTTP may be spoken to, besides any on loopback.
    pub plain_http: BTreeSet<RegistryHost>,
}

/// The same, ready.
#[derive(Debug, Clone)]
pub(crate) struct Registries {
    fetcher: Fetcher,
    plain_http: BTreeSet<RegistryHost>,
}

/// Which end of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Source,
    Target,
}

/// A repository, and the way into it.
pub(crate) struct Repository<'a> {
    fetcher: &'a Fetcher,
    pub(super) names: Names<'a>,
    /// `https://host/v2/path/`.
    root: Url,
    access: Access<'a>,
    /// For a request from its begin to its end.
    total: Duration,
}

/// What goes with a request.
pub(super) enum Payload {
    Nothing,
    /// Can be sent again, where the first try is refused for want of a token.
    Bytes {
        media_type: String,
        bytes: Bytes,
    },
    /// Goes once.
    Blob(Outgoing),
}

impl Registries {
    pub(crate) fn new(settings: &RegistrySettings, fetcher: &Fetcher) -> Self {
        let guard = Guard::new(settings.addresses.clone());
        Self { fetcher: fetcher.behind(guard), plain_http: settings.plain_http.clone() }
    }

    /// Makes ready to use the repository of an image. `mounting` is another one in the same
    /// registry, from which blobs may be taken.
    ///
    /// Asks only where plain HTTP may be spoken: whether it has to be.
    pub(crate) async fn open<'a>(
        &'a self,
        image: &'a ImageRef,
        role: Role,
        login: Option<&'a Credentials>,
        mounting: Option<&ImageRef>,
        total: Duration,
    ) -> Result<Repository<'a>, Failure> {
        let registry = image.registry();
        let names = Names { image, role, is_plain: false };
        let host = if registry.is_docker_hub() { DOCKER_HUB } else { registry.as_str() };
        let may_be_plain = self.plain_http.contains(registry) || is_loopback(registry);
        let is_plain = may_be_plain && self.has_no_tls(host).await;
        let scheme = if is_plain { "http" } else { "https" };
        let root = Url::parse(&format!("{scheme}://{host}/v2/{}/", image.path()))
            .map_err(|_| names.bad_upload("has a name that no address can have"))?;
        let rights = match role {
            Role::Source => "pull",
            Role::Target => "pull,push",
        };
        let mut scopes = vec![format!("repository:{}:{rights}", image.path())];
        let other = mounting.filter(|other| other.path() != image.path());
        scopes.extend(other.map(|other| format!("repository:{}:pull", other.path())));
        let access = Access::new(login, scopes);
        let names = Names { is_plain, ..names };
        Ok(Repository { fetcher: &self.fetcher, names, root, access, total })
    }

    /// Whether a registry that may be spoken to in the clear has to be: https comes first, as
    /// for engines.
    async fn has_no_tls(&self, host: &str) -> bool {
        let Ok(url) = Url::parse(&format!("https://{host}/v2/")) else { return false };
        let request =
            Request { url, login: None, headers: Vec::new(), limits: Limits::bytes(MAX_MANIFEST) };
        let asked = self.fetcher.send(Call { method: Method::GET, request, outgoing: None }).await;
        matches!(
            asked.map_err(|error| error.kind),
            Err(FetchErrorKind::Tls(TlsFault::NoTls) | FetchErrorKind::Unreachable(_))
        )
    }
}

/// Whether a registry is on this very machine by its name. Whether it may be reached there is
/// the guard's to say.
fn is_loopback(registry: &RegistryHost) -> bool {
    match Host::parse(&registry.name().replace("::1", "[::1]")) {
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Ok(Host::Domain(name)) => name == "localhost",
        Err(_) => false,
    }
}

impl Repository<'_> {
    /// The image's own manifest, by its digest or its tag.
    pub(crate) async fn root(&self) -> Result<Manifest, Failure> {
        let image = self.names.image;
        let digest = image.digest().and_then(Digest::parse);
        self.manifest(image.digest().unwrap_or_else(|| image.tag()), digest.as_ref(), None).await
    }

    /// A manifest that another lists, or the root. `said` is the type that the other gives it.
    pub(super) async fn manifest(
        &self,
        reference: &str,
        digest: Option<&Digest>,
        said: Option<&str>,
    ) -> Result<Manifest, Failure> {
        let url = self.at(&["manifests", reference])?;
        let accept = [("accept", manifest::ACCEPT)];
        let reply = self.ask(Method::GET, url, &accept, Payload::Nothing, MAX_MANIFEST).await?;
        let reply = match reply.status {
            status if status.is_success() => reply,
            StatusCode::NOT_FOUND => {
                let what = said.map(|_| format!("the manifest {reference}"));
                return Err(self.names.not_found(&what.unwrap_or_default()));
            }
            _ => return Err(self.refused(reply).await),
        };
        let text =
            |name| reply.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let told = text(header::CONTENT_TYPE);
        // What the registry says it sends. A header of another algorithm says nothing here.
        let named = text(header::HeaderName::from_static("docker-content-digest"));
        let named = named.as_deref().and_then(Digest::parse);
        let bytes = access::read(reply, &self.names).await?;
        for expected in digest.into_iter().chain(&named) {
            if !expected.is_of(&bytes) {
                let what = format!("another manifest under {expected} than that digest says");
                return Err(self.names.changed(&what));
            }
        }
        let read = Manifest::read(bytes.into(), said.or(told.as_deref()));
        read.map_err(|fault| self.names.bad_manifest(reference, &fault))
    }

    /// The bytes of a blob, of which there are `size`.
    pub(super) async fn blob(&self, digest: &Digest, size: u64) -> Result<Body, Failure> {
        let url = self.at(&["blobs", digest.as_str()])?;
        let reply = self.ask(Method::GET, url, &[], Payload::Nothing, size).await?;
        match reply.status {
            status if status.is_success() => Ok(reply.body),
            StatusCode::NOT_FOUND => Err(self.names.not_found(digest.as_str())),
            _ => Err(self.refused(reply).await),
        }
    }

    /// A place below the repository.
    pub(super) fn at(&self, parts: &[&str]) -> Result<Url, Failure> {
        let mut url = self.root.clone();
        let no_path = || self.names.bad_upload("has an address without a path");
        url.path_segments_mut().map_err(|()| no_path())?.pop_if_empty().extend(parts);
        Ok(url)
    }

    /// Sends a request, with whatever it takes to be let in. A login goes to the registry, and
    /// to no other server. `most` is how many bytes of an answer are read.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: Url,
        headers: &[(&str, &str)],
        mut payload: Payload,
        most: u64,
    ) -> Result<Reply, Failure> {
        let is_ours = url.origin() == self.root.origin();
        let mut tries = 0;
        loop {
            tries += 1;
            let shown = if is_ours {
                self.access.show(self.fetcher, &self.names).await?
            } else {
                access::Shown::default()
            };
            let open = |(name, value): &(&str, &str)| {
                self.header(name, &Secret::from((*value).to_owned()))
            };
            let mut sent = headers.iter().map(open).collect::<Result<Vec<_>, _>>()?;
            if let Some(token) = &shown.header {
                sent.push(self.header("authorization", token)?);
            }
            let (again, outgoing) = match payload {
                Payload::Nothing => (Some(Payload::Nothing), None),
                Payload::Bytes { media_type, bytes } => {
                    sent.push(self.header("content-type", &Secret::from(media_type.clone()))?);
                    let outgoing = Outgoing::bytes(bytes.clone());
                    (Some(Payload::Bytes { media_type, bytes }), Some(outgoing))
                }
                Payload::Blob(outgoing) => {
                    let kind = Secret::from("application/octet-stream".to_owned());
                    sent.push(self.header("content-type", &kind)?);
                    (None, Some(outgoing))
                }
            };
            let limits = Limits { total: self.total, idle: IDLE, ..Limits::bytes(most) };
            let request = Request { url: url.clone(), login: shown.login, headers: sent, limits };
            let call = Call { method: method.clone(), request, outgoing };
            let reply =
                self.fetcher.send(call).await.map_err(|error| self.names.unanswered(&error))?;
            // What another server wants to see, to which a redirect led, is none of ours.
            let asks = reply.status == StatusCode::UNAUTHORIZED
                && is_ours
                && reply.url.origin() == self.root.origin();
            payload = match again {
                Some(payload) if asks && tries < TRIES => payload,
                _ => return Ok(reply),
            };
            if !self.let_in(&reply.headers, shown.number).await? {
                return Ok(reply);
            }
        }
    }

    async fn let_in(&self, headers: &HeaderMap, shown: u32) -> Result<bool, Failure> {
        self.access.answer(self.fetcher, &self.names, headers, shown).await
    }

    fn header(
        &self,
        name: &str,
        value: &Secret,
    ) -> Result<slipway_outbound::SecretHeader, Failure> {
        access::header(name, value, &self.names)
    }

    /// The failure that an answer tells of.
    pub(super) async fn refused(&self, reply: Reply) -> Failure {
        let token = self.access.token_shown().await;
        self.names.refused(reply, token.as_ref().map(Secret::expose)).await
    }
}

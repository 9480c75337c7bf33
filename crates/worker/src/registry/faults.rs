//! What can go wrong with a registry, in the reasons that pulls and pushes by an engine have.

use serde::Deserialize;
use slipway_domain::{Failure, ImageRef, Reason};
use slipway_outbound::{FetchError, FetchErrorKind, HeaderError, Reply, TlsFault};
use url::Url;

use super::manifest::ManifestFault;
use super::repository::Role;
use crate::engine::one_line;

/// Bytes of an error that are read.
const MAX_ERROR: usize = 16 * 1024;

/// Of which image a failure tells, and which end of the copy it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) image: &'a ImageRef,
    pub(super) role: Role,
    /// Whether the registry is spoken to in the clear.
    pub(super) is_plain: bool,
}

/// Errors as registries write them.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<Said>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Names<'_> {
    const fn verb(&self) -> &'static str {
        match self.role {
            Role::Source => "pull",
            Role::Target => "push",
        }
    }

    const fn denied(&self) -> Reason {
        match self.role {
            Role::Source => Reason::BaseImageDenied,
            Role::Target => Reason::RegistryDenied,
        }
    }

    fn made(&self, reason: Reason, message: &str) -> Failure {
        Failure::new(reason, one_line(message))
    }

    /// There was no answer, or none to the end.
    pub(super) fn unanswered(&self, error: &FetchError) -> Failure {
        let registry = self.image.registry();
        let failed = format!("the {} of {} failed: {error}", self.verb(), self.image);
        match &error.kind {
            FetchErrorKind::Refused(refused) => {
                self.made(Reason::AddressRefused, &failed).hint(refused.hint())
            }
            FetchErrorKind::Unresolved(_)
            | FetchErrorKind::Unreachable(_)
            | FetchErrorKind::Idle(_) => {
                self.made(Reason::RegistryUnreachable, &failed).hint(format!(
                    "check that {registry} is the registry's name and that the machines of slipway \
                     can reach it"
                ))
            }
            FetchErrorKind::Tls(TlsFault::NoTls) | FetchErrorKind::NotHttp => {
                self.made(Reason::RegistryError, &failed).hint(format!(
                    "if the registry has no https, have {registry} named under [registries] with \
                     plain_http = true in the settings of slipway's workers"
                ))
            }
            FetchErrorKind::Tls(_) => self.made(Reason::RegistryError, &failed).hint(
                "have the certificate of its authority added to sources.extra_ca_file in the \
                 settings of slipway's workers",
            ),
            FetchErrorKind::RateLimited { .. }
            | FetchErrorKind::Redirect(_)
            | FetchErrorKind::BadUrl(_)
            | FetchErrorKind::NotFound
            | FetchErrorKind::Denied { .. }
            | FetchErrorKind::Status(_)
            | FetchErrorKind::TooSlow { .. }
            | FetchErrorKind::TimedOut(_)
            | FetchErrorKind::TooLarge { .. }
            | FetchErrorKind::Cut { .. } => {
                self.made(Reason::RegistryError, &failed).hint(self.log_hint())
            }
        }
    }

    /// It answered with an error. `secret` is not quoted, whatever it says.
    pub(super) async fn refused(&self, reply: Reply, secret: Option<&str>) -> Failure {
        let (status, at) = (reply.status, reply.url.clone());
        let said = said(reply).await;
        let said = secret
            .filter(|secret| !secret.is_empty())
            .map_or_else(|| said.clone(), |secret| said.replace(secret, "***"));
        let said = if said.is_empty() { format!("status {}", status.as_u16()) } else { said };
        let (registry, verb, image) = (self.image.registry(), self.verb(), self.image);
        match status.as_u16() {
            401 | 403 => {
                let hint = match self.role {
                    Role::Source => format!(
                        "check the image's name, and give registry_auth a login for {registry} \
                         that may pull it"
                    ),
                    Role::Target => format!(
                        "give registry_auth a login for {registry} that may push to {}",
                        image.repository()
                    ),
                };
                let who = at.host_str().unwrap_or_default();
                let server = if registry.name() == who {
                    format!("registry {registry}")
                } else {
                    format!("{who}, for registry {registry},")
                };
                self.made(self.denied(), &format!("{server} refused the {verb} of {image}: {said}"))
                    .hint(hint)
            }
            429 => self
                .made(Reason::RegistryError, &format!("the {verb} of {image} failed: {said}"))
                .hint(format!("wait, or give registry_auth a login for {registry}")),
            _ => {
                let message = match self.role {
                    Role::Source => format!("the pull of {image} failed: {said}"),
                    Role::Target => format!("registry {registry} did not take {image}: {said}"),
                };
                self.made(Reason::RegistryError, &message).hint(self.log_hint())
            }
        }
    }

    /// The source does not have it. `what` is empty for the image itself.
    pub(super) fn not_found(&self, what: &str) -> Failure {
        let image = self.image;
        let message = if what.is_empty() {
            format!("{image} was not found")
        } else {
            format!("{image} lacks {what}, which it lists: its registry does not have it")
        };
        self.made(Reason::BaseImageNotFound, &message)
            .hint("check its name and its tag; a private image needs a login in registry_auth")
    }

    /// It is not what it is said to be.
    pub(super) fn changed(&self, what: &str) -> Failure {
        let registry = self.image.registry();
        self.made(Reason::SourceChanged, &format!("registry {registry} has {what}")).hint(
            "what it has is damaged or was changed: see to the registry, or push the image to it \
             again",
        )
    }

    /// It has a manifest that cannot be passed on.
    pub(super) fn bad_manifest(&self, digest: &str, fault: &ManifestFault) -> Failure {
        let message = format!("the manifest {digest} of {} {fault}", self.image);
        self.made(Reason::RegistryError, &message).hint(
            "manifests and indexes of OCI and of Docker's version 2 can be copied, up to 4 MiB each",
        )
    }

    /// It has more than any image is made of.
    pub(super) fn too_much(&self, what: &str) -> Failure {
        self.made(Reason::RegistryError, &format!("{} has {what}", self.image))
            .hint("copy the images that it lists one by one")
    }

    /// It sends uploads to where they may not go, or nowhere.
    pub(super) fn bad_upload(&self, problem: &str) -> Failure {
        let message = format!("registry {} {problem}", self.image.registry());
        self.made(Reason::RegistryError, &message).hint(self.log_hint())
    }

    pub(super) fn bad_realm(&self) -> Failure {
        let registry = self.image.registry();
        let message = format!(
            "registry {registry} sends for its tokens to an address that is none, or not encrypted"
        );
        self.made(Reason::RegistryError, &message)
            .hint("its settings name the address of its token server: it has to be https")
    }

    pub(super) fn no_token(&self, realm: &str) -> Failure {
        let message =
            format!("{realm}, the token server of {}, gave no token", self.image.registry());
        self.made(Reason::RegistryError, &message).hint("its log may say more")
    }

    pub(super) fn unsendable(&self, error: &HeaderError) -> Failure {
        self.made(
            self.denied(),
            &format!("the login for {} cannot be sent: {error}", self.image.registry()),
        )
        .hint("check the login in registry_auth")
    }

    /// Whether a login may be sent there: in the clear only where the registry itself is.
    pub(super) fn may_be_shown_to(&self, url: &Url) -> bool {
        url.scheme() == "https" || self.is_plain && url.scheme() == "http"
    }

    fn log_hint(&self) -> String {
        format!("the log of the registry {} may say more", self.image.registry())
    }
}

/// An error's own words: `unauthorized: authentication required`.
async fn said(reply: Reply) -> String {
    let mut body = reply.body;
    let mut text = Vec::new();
    while text.len() < MAX_ERROR
        && let Ok(Some(bytes)) = body.chunk().await
    {
        text.extend_from_slice(&bytes);
    }
    let Ok(Errors { errors }) = serde_json::from_slice(&text) else { return String::new() };
    let told = errors.into_iter().take(3).map(|Said { code, message }| {
        let code = code.to_lowercase().replace('_', " ");
        if message.is_empty() || message == code { code } else { format!("{code}: {message}") }
    });
    told.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
}

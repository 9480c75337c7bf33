//! What kind of engine answers, and which builder to use.

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bollard::models::SystemVersion;
use http::{HeaderMap, HeaderValue, Method};
use slipway_domain::{Failure, Platform};

use super::wire::{self, WireError};
use super::{Engine, Host, faults};

/// A probe is asked for often and by what has to go on: a host that takes longer is as good
/// as gone.
const TIMEOUT: Duration = Duration::from_secs(5);
/// For how long an engine that answers as it did is not asked all of it again: to tell its
/// versions it starts other programs, which takes as much of the host as a tenth of a build.
const WELL_KNOWN: Duration = Duration::from_secs(60);
/// What of an answer tells one engine, or one version of it, from another.
const TRAITS: [&str; 4] = ["server", "api-version", "ostype", "builder-version"];
/// The first API whose `/build` takes `version=2` outside of experiments (Docker 19.03).
const FIRST_BUILDKIT_API: u32 = 40;

/// Which builder the settings ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BuilderChoice {
    /// BuildKit where the host has it, classic where not.
    #[default]
    Auto,
    /// BuildKit, whatever the host says.
    Buildkit,
    /// The classic builder, whatever the host says.
    Classic,
}

/// A builder of a Docker host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builder {
    /// BuildKit.
    Buildkit,
    /// The builder before it; also what Podman answers as.
    Classic,
}

impl Builder {
    /// The word for it in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buildkit => "buildkit",
            Self::Classic => "classic",
        }
    }
}

/// What a host says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    /// Version of its API, such as `1.41`.
    pub api_version: String,
    /// Version of the program, such as `20.10.24+dfsg1`.
    pub engine_version: String,
    /// The builder that builds will use.
    pub builder: Builder,
    /// The engine's own identity (`ID` of `/info`): two machines that use one host name are
    /// told apart by it. Engines keep it with their data, those before 24 beside their
    /// settings. `None` where there is none, as with some that only speak the same API.
    pub id: Option<String>,
    /// The platform that it builds for when none is named. Architectures are Go's names, as
    /// in the OCI image index; a variant (arm/v7) is not told.
    pub platform: Platform,
}

/// As what an engine answered when it was asked everything.
#[derive(Debug)]
pub(super) struct Acquaintance {
    since: Instant,
    traits: [Option<HeaderValue>; TRAITS.len()],
}

impl Engine {
    /// Asks the host whether it is still there, and what it is only when it answers otherwise than
    /// before, or was not asked for a minute.
    ///
    /// # Errors
    /// As of [`Engine::probe`].
    pub async fn look(&self) -> Result<EngineInfo, Failure> {
        let Some(known) = self.known() else { return self.probe().await };
        let answer = self.host.in_time(self.host.ping()).await;
        let traits = traits(&answer.map_err(|error| faults::host(&self.host, error))?);
        let is_known = self
            .host
            .last()
            .as_ref()
            .is_some_and(|last| last.traits == traits && last.since.elapsed() < WELL_KNOWN);
        if is_known { Ok(known) } else { self.probe().await }
    }

    /// Asks the host what it is, and remembers the answer for the builds to come.
    ///
    /// # Errors
    /// [`HostUnreachable`](slipway_domain::Reason::HostUnreachable) when it does not answer
    /// within five seconds, [`HostError`](slipway_domain::Reason::HostError) when what
    /// answers is no engine.
    pub async fn probe(&self) -> Result<EngineInfo, Failure> {
        let asking = async { tokio::try_join!(self.host.ping(), self.version()) };
        let (answers, id) = tokio::join!(self.host.in_time(asking), self.host.in_time(self.id()));
        let (headers, version) = answers.map_err(|error| faults::host(&self.host, error))?;
        let (info, minor) =
            judge(&headers, &version).map_err(|error| faults::host(&self.host, error))?;
        // An engine looks at much for this answer and is slow with it when it is busy, which
        // does not make it another one.
        let id = id.unwrap_or_else(|_| self.known()?.id);
        let builder = match self.host.choice {
            BuilderChoice::Auto => info.builder,
            BuilderChoice::Buildkit => Builder::Buildkit,
            BuilderChoice::Classic => Builder::Classic,
        };
        let info = EngineInfo { builder, id, ..info };
        self.host.wire.negotiate(minor);
        let last = Acquaintance { since: Instant::now(), traits: traits(&headers) };
        *self.host.last() = Some(last);
        *self.host.info.write().unwrap_or_else(PoisonError::into_inner) = Some(info.clone());
        Ok(info)
    }

    /// What the last probe found, or what a first one finds.
    pub(super) async fn info(&self) -> Result<EngineInfo, Failure> {
        match self.known() {
            Some(info) => Ok(info),
            None => self.probe().await,
        }
    }

    async fn id(&self) -> Result<Option<String>, WireError> {
        Ok(self.host.docker.info().await?.id.filter(|id| !id.is_empty()))
    }

    async fn version(&self) -> Result<SystemVersion, WireError> {
        Ok(self.host.docker.version().await?)
    }
}

impl Host {
    fn last(&self) -> MutexGuard<'_, Option<Acquaintance>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer that does not come in time is one that does not come.
    pub(super) async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, WireError>>,
    ) -> Result<T, WireError> {
        tokio::time::timeout(TIMEOUT, answer).await.unwrap_or_else(|_| {
            Err(WireError::Broken(format!("no answer within {} seconds", TIMEOUT.as_secs())))
        })
    }

    /// What `/_ping` says, all of which is in its headers.
    pub(super) async fn ping(&self) -> Result<HeaderMap, WireError> {
        let request = wire::with_body(wire::request(Method::GET, "/_ping"), wire::nothing())?;
        Ok(self.wire.send(request).await?.response.headers().clone())
    }
}

fn traits(ping: &HeaderMap) -> [Option<HeaderValue>; TRAITS.len()] {
    TRAITS.map(|name| ping.get(name).cloned())
}

/// The info with the builder that the host itself would choose and without its id, and the
/// API's minor version.
fn judge(ping: &HeaderMap, version: &SystemVersion) -> Result<(EngineInfo, u32), WireError> {
    let garbled = |what: &str| WireError::Garbled(format!("it names no {what}"));
    let api = version.api_version.as_deref().ok_or_else(|| garbled("api version"))?;
    let minor = api.strip_prefix("1.").and_then(|minor| minor.parse().ok());
    let minor: u32 = minor.ok_or_else(|| garbled("api version that is known here"))?;
    let os = version.os.as_deref().ok_or_else(|| garbled("operating system"))?;
    let arch = version.arch.as_deref().ok_or_else(|| garbled("architecture"))?;
    let platform = Platform::parse(&format!("{os}/{arch}")).map_err(|_| garbled("platform"))?;
    // Podman lists "Podman Engine"; Docker, also in its rebuilds by distributions, "Engine".
    let components = version.components.as_deref().unwrap_or_default();
    let is_docker = components.iter().any(|component| component.name == "Engine");
    let default_builder = ping.get("Builder-Version").and_then(|value| value.to_str().ok());
    let builder = match default_builder {
        Some("2") => Builder::Buildkit,
        // Only said where someone turned BuildKit off.
        Some("1") => Builder::Classic,
        // Docker 20.10 on Linux says nothing, and has it.
        _ if is_docker && os == "linux" && minor >= FIRST_BUILDKIT_API => Builder::Buildkit,
        _ => Builder::Classic,
    };
    let engine_version = version.version.clone().unwrap_or_default();
    let info =
        EngineInfo { api_version: api.to_owned(), engine_version, builder, id: None, platform };
    Ok((info, minor))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn builder(header: Option<&'static str>, component: &str, api: &str, os: &str) -> Builder {
        let mut ping = HeaderMap::new();
        if let Some(header) = header {
            ping.insert("Builder-Version", HeaderValue::from_static(header));
        }
        let version = json!({
            "ApiVersion": api, "Os": os, "Arch": "amd64",
            "Components": [{"Name": component, "Version": "x"}, {"Name": "runc", "Version": "1"}],
        });
        let version = serde_json::from_value(version).unwrap();
        judge(&ping, &version).unwrap().0.builder
    }

    #[test]
    fn builder_by_what_the_host_says() {
        use Builder::{Buildkit, Classic};
        for (header, component, api, os, expected) in [
            (Some("2"), "Engine", "1.52", "linux", Buildkit),
            (Some("1"), "Engine", "1.43", "linux", Classic),
            (None, "Engine", "1.41", "linux", Buildkit),
            (None, "Engine", "1.40", "linux", Buildkit),
            (None, "Engine", "1.39", "linux", Classic),
            (None, "Engine", "1.41", "windows", Classic),
            (None, "Podman Engine", "1.41", "linux", Classic),
        ] {
            let found = builder(header, component, api, os);
            assert_eq!(found, expected, "{header:?} {component} {api} {os}");
        }
    }

    #[test]
    fn what_is_no_engine() {
        assert!(judge(&HeaderMap::new(), &SystemVersion::default()).is_err());
    }
}

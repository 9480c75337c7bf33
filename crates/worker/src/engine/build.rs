//! A build on an engine, from the request to the image.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, OnceLock};
use tokio::time::Instant;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{Method, StatusCode};
use serde_json::Value;
use slipway_domain::{DockerfilePath, Failure, Platform, Reason, Resources, Secrets, Stage};
use tokio::sync::mpsc;
use url::form_urlencoded;

use super::attend::Heard;
use super::buildkit::{self, Trace};
use super::classic::Transcript;
use super::faults::{self, FailedStep};
use super::lines::{Line, Lines, Said};
use super::logins;
use super::probe::Builder;
use super::progress::{Progress, report};
use super::resources;
use super::session::Session;
use super::shared;
use super::wire::{self, WireError};
use super::{Engine, Host};

/// Pieces of news after which they are handed on, though more is at hand.
const TOGETHER: usize = 16;

/// What to build, but for the context.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// Name and tag of the image on the host: one that no other build has, such as
    /// `slipway.invalid/<build>:<attempt>`.
    pub tag: String,
    /// The Dockerfile within the context.
    pub dockerfile: DockerfilePath,
    /// Build arguments. They and the labels may have about 60 kB together.
    pub args: BTreeMap<String, String>,
    /// Labels for the image.
    pub labels: BTreeMap<String, String>,
    /// The stage to stop at; the last one where none is named.
    pub target: Option<String>,
    /// The platform to build for; the host's own where none is named.
    pub platform: Option<Platform>,
    /// Do not use the builder's cache.
    pub no_cache: bool,
    /// Look for newer base images even where the host has them.
    pub pull: bool,
    /// What steps may use of the host.
    pub resources: Resources,
    /// Logins for base images, and what steps mount: secrets and SSH agents.
    pub secrets: Secrets,
}

/// What came of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltImage {
    /// The image's id on the host, `sha256:…`. This is not its digest in a registry.
    pub id: String,
}

impl Engine {
    /// Builds an image. `context` is a tar, plain or compressed; it is read as fast as the
    /// engine takes it. `progress` gets what happens, and slows the engine down when it is
    /// full.
    ///
    /// Dropping the future stops the engine. When the context ends in an error, the engine
    /// is stopped too and builds nothing of the part that it got.
    ///
    /// # Errors
    /// Everything that can be wrong with a Dockerfile, a context, a base image or a host,
    /// told apart by its [`Reason`]. Secrets and SSH agents need BuildKit: on another builder
    /// nothing is begun, and the reason is [`Reason::BuilderUnsupported`]. For a context that ended in an error, the failure says
    /// just that: its maker knows the reason.
    pub async fn build(
        &self,
        request: &BuildRequest,
        context: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        progress: mpsc::Sender<Progress>,
    ) -> Result<BuiltImage, Failure> {
        let builder = self.info().await?.builder;
        if builder == Builder::Classic && request.secrets.need_buildkit() {
            return Err(faults::no_mounts(&self.host).at(Stage::Preparing));
        }
        let broke_off = Arc::new(OnceLock::new());
        let context = watched(context, Arc::clone(&broke_off));
        let heard = Heard::default();
        let work = attempt(&self.host, builder, request, context, &progress, &heard);
        let result = self.host.attended(&heard, work).await;
        let result = result.map_err(|failure| failure.at(Stage::Building));
        match broke_off.get() {
            Some(error) if result.is_err() => Err(faults::context(error)),
            _ => result,
        }
    }
}

async fn attempt(
    host: &Host,
    builder: Builder,
    request: &BuildRequest,
    context: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    progress: &mpsc::Sender<Progress>,
    heard: &Heard,
) -> Result<BuiltImage, Failure> {
    // Held until the build is over.
    let session = match builder {
        Builder::Buildkit => Some(Session::start(Arc::clone(&host.wire), &request.secrets)?),
        Builder::Classic => None,
    };
    let mut head =
        wire::tar(wire::request(Method::POST, &path(request, session.as_ref().map(Session::id))));
    let logins = &request.secrets.registry_auth;
    if builder == Builder::Classic && !logins.is_empty() {
        head = head.header("X-Registry-Config", logins::registry_config(logins));
    }
    let sent = match wire::with_body(head, wire::streamed(context)) {
        Ok(request) => host.wire.send(request).await,
        Err(error) => Err(error),
    };
    let mut lines = Lines::new(sent.map_err(|error| refused(host, error))?, heard);
    let mut log = Log::new(builder);
    let mut news = Vec::new();
    if builder == Builder::Buildkit
        && let Some(warning) = resources::unlimited(&request.resources)
    {
        news.push(Progress::said(&warning));
    }
    let mut image = None;
    loop {
        let line = lines.next().await.map_err(|error| faults::host(host, error));
        let Some(mut line) = line.map_err(|failure| failure.at(Stage::Building))? else { break };
        if let Some(said) = line.said() {
            log.finish(Some(&said), &mut news);
            report(&mut news, progress).await;
            let mut failure = match stopping(host, &said).await {
                Some(error) => faults::host(host, error).at(Stage::Building),
                None => faults::building(&said, log.failed().as_ref()),
            };
            if failure.reason == Reason::StepFailed && log.failed_elsewhere() {
                news.push(Progress::said(shared::NOTE_OF_FAILURE));
                report(&mut news, progress).await;
                failure = failure.hint(shared::HINT_OF_FAILURE);
            }
            return Err(failure);
        }
        if let Some(id) = log.apply(line, &mut news) {
            image = Some(id);
        }
        // What comes together goes on together.
        if news.len() >= TOGETHER || !lines.has_next() {
            report(&mut news, progress).await;
        }
    }
    log.finish(None, &mut news);
    report(&mut news, progress).await;
    image.map(|id| BuiltImage { id }).ok_or_else(|| {
        Failure::new(Reason::HostError, "the docker host ended the build without an image")
            .hint("the log of its docker engine may say more")
            .at(Stage::Building)
    })
}

/// An engine that is told to stop kills what runs, and its classic builder still tells of that
/// as of a command that failed. By then it takes no more connections.
async fn stopping(host: &Host, said: &Said) -> Option<WireError> {
    let killed = said.text.ends_with("code: 137");
    if killed { host.in_time(host.ping()).await.err() } else { None }
}

/// The engine refused before it began: the classic builder reads the Dockerfile first.
fn refused(host: &Host, error: WireError) -> Failure {
    let failure = match error {
        // The first line of a request has its limit in our library (64 KiB) and in engines.
        WireError::Unsendable(_)
        | WireError::Refused {
            status: StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ..
        } => faults::too_many_arguments(),
        WireError::Refused { message: text, .. } => {
            faults::building(&Said { text, code: None }, None)
        }
        other @ (WireError::Unreachable(_)
        | WireError::Tls(_)
        | WireError::Broken(_)
        | WireError::Garbled(_)) => faults::host(host, other),
    };
    failure.at(Stage::Building)
}

/// `/build` and its query. The names are those of the Docker Engine's API.
fn path(request: &BuildRequest, session: Option<&str>) -> String {
    let mut query =
        form_urlencoded::Serializer::for_suffix(String::from("/build?"), "/build?".len());
    query.append_pair("t", &request.tag);
    query.append_pair("dockerfile", request.dockerfile.as_str());
    // No container of the classic builder is left, whether the build goes well or not.
    query.append_pair("rm", "1").append_pair("forcerm", "1");
    match session {
        Some(session) => query.append_pair("version", "2").append_pair("session", session),
        None => query.append_pair("version", "1"),
    };
    for (name, table) in [("buildargs", &request.args), ("labels", &request.labels)] {
        if !table.is_empty() {
            query.append_pair(name, &serde_json::json!(table).to_string());
        }
    }
    if let Some(target) = &request.target {
        query.append_pair("target", target);
    }
    if let Some(platform) = &request.platform {
        query.append_pair("platform", platform.as_str());
    }
    if request.no_cache {
        query.append_pair("nocache", "1");
    }
    if request.pull {
        query.append_pair("pull", "1");
    }
    for (name, value) in resources::query(&request.resources) {
        query.append_pair(name, &value);
    }
    query.finish()
}

/// The context, noting the error that it ends in. After an error it is not asked again.
fn watched(
    context: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    broke_off: Arc<OnceLock<String>>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    context.inspect(move |piece| {
        if let Err(error) = piece {
            // The first one counts.
            broke_off.get_or_init(|| error.to_string());
        }
    })
}

/// Reads what either builder tells.
enum Log {
    Buildkit(Trace),
    Classic(Transcript),
}

impl Log {
    fn new(builder: Builder) -> Self {
        match builder {
            Builder::Buildkit => Self::Buildkit(Trace::default()),
            Builder::Classic => Self::Classic(Transcript::default()),
        }
    }

    /// Adds what the line says to `news`, and gives the image's id if the line has it. The
    /// classic builder names one for each stage; the last is the image.
    fn apply(&mut self, mut line: Line, news: &mut Vec<Progress>) -> Option<String> {
        match self {
            Self::Classic(transcript) => transcript.apply(&mut line, Instant::now(), news),
            Self::Buildkit(trace) => {
                if let Some(Value::String(aux)) = &line.aux
                    && let Some(status) = buildkit::decode(aux)
                {
                    trace.apply(status, news);
                }
            }
        }
        let id = line.aux?.get_mut("ID")?.take();
        id.as_str().map(ToOwned::to_owned)
    }

    fn finish(&mut self, said: Option<&Said>, news: &mut Vec<Progress>) {
        match self {
            Self::Buildkit(trace) => trace.finish(news),
            Self::Classic(transcript) => {
                transcript.finish(said.map(|said| said.text.as_str()), Instant::now(), news);
            }
        }
    }

    /// Whether a step that failed was run by another build. The classic builder shares none.
    fn failed_elsewhere(&self) -> bool {
        match self {
            Self::Buildkit(trace) => trace.failed_elsewhere(),
            Self::Classic(_) => false,
        }
    }

    fn failed(&self) -> Option<FailedStep> {
        match self {
            Self::Buildkit(trace) => trace.failed().cloned(),
            Self::Classic(transcript) => transcript.failed(),
        }
    }
}

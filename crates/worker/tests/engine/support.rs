//! Builds as the tests write them down.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use slipway_domain::{
    Credentials, DockerfilePath, Failure, HostName, LogStream, RegistryHost, Resources, Secrets,
    StepStatus,
};
use slipway_test_support::env;
use slipway_worker::engine::{
    BuildRequest, Builder, BuilderChoice, BuiltImage, Engine, EngineSettings, Progress,
};
use tokio::sync::mpsc;
use uuid::Uuid;

/// No test is slower than this, whatever the machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// What nothing has to be waited for is there by then, also on a machine with much else to do.
pub(crate) const SOON: Duration = Duration::from_secs(40);

pub(crate) const BOTH: [Builder; 2] = [Builder::Buildkit, Builder::Classic];

pub(crate) fn unique() -> String {
    Uuid::new_v4().simple().to_string()
}

pub(crate) fn engine_at(url: &str, builder: BuilderChoice) -> Engine {
    let name = HostName::parse("build-1").unwrap();
    Engine::connect(&EngineSettings {
        name,
        url: url.to_owned(),
        tls: None,
        plain_tcp: false,
        builder,
    })
    .unwrap()
}

pub(crate) fn engine(builder: Builder) -> Engine {
    let choice = match builder {
        Builder::Buildkit => BuilderChoice::Buildkit,
        Builder::Classic => BuilderChoice::Classic,
    };
    engine_at(&env::docker_host(), choice)
}

/// The login that the registry with a login knows.
pub(crate) fn good_login() -> Credentials {
    let registry = env::registry_with_login();
    Credentials { username: registry.user, password: registry.password.into() }
}

pub(crate) fn wrong_login() -> Credentials {
    Credentials { username: "nobody".into(), password: "hunter2hunter2".to_owned().into() }
}

pub(crate) fn login_for(registry: &str, login: Credentials) -> BTreeMap<RegistryHost, Credentials> {
    [(RegistryHost::parse(registry).unwrap(), login)].into()
}

/// A request with a tag of its own and everything else at its default.
pub(crate) fn request() -> BuildRequest {
    BuildRequest {
        tag: format!("slipway.invalid/{}:1", unique()),
        dockerfile: DockerfilePath::default(),
        args: BTreeMap::new(),
        labels: BTreeMap::new(),
        target: None,
        platform: None,
        no_cache: false,
        pull: false,
        resources: Resources::default(),
        secrets: Secrets::default(),
    }
}

/// A tar of files, each a path and its content.
pub(crate) fn tar(files: &[(&str, &str)]) -> Bytes {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().into()
}

pub(crate) fn context(
    tar: Bytes,
) -> impl stream::Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::iter([Ok(tar)])
}

/// What came of a build, or a push, and what it told.
pub(crate) struct Told<T> {
    pub result: Result<T, Failure>,
    pub news: Vec<Progress>,
}

/// Runs a piece of work to its end and collects what it tells.
pub(crate) async fn listen<T>(
    work: impl AsyncFnOnce(mpsc::Sender<Progress>) -> Result<T, Failure>,
) -> Told<T> {
    let (sender, mut receiver) = mpsc::channel(8);
    let collect = async {
        let mut news = Vec::new();
        while let Some(item) = receiver.recv().await {
            news.push(item);
        }
        news
    };
    let both = async { tokio::join!(work(sender), collect) };
    let (result, news) = tokio::time::timeout(PATIENCE, both).await.expect("it hangs");
    Told { result, news }
}

/// Builds from a tar and takes the image off again, but for its cache.
pub(crate) async fn build(engine: &Engine, request: &BuildRequest, tar: Bytes) -> Told<BuiltImage> {
    let told = listen(async |progress| engine.build(request, context(tar), progress).await).await;
    engine.untag(&request.tag).await.unwrap();
    told
}

/// [`build`], from a Dockerfile alone.
pub(crate) async fn build_dockerfile(
    engine: &Engine,
    request: &BuildRequest,
    dockerfile: &str,
) -> Told<BuiltImage> {
    build(engine, request, tar(&[("Dockerfile", dockerfile)])).await
}

impl<T> Told<T> {
    /// All output of one kind, as text.
    pub(crate) fn text(&self, of: LogStream) -> String {
        let mut text = Vec::new();
        for item in &self.news {
            if let Progress::Log { stream, bytes, .. } = item
                && *stream == of
            {
                text.extend_from_slice(bytes);
            }
        }
        String::from_utf8(text).unwrap()
    }

    /// What became of the steps whose name has `part` in it.
    pub(crate) fn statuses(&self, part: &str) -> Vec<StepStatus> {
        let mut statuses = Vec::new();
        for item in &self.news {
            if let Progress::Step { name, status, .. } = item
                && name.contains(part)
            {
                statuses.push(*status);
            }
        }
        statuses
    }

    /// The number of the first step whose name has `part` in it.
    pub(crate) fn number(&self, part: &str) -> u32 {
        let found = self.news.iter().find_map(|item| match item {
            Progress::Step { step, name, .. } if name.contains(part) => Some(*step),
            Progress::Step { .. } | Progress::Log { .. } => None,
        });
        found.unwrap_or_else(|| panic!("no step has {part:?}"))
    }
}

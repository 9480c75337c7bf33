//! The bare side: what a program does that talks to the engine itself.
//!
//! Build under the name that is pushed, push, remove: the fewest requests there can be.

use std::fmt;
use std::io;
use std::time::Duration;

use bollard::Docker;
use bollard::body_full;
use bollard::models::{BuildInfo, BuildInfoAux};
use bollard::query_parameters::{
    BuildImageOptions, BuildImageOptionsBuilder, BuilderVersion, PruneBuildOptionsBuilder,
    PushImageOptionsBuilder, RemoveImageOptionsBuilder,
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use tokio::time::Instant;

use crate::context;
use crate::error::Error;
use crate::heard::Heard;
use crate::work::Work;

/// The head of an answer may be as long in coming as a context of gigabytes in going.
const ANSWERS_WITHIN: Duration = Duration::from_secs(900);

/// Which of the engine's builders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Builder {
    Buildkit,
    Classic,
}

impl fmt::Display for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Buildkit => "buildkit",
            Self::Classic => "classic",
        })
    }
}

/// The engine, without anything in between.
#[derive(Debug)]
pub(crate) struct Bare {
    docker: Docker,
}

/// How long each part took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    pub(crate) build: Duration,
    pub(crate) push: Duration,
    pub(crate) remove: Duration,
    pub(crate) whole: Duration,
}

impl Bare {
    /// The engine that `DOCKER_HOST` names.
    pub(crate) fn connect() -> Result<Self, Error> {
        Ok(Self { docker: Docker::connect_with_defaults()?.with_timeout(ANSWERS_WITHIN) })
    }

    /// Builds with BuildKit, pushes and removes.
    pub(crate) async fn run(&self, work: &Work) -> Result<Took, Error> {
        self.run_with(Builder::Buildkit, work, &mut Heard::default()).await
    }

    /// Builds, pushes and removes, and lets the build's output be heard.
    pub(crate) async fn run_with(
        &self,
        builder: Builder,
        work: &Work,
        heard: &mut Heard,
    ) -> Result<Took, Error> {
        let begun = Instant::now();
        let body = body_full(context::dockerfile_alone(&work.dockerfile));
        let options = options(builder, work);
        read(self.docker.build_image(options, None, Some(body)), heard).await?;
        heard.end();
        let built = Instant::now();
        self.push(work).await?;
        let pushed = Instant::now();
        self.remove(&work.image).await?;
        let removed = Instant::now();
        Ok(Took {
            build: built - begun,
            push: pushed - built,
            remove: removed - pushed,
            whole: removed - begun,
        })
    }

    /// Builds from a large context, pushes and removes. Says how long.
    pub(crate) async fn run_large(&self, work: &Work, mib: usize) -> Result<Duration, Error> {
        self.run_stream(work, context::with_noise(&work.dockerfile, mib)).await
    }

    /// The same from a tar that comes as a stream.
    pub(crate) async fn run_stream(
        &self,
        work: &Work,
        tar: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<Duration, Error> {
        let begun = Instant::now();
        let body = bollard::body_try_stream(tar);
        let options = options(Builder::Buildkit, work);
        let built = self.docker.build_image(options, None, Some(body));
        read(built, &mut Heard::default()).await?;
        self.push(work).await?;
        self.remove(&work.image).await?;
        Ok(begun.elapsed())
    }

    /// Empties the build cache: contexts of gigabytes stay in there otherwise.
    pub(crate) async fn prune(&self) -> Result<(), Error> {
        let options = PruneBuildOptionsBuilder::new().all(true).build();
        self.docker.prune_build(Some(options)).await?;
        Ok(())
    }

    /// Removes an image. One that is not there is removed already.
    pub(crate) async fn remove(&self, image: &str) -> Result<(), Error> {
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        match self.docker.remove_image(image, Some(options), None).await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the engine has the image.
    pub(crate) async fn has(&self, image: &str) -> Result<bool, Error> {
        match self.docker.inspect_image(image).await {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn push(&self, work: &Work) -> Result<(), Error> {
        let (repository, tag) = work.image.rsplit_once(':').unwrap_or((&work.image, "latest"));
        let options = PushImageOptionsBuilder::new().tag(tag).build();
        let mut told = self.docker.push_image(repository, Some(options), None);
        while told.try_next().await?.is_some() {}
        Ok(())
    }
}

fn options(builder: Builder, work: &Work) -> BuildImageOptions {
    let options = BuildImageOptionsBuilder::new().t(&work.image).rm(true).forcerm(true);
    match builder {
        // Without a session BuildKit could not ask for logins. Its id has to be new.
        Builder::Buildkit => options.version(BuilderVersion::BuilderBuildKit).session(&work.image),
        Builder::Classic => options.version(BuilderVersion::BuilderV1),
    }
    .build()
}

/// Reads what the engine tells of a build to the end.
async fn read(
    told: impl Stream<Item = Result<BuildInfo, bollard::errors::Error>>,
    heard: &mut Heard,
) -> Result<(), Error> {
    let mut told = std::pin::pin!(told);
    while let Some(info) = told.next().await {
        let info = info?;
        if let Some(message) = info.error_detail.and_then(|detail| detail.message) {
            return Err(Error::Unexpected(format!("a bare build failed: {message}")));
        }
        if let Some(text) = &info.stream {
            heard.hear(text.as_bytes());
        }
        if let Some(BuildInfoAux::BuildKit(status)) = &info.aux {
            for log in &status.logs {
                heard.hear(&log.msg);
            }
        }
    }
    Ok(())
}

fn is_missing(error: &bollard::errors::Error) -> bool {
    matches!(error, bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })
}

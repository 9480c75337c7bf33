//! The stages up to a built image: the context goes to the engine, the engine builds.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_context::OpenContext;
use slipway_domain::{Failure, Reason, Source, Stage, arg_name};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Broken, Run};
use crate::context::{Opened, Order, Through};
use crate::engine::{BuildRequest, Progress};
use crate::log::LogWriter;

/// Progress reports between engine and log. Short: the log's pace is the engine's pace.
const REPORTS: usize = 16;

impl Run<'_> {
    /// Preparing lasts until the engine has the whole context, Building until it is done.
    pub(super) async fn build(&self) -> Result<(), Broken> {
        if let Source::Image { image, .. } = &self.spec.source {
            return self.pull(image).await;
        }
        self.warn_of_args().await?;
        let fetch_limit = self.worker.settings.fetch_timeout;
        let context = timeout(fetch_limit, self.open())
            .await
            .map_err(|_| timed_out(Stage::Preparing, fetch_limit))??;
        match self.build_from(context).await? {
            None => Ok(()),
            // What is known by now does not change any more.
            Some(anew) => self.build_from(anew.into()).await.map(drop),
        }
    }

    /// Sends a context and builds from it; or gives the one to be sent in its place, when it
    /// turns out not to be it. Then nothing came of it, and nobody has heard of it.
    async fn build_from(&self, context: Opened<'_>) -> Result<Option<OpenContext>, Broken> {
        let Opened { stream, done: mut sent, arrived, is_early } = context;
        let (progress, reports) = mpsc::channel(REPORTS);
        let request = self.request();
        let work = self.engine.build(&request, stream, progress);
        let settled = CancellationToken::new();
        if !is_early {
            settled.cancel();
        }
        let logged = async {
            settled.cancelled().await;
            self.forward_from_builder(reports).await
        };
        let both = async {
            // Of a log that nobody can write any more, the work is given up at once.
            let (built, ()) = tokio::try_join!(async { Ok(work.await) }, logged)?;
            built.map_err(Broken::Failed)
        };
        tokio::pin!(both);

        let preparing = async {
            tokio::select! {
                biased;
                through = &mut sent => (Some(through), None),
                built = &mut both => (None, Some(built)),
            }
        };
        let fetch_limit = self.worker.settings.fetch_timeout;
        let (through, built) = tokio::select! {
            biased;
            done = preparing => done,
            () = async { arrived.cancelled().await; sleep(fetch_limit).await } => {
                return Err(timed_out(Stage::Preparing, fetch_limit).into());
            }
        };
        // An engine that ended first may have done so because the context broke off: the
        // guard knows the reason then.
        let through = match through {
            Some(through) => through?,
            None => sent.await?,
        };
        let is_sent = match through {
            Through::Whole => true,
            Through::Untaken => false,
            Through::Anew(context) => return Ok(Some(context)),
        };
        settled.cancel();
        let build_limit =
            self.spec.timeout_seconds.map_or(self.worker.settings.build_timeout, |seconds| {
                Duration::from_secs(seconds.into())
            });
        // The engine builds on while the row moves, and is listened to.
        let entering =
            async { if is_sent { self.enter(Stage::Building, None).await } else { Ok(()) } };
        let building = async {
            match built {
                Some(built) => built,
                None => timeout(build_limit, both)
                    .await
                    .unwrap_or_else(|_| Err(timed_out(Stage::Building, build_limit).into())),
            }
        };
        // However the build ends, it ends in the stage that the row is in.
        let ((), built) = tokio::try_join!(entering, async { Ok(building.await) })?;
        built.map(|_| None)
    }

    /// [`forward`], and notes when the image is there.
    async fn forward_from_builder(
        &self,
        mut reports: mpsc::Receiver<Progress>,
    ) -> Result<(), Broken> {
        while let Some(report) = reports.recv().await {
            if report.is_exported() {
                self.exported.cancel();
            }
            self.log.progress(report).await?;
        }
        Ok(())
    }

    /// Tells those who follow what the answer to the request has told its sender.
    async fn warn_of_args(&self) -> Result<(), Broken> {
        // Who cannot do otherwise is not told to.
        let told = self.spec.args_like_secrets().filter(|_| !self.spec.args_in_every_stage);
        for name in told {
            let line = format!(
                "warning: the build argument {name} looks like a secret; arguments stay in the \
                 image's history: send it in secrets instead"
            );
            self.log.say(&line).await?;
        }
        Ok(())
    }

    /// The arguments of the settings, and over them those of the request.
    fn args(&self) -> BTreeMap<String, String> {
        let all = self.worker.settings.extra_args.iter().chain(&self.spec.args);
        let named = all.filter_map(|(name, value)| {
            // As the lines in the Dockerfile have them.
            let in_lines = self.spec.args_in_every_stage;
            let name = if in_lines { arg_name(name)? } else { name.clone() };
            Some((name, value.clone()))
        });
        named.collect()
    }

    async fn open(&self) -> Result<Opened<'_>, Broken> {
        let Self { worker, lease, spec, log, .. } = self;
        Order { worker, lease, spec, secrets: &self.secrets.source, log }.open().await
    }

    fn request(&self) -> BuildRequest {
        BuildRequest {
            tag: self.local_name(),
            dockerfile: self.spec.dockerfile.clone(),
            args: self.args(),
            labels: self.spec.labels.clone(),
            target: self.spec.target.clone(),
            platform: self.spec.platform.clone(),
            no_cache: self.spec.no_cache || self.worker.settings.no_cache,
            pull: self.spec.pull,
            resources: self.spec.resources.clone(),
            secrets: self.secrets.clone(),
        }
    }
}

/// Hands an engine's reports to the log, at the log's pace, until the engine is done.
pub(super) async fn forward(
    mut reports: mpsc::Receiver<Progress>,
    log: &LogWriter,
) -> Result<(), Broken> {
    while let Some(report) = reports.recv().await {
        log.progress(report).await?;
    }
    Ok(())
}

pub(super) fn timed_out(stage: Stage, limit: Duration) -> Failure {
    let seconds = limit.as_secs();
    let failure = Failure::new(Reason::TimedOut, format!("{stage} took longer than {seconds} s"));
    match stage {
        Stage::Building => failure.hint("raise timeout_seconds of the build, or make it faster"),
        Stage::Preparing => failure.hint("raise build.fetch_timeout_seconds, or send less context"),
        Stage::Pushing => failure.hint("raise build.push_timeout_seconds, or see to the registry"),
        Stage::Purging => failure,
    }
    .at(stage)
}

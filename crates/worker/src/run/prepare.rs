//! The stages up to a built image: the context goes to the engine, the engine builds.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_context::{
    ContextError, ContextOptions, OpenContext, context_of_files, stream_guarded,
};
use slipway_domain::{Failure, Reason, Source, Stage, UploadId};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Broken, Run};
use crate::engine::{BuildRequest, Progress};
use crate::log::LogWriter;

/// Progress reports between engine and log. Short: the log's pace is the engine's pace.
const REPORTS: usize = 64;

impl Run<'_> {
    /// Preparing lasts until the engine has the whole context, Building until it is done.
    pub(super) async fn build(&self) -> Result<(), Broken> {
        let context = self.open().await?;
        let (progress, reports) = mpsc::channel(REPORTS);
        let request = self.request();
        let work = self.engine.build(&request, context.stream, progress);
        let logged = forward(reports, &self.log);
        let both = async {
            let (built, logged) = tokio::join!(work, logged);
            logged?;
            built.map_err(Broken::Failed)
        };
        tokio::pin!(both);
        let mut sent = context.done;

        let fetch_limit = self.worker.settings.fetch_timeout;
        let preparing = async {
            tokio::select! {
                biased;
                summary = &mut sent => (Some(summary), None),
                built = &mut both => (None, Some(built)),
            }
        };
        let (summary, built) = timeout(fetch_limit, preparing)
            .await
            .map_err(|_| timed_out(Stage::Preparing, fetch_limit))?;
        // An engine that ended first may have done so because the context broke off: the
        // guard knows the reason then.
        let summary = match summary {
            Some(summary) => summary,
            None => sent.await,
        };
        match summary {
            Ok(_) => self.enter(Stage::Building, None).await?,
            Err(ContextError::Refused(failure)) => return Err(Broken::Failed(failure)),
            Err(ContextError::ReceiverGone) => {}
        }
        let build_limit =
            self.spec.timeout_seconds.map_or(self.worker.settings.build_timeout, |seconds| {
                Duration::from_secs(seconds.into())
            });
        match built {
            Some(built) => built,
            None => timeout(build_limit, both)
                .await
                .map_err(|_| timed_out(Stage::Building, build_limit))?,
        }
        .map(drop)
    }

    async fn open(&self) -> Result<OpenContext, Broken> {
        match &self.spec.source {
            Source::Dockerfile { content } => {
                context_of_files(content, &self.spec.dockerfile, &BTreeMap::new()).map_err(refused)
            }
            Source::Upload { id } => self.open_upload(*id).await,
        }
    }

    async fn open_upload(&self, id: UploadId) -> Result<OpenContext, Broken> {
        let blob = self.worker.blobs.open_blob(id).await?.ok_or_else(|| {
            Failure::new(Reason::UploadMissing, format!("the upload {id} is gone"))
                .hint("upload the build context again and submit a new build")
        })?;
        let options = ContextOptions {
            limits: self.worker.settings.context,
            dockerfile: self.spec.dockerfile.clone(),
            ignore: true,
            ..ContextOptions::default()
        };
        Ok(stream_guarded(blob, options))
    }

    fn request(&self) -> BuildRequest {
        let mut args = self.worker.settings.extra_args.clone();
        args.extend(self.spec.args.clone());
        BuildRequest {
            tag: self.local_name(),
            dockerfile: self.spec.dockerfile.clone(),
            args,
            labels: self.spec.labels.clone(),
            target: self.spec.target.clone(),
            platform: self.spec.platform.clone(),
            no_cache: self.spec.no_cache,
            pull: self.spec.pull,
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

fn refused(error: ContextError) -> Broken {
    match error {
        ContextError::Refused(failure) => Broken::Failed(failure),
        ContextError::ReceiverGone => {
            Broken::Failed(Failure::new(Reason::Internal, "the build context could not be sent"))
        }
    }
}

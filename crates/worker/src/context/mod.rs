//! Where build contexts come from: a file for each kind of source.
//!
//! Whatever a source is, it ends in one clean tar for the engine, through the guard of
//! `slipway-context`. What may have to be looked at twice is put down in a file without a name in
//! the worker's own temporary folder; memory stays flat. Every address that a user named goes
//! through the guard of `slipway-outbound`.

mod archive;
mod download;
mod git;
mod github;
mod reach;
mod temp;
mod upload;

use std::collections::BTreeSet;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use slipway_context::{
    ContextError, ContextOptions, ContextStream, OpenContext, context_of_files, declare_args,
};
use slipway_domain::{BuildSpec, Failure, Reason, Source, SourceSecrets, SubDir, arg_name};
use slipway_store::{Lease, builds};
use tokio_util::sync::CancellationToken;

use crate::Worker;
use crate::log::LogWriter;
use crate::persist::persist;
use crate::run::Broken;

pub(crate) use reach::Reach;
pub use reach::SourceSettings;

/// A build that wants its context.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) lease: &'a Lease,
    pub(crate) spec: &'a BuildSpec,
    pub(crate) secrets: &'a SourceSecrets,
    pub(crate) log: &'a LogWriter,
}

/// A context on its way to the engine, and what brings it there.
pub(crate) struct Opened<'a> {
    /// The clean tar.
    pub(crate) stream: ContextStream,
    /// Has to be polled for the stream to go on, and tells how it went.
    pub(crate) done: BoxFuture<'a, Result<Through, Broken>>,
    /// Cancelled once nothing has to be fetched any more.
    pub(crate) arrived: CancellationToken,
    /// Whether it may have to be sent anew.
    pub(crate) is_early: bool,
}

/// How a context came through.
pub(crate) enum Through {
    /// The engine has it whole.
    Whole,
    /// The engine took no more of it, and knows why.
    Untaken,
    /// What was sent was not the context, which is this: the engine knows of no end of that.
    Anew(OpenContext),
}

impl From<OpenContext> for Opened<'_> {
    fn from(OpenContext { stream, done }: OpenContext) -> Self {
        let done = done.map(|summary| match summary {
            Ok(_) => Ok(Through::Whole),
            Err(ContextError::ReceiverGone) => Ok(Through::Untaken),
            Err(ContextError::Refused(failure)) => Err(Broken::Failed(failure)),
        });
        let arrived = CancellationToken::new();
        arrived.cancel();
        Self { stream, done: done.boxed(), arrived, is_early: false }
    }
}

impl<'a> Order<'a> {
    /// Opens the context.
    pub(crate) async fn open(self) -> Result<Opened<'a>, Broken> {
        let context = match &self.spec.source {
            Source::Dockerfile { content, files, .. } => {
                let content = declare_args(content.as_bytes(), &self.declare());
                // Nothing but lines of letters was added.
                let content = String::from_utf8_lossy(&content);
                context_of_files(&content, &self.spec.dockerfile, files).map_err(refused)?
            }
            Source::Upload { id } => upload::open(self, *id).await?,
            Source::Archive { url, sha256, subdir } => {
                return archive::open(self, url, sha256.as_ref(), subdir.as_ref()).await;
            }
            Source::Github { owner, repo, reference, subdir } => {
                let names = (owner, repo);
                return github::open(self, names, reference.as_ref(), subdir.as_ref()).await;
            }
            Source::Git { url, reference, subdir, submodules, known_hosts } => {
                let wanted = git::Wanted {
                    url,
                    reference: reference.as_ref(),
                    subdir: subdir.as_ref(),
                    submodules: *submodules,
                    known_hosts: known_hosts.as_deref(),
                };
                git::open(self, wanted).await?
            }
            Source::Image { .. } => {
                let failure = Failure::new(Reason::Internal, "an image has no build context");
                return Err(Broken::Failed(failure));
            }
        };
        Ok(context.into())
    }

    /// How a tree of files becomes the context.
    fn options(&self, subdir: Option<&SubDir>) -> ContextOptions {
        ContextOptions {
            limits: self.worker.settings.context,
            dockerfile: self.spec.dockerfile.clone(),
            subdir: subdir.map(|path| path.as_str().to_owned()),
            ignore: true,
            declare: self.declare(),
            ..ContextOptions::default()
        }
    }

    /// The arguments that every stage is to know.
    fn declare(&self) -> BTreeSet<String> {
        if !self.spec.args_in_every_stage {
            return BTreeSet::new();
        }
        let names = self.worker.settings.extra_args.keys().chain(self.spec.args.keys());
        names.filter_map(|name| arg_name(name)).collect()
    }

    /// Writes down which commit the source came to.
    async fn resolved(&self, commit: &str) -> Result<(), Broken> {
        Ok(persist(|| builds::resolved(&self.worker.store, self.lease, commit)).await?)
    }
}

fn refused(error: ContextError) -> Broken {
    match error {
        ContextError::Refused(failure) => Broken::Failed(failure),
        ContextError::ReceiverGone => {
            Broken::Failed(Failure::new(Reason::Internal, "the build context could not be sent"))
        }
    }
}

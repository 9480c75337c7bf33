//! Where build contexts come from: a file for each kind of source.
//!
//! Whatever a source is, it ends in one clean tar for the engine, through the guard of
//! `slipway-context`. What has to be looked at twice is put down in a file without a name in
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

use slipway_context::{ContextError, ContextOptions, OpenContext, context_of_files, declare_args};
use slipway_domain::{BuildSpec, Failure, Reason, Source, SourceSecrets, SubDir, arg_name};
use slipway_store::{Lease, builds};

use crate::Worker;
use crate::log::LogWriter;
use crate::run::Broken;

pub(crate) use reach::Reach;
pub use reach::SourceSettings;

/// A build that wants its context.
pub(crate) struct Order<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) lease: &'a Lease,
    pub(crate) spec: &'a BuildSpec,
    pub(crate) secrets: &'a SourceSecrets,
    pub(crate) log: &'a LogWriter,
}

impl Order<'_> {
    /// Opens the context.
    pub(crate) async fn open(&self) -> Result<OpenContext, Broken> {
        match &self.spec.source {
            Source::Dockerfile { content, files, .. } => {
                let content = declare_args(content.as_bytes(), &self.declare());
                // Nothing but lines of letters was added.
                let content = String::from_utf8_lossy(&content);
                context_of_files(&content, &self.spec.dockerfile, files).map_err(refused)
            }
            Source::Upload { id } => upload::open(self, *id).await,
            Source::Archive { url, sha256, subdir } => {
                archive::open(self, url, sha256.as_ref(), subdir.as_ref()).await
            }
            Source::Github { owner, repo, reference, subdir } => {
                github::open(self, (owner, repo), reference.as_ref(), subdir.as_ref()).await
            }
            Source::Git { url, reference, subdir, submodules, known_hosts } => {
                let wanted = git::Wanted {
                    url,
                    reference: reference.as_ref(),
                    subdir: subdir.as_ref(),
                    submodules: *submodules,
                    known_hosts: known_hosts.as_deref(),
                };
                git::open(self, wanted).await
            }
            Source::Image { .. } => {
                Err(Broken::Failed(Failure::new(Reason::Internal, "an image has no build context")))
            }
        }
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
        Ok(builds::resolved(&self.worker.store, self.lease, commit).await?)
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

//! The writing end of a build's log.

use slipway_domain::{LogStream, Stage};
use slipway_queue::Queue;
use slipway_store::{Lease, Store, StoreError};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::Instrument as _;

use super::Mask;
use super::batch::Batch;
use crate::engine::Progress;

/// What waits for the batch. Few: senders are to wait while the database is slow.
const CHANNEL: usize = 16;

/// The writing end of a build's log. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct LogWriter {
    sender: mpsc::Sender<Entry>,
    stage: watch::Receiver<Stage>,
}

/// Nothing can be written any more: the lease is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the build is no longer held")]
pub(crate) struct LogClosed;

/// What is sent to the batch.
#[derive(Debug)]
pub(super) enum Entry {
    Progress(Progress),
    Flush(oneshot::Sender<()>),
    Advance(Advance),
}

/// The build enters a stage, with the digest where the registry has the image.
#[derive(Debug)]
pub(super) struct Advance {
    pub(super) stage: Stage,
    pub(super) digest: Option<String>,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

impl LogWriter {
    /// Begins the log of a held build. The task ends when the last writer is dropped, or
    /// when the lease is lost.
    #[must_use]
    pub(crate) fn start(store: &Store, queue: &Queue, lease: &Lease, mask: Mask) -> Self {
        let (sender, receiver) = mpsc::channel(CHANNEL);
        let (entered, stage) = watch::channel(Stage::Preparing);
        let batch = Batch::new(store, queue, lease, mask, entered);
        tokio::spawn(batch.run(receiver).in_current_span());
        Self { sender, stage }
    }

    /// The stage that the build's row is in, as far as it was moved by this writer.
    pub(crate) fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Writes what an engine reported.
    ///
    /// # Errors
    /// When the lease is lost.
    pub(crate) async fn progress(&self, progress: Progress) -> Result<(), LogClosed> {
        self.sender.send(Entry::Progress(progress)).await.map_err(|_| LogClosed)
    }

    /// Writes a line of Slipway's own.
    ///
    /// # Errors
    /// When the lease is lost.
    pub(crate) async fn say(&self, line: &str) -> Result<(), LogClosed> {
        let bytes = format!("{line}\n").into_bytes().into();
        self.progress(Progress::Log { step: None, stream: LogStream::Slipway, bytes }).await
    }

    /// Returns once everything written before is in rows: what is written to the row
    /// next comes after it in the build's sequence.
    ///
    /// # Errors
    /// When the lease is lost.
    pub(crate) async fn flush(&self) -> Result<(), LogClosed> {
        let (done, flushed) = oneshot::channel();
        self.sender.send(Entry::Flush(done)).await.map_err(|_| LogClosed)?;
        flushed.await.map_err(|_| LogClosed)
    }

    /// Moves the build's row on. Everything written before is in rows with it, in one
    /// transaction, and comes before it in the build's sequence.
    ///
    /// # Errors
    /// When the lease is lost; and, within, when the row cannot be written.
    pub(crate) async fn advance(
        &self,
        stage: Stage,
        digest: Option<String>,
    ) -> Result<Result<(), StoreError>, LogClosed> {
        let (done, advanced) = oneshot::channel();
        let advance = Advance { stage, digest, done };
        self.sender.send(Entry::Advance(advance)).await.map_err(|_| LogClosed)?;
        advanced.await.map_err(|_| LogClosed)
    }
}

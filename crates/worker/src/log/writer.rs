//! Writes a build's log in batches.
//!
//! A batch goes out after 250 ms or at 64 KiB, whichever comes first. The channel in
//! front of it is short: when the database is slow, senders wait, and with them the
//! reading of the engine's output. Memory is flat whatever a build prints.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_domain::{EventBody, LogStream, Stage, StepStatus};
use slipway_queue::{News, Queue};
use slipway_store::{Lease, Store, StoreError, builds, events};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::lines::Lines;
use super::{Mask, clean};
use crate::engine::Progress;
use crate::persist::persist;

const BATCH_BYTES: usize = 64 * 1024;
const BATCH_AGE: Duration = Duration::from_millis(250);
const CHANNEL: usize = 64;

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

#[derive(Debug)]
enum Entry {
    Progress(Progress),
    Flush(oneshot::Sender<()>),
    Advance(Advance),
    /// The batch is old enough.
    Due,
}

/// The build enters a stage, with the digest where the registry has the image.
#[derive(Debug)]
struct Advance {
    stage: Stage,
    digest: Option<String>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

struct Batch {
    store: Store,
    queue: Queue,
    lease: Lease,
    mask: Mask,
    stage: watch::Sender<Stage>,
    lines: BTreeMap<(Option<u32>, LogStream), Lines>,
    bodies: Vec<EventBody>,
    bytes: usize,
}

impl LogWriter {
    /// Begins the log of a held build. The task ends when the last writer is dropped, or
    /// when the lease is lost.
    #[must_use]
    pub(crate) fn start(store: &Store, queue: &Queue, lease: &Lease, mask: Mask) -> Self {
        let (sender, receiver) = mpsc::channel(CHANNEL);
        let (entered, stage) = watch::channel(Stage::Preparing);
        let batch = Batch {
            store: store.clone(),
            queue: queue.clone(),
            lease: lease.clone(),
            mask,
            stage: entered,
            lines: BTreeMap::new(),
            bodies: Vec::new(),
            bytes: 0,
        };
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

impl Batch {
    async fn run(mut self, mut receiver: mpsc::Receiver<Entry>) {
        // When the oldest entry of the batch is due.
        let mut due: Option<Instant> = None;
        loop {
            let entry = match due {
                Some(due) => tokio::select! {
                    entry = receiver.recv() => entry,
                    () = tokio::time::sleep_until(due) => Some(Entry::Due),
                },
                None => receiver.recv().await,
            };
            let written = match entry {
                Some(Entry::Progress(progress)) => {
                    self.take(progress);
                    if self.bytes < BATCH_BYTES {
                        if !self.bodies.is_empty() {
                            due = due.or(Some(Instant::now() + BATCH_AGE));
                        }
                        continue;
                    }
                    self.write().await
                }
                Some(Entry::Flush(done)) => {
                    self.finish_lines(None);
                    let written = self.write().await;
                    if written.is_ok() {
                        let _ = done.send(());
                    }
                    written
                }
                Some(Entry::Advance(advance)) => {
                    self.finish_lines(None);
                    self.advance(advance).await
                }
                // Lines that are still open wait for their rest.
                Some(Entry::Due) => self.write().await,
                None => {
                    self.finish_lines(None);
                    // The last writer is gone, so nobody is left to be told.
                    let _ = self.write().await;
                    return;
                }
            };
            due = None;
            if let Err(LogClosed) = written {
                return;
            }
        }
    }

    fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Log { step, stream, bytes } => {
                let mut text = String::with_capacity(bytes.len());
                let lines = self.lines.entry((step, stream)).or_default();
                lines.feed(&bytes, &self.mask, &mut text);
                self.add_text(step, stream, text);
            }
            Progress::Step { step, name, status, error, duration_ms } => {
                if status != StepStatus::Started {
                    self.finish_lines(Some(step));
                }
                let name = self.mask.apply(clean::name(&name));
                let error = error.map(|error| self.mask.apply(clean::name(&error)));
                self.bytes += name.len() + 64;
                self.bodies.push(EventBody::Step { step, name, status, error, duration_ms });
            }
        }
    }

    /// Ends the open lines of one step, or of all.
    fn finish_lines(&mut self, only: Option<u32>) {
        let ended: Vec<_> = self
            .lines
            .iter_mut()
            .filter(|((step, _), _)| only.is_none() || *step == only)
            .map(|((step, stream), lines)| {
                let mut text = String::new();
                lines.finish(&mut text);
                (*step, *stream, text)
            })
            .collect();
        for (step, stream, text) in ended {
            self.lines.remove(&(step, stream));
            self.add_text(step, stream, text);
        }
    }

    /// Adds whole lines, to the last event if they go on where it ends.
    fn add_text(&mut self, step: Option<u32>, stream: LogStream, text: String) {
        if text.is_empty() {
            return;
        }
        let masked = self.mask.apply(text);
        self.bytes += masked.len();
        let bytes = u64::try_from(masked.len()).unwrap_or(u64::MAX);
        metrics::counter!("slipway_log_bytes_total").increment(bytes);
        match self.bodies.last_mut() {
            Some(EventBody::Log { step: last, stream: on, text })
                if *last == step && *on == stream && text.len() < BATCH_BYTES =>
            {
                text.push_str(&masked);
            }
            _ => self.bodies.push(EventBody::Log { step, stream, text: masked }),
        }
    }

    /// Writes the batch, as often as it takes: only a lost lease ends the trying.
    async fn write(&mut self) -> Result<(), LogClosed> {
        if self.bodies.is_empty() {
            return Ok(());
        }
        // One time for all tries: by it the store knows what is written already.
        let now = self.store.now();
        let append = || events::append(&self.store, &self.lease, now, &self.bodies);
        match persist(append).await {
            Ok(()) => self.written(),
            Err(StoreError::LeaseLost(_)) => return Err(LogClosed),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the log cannot be written"
                );
                return Err(LogClosed);
            }
        }
        Ok(())
    }

    /// Writes the batch and the step together.
    async fn advance(&mut self, advance: Advance) -> Result<(), LogClosed> {
        let Advance { stage, digest, done } = advance;
        let (store, lease) = (&self.store, &self.lease);
        let advanced = persist(|| {
            builds::advance_after(store, lease, &self.bodies, stage, digest.as_deref(), store.now())
        })
        .await;
        let closed = matches!(advanced, Err(StoreError::LeaseLost(_)));
        if advanced.is_ok() {
            self.stage.send_replace(stage);
            self.written();
        }
        // Whoever asked may be gone: a build is broken off at any point.
        let _ = done.send(advanced);
        if closed { Err(LogClosed) } else { Ok(()) }
    }

    fn written(&mut self) {
        self.bodies.clear();
        self.bytes = 0;
        self.queue.tell(News::Happened(self.lease.build()));
    }
}

//! Writes a build's log in batches.
//!
//! A batch goes out after 250 ms or at 64 KiB, whichever comes first. The channel in
//! front of it is short: when the database is slow, senders wait, and with them the
//! reading of the engine's output. Memory is flat whatever a build prints.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_domain::{EventBody, LogStream, StepStatus, now};
use slipway_queue::{News, Queue};
use slipway_store::{Lease, Store, StoreError, events};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Mask;
use super::lines::Lines;
use crate::engine::Progress;

const BATCH_BYTES: usize = 64 * 1024;
const BATCH_AGE: Duration = Duration::from_millis(250);
/// How long a batch waits before it is tried again when the database does not answer.
const RETRY: Duration = Duration::from_millis(500);
const CHANNEL: usize = 64;

/// The writing end of a build's log. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct LogWriter {
    sender: mpsc::Sender<Entry>,
}

/// Nothing can be written any more: the lease is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the build is no longer held")]
pub(crate) struct LogClosed;

#[derive(Debug)]
enum Entry {
    Progress(Progress),
    Flush(oneshot::Sender<()>),
    /// The batch is old enough.
    Due,
}

struct Batch {
    store: Store,
    queue: Queue,
    lease: Lease,
    mask: Mask,
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
        let batch = Batch {
            store: store.clone(),
            queue: queue.clone(),
            lease: lease.clone(),
            mask,
            lines: BTreeMap::new(),
            bodies: Vec::new(),
            bytes: 0,
        };
        tokio::spawn(batch.run(receiver));
        Self { sender }
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
                self.lines.entry((step, stream)).or_default().feed(&bytes, &mut text);
                self.add_text(step, stream, text);
            }
            Progress::Step { step, name, status, error, duration_ms } => {
                if status != StepStatus::Started {
                    self.finish_lines(Some(step));
                }
                let name = self.mask.apply(name);
                let error = error.map(|error| self.mask.apply(error));
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
        let build = self.lease.build();
        loop {
            match events::append(&self.store, &self.lease, now(), &self.bodies).await {
                Ok(()) => break,
                Err(StoreError::LeaseLost(_)) => return Err(LogClosed),
                Err(error) if error.is_passing() => {
                    tracing::warn!(build.id = %build, %error, "the log waits for the database");
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => {
                    tracing::error!(build.id = %build, error = &error as &dyn std::error::Error, "the log cannot be written");
                    return Err(LogClosed);
                }
            }
        }
        self.bodies.clear();
        self.bytes = 0;
        self.queue.tell(News::Happened(build));
        Ok(())
    }
}

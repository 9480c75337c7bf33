//! Writes a build's log in batches.
//!
//! A batch goes out after 250 ms or at 64 KiB, whichever comes first. While one is on its way the
//! next one is made, and may grow to 512 KiB: who prints faster than a database commits has fewer
//! and larger commits. Beyond that nothing is taken, and as the channel in front is short, senders
//! wait, and with them the reading of the engine's output. Memory is flat whatever a build prints.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, OptionFuture};
use slipway_domain::{EventBody, LogStream, Stage, StepStatus};
use slipway_queue::{News, Queue};
use slipway_store::{Lease, Store, StoreError, builds, events};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::lines::Lines;
use super::writer::{Advance, Entry, LogClosed};
use super::{Mask, clean};
use crate::engine::Progress;
use crate::persist::persist;

const BATCH_BYTES: usize = 64 * 1024;
/// How much waits for the batch before it.
const WAITING_BYTES: usize = 8 * BATCH_BYTES;
const BATCH_AGE: Duration = Duration::from_millis(250);

/// What a writer does next.
enum Turn {
    Take(Option<Entry>),
    /// The batch is old enough.
    Due,
    /// The batch before it is in rows, or never will be.
    Written(Result<(), LogClosed>),
}

/// What is not in rows yet.
pub(super) struct Batch {
    store: Store,
    queue: Queue,
    lease: Lease,
    mask: Mask,
    stage: watch::Sender<Stage>,
    lines: BTreeMap<(Option<u32>, LogStream), Lines>,
    bodies: Vec<EventBody>,
    bytes: usize,
    /// When the oldest of it is to go out.
    due: Option<Instant>,
    /// The batch before it, on its way.
    writing: Option<BoxFuture<'static, Result<(), LogClosed>>>,
}

impl Batch {
    pub(super) fn new(
        store: &Store,
        queue: &Queue,
        lease: &Lease,
        mask: Mask,
        stage: watch::Sender<Stage>,
    ) -> Self {
        Self {
            store: store.clone(),
            queue: queue.clone(),
            lease: lease.clone(),
            mask,
            stage,
            lines: BTreeMap::new(),
            bodies: Vec::new(),
            bytes: 0,
            due: None,
            writing: None,
        }
    }

    /// Writes until the last writer is gone, or the lease is lost.
    pub(super) async fn run(mut self, mut receiver: mpsc::Receiver<Entry>) {
        loop {
            let done = match self.turn(&mut receiver).await {
                Turn::Take(Some(Entry::Progress(progress))) => {
                    self.take(progress);
                    self.go_on();
                    Ok(())
                }
                Turn::Take(Some(Entry::Flush(done))) => {
                    self.finish_lines(None);
                    let written = self.write_all().await;
                    if written.is_ok() {
                        let _ = done.send(());
                    }
                    written
                }
                Turn::Take(Some(Entry::Advance(advance))) => {
                    self.finish_lines(None);
                    self.advance(advance).await
                }
                Turn::Take(None) => {
                    self.finish_lines(None);
                    // The last writer is gone, so nobody is left to be told.
                    let _ = self.write_all().await;
                    return;
                }
                // Lines that are still open wait for their rest.
                Turn::Due => {
                    self.write();
                    Ok(())
                }
                Turn::Written(written) => {
                    self.writing = None;
                    if written.is_ok() {
                        self.go_on();
                    }
                    written
                }
            };
            if let Err(LogClosed) = done {
                return;
            }
        }
    }

    async fn turn(&mut self, receiver: &mut mpsc::Receiver<Entry>) -> Turn {
        let takes = self.writing.is_none() || self.bytes < WAITING_BYTES;
        let due = self.due.filter(|_| self.writing.is_none());
        let due = OptionFuture::from(due.map(tokio::time::sleep_until));
        let writing = OptionFuture::from(self.writing.as_mut());
        tokio::select! {
            Some(written) = writing => Turn::Written(written),
            entry = receiver.recv(), if takes => Turn::Take(entry),
            Some(()) = due => Turn::Due,
        }
    }

    /// Writes what is enough for a batch, unless one is on its way.
    fn go_on(&mut self) {
        if self.writing.is_none() && self.bytes >= BATCH_BYTES {
            self.write();
        } else if !self.bodies.is_empty() {
            self.due = self.due.or(Some(Instant::now() + BATCH_AGE));
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

    /// Sends the batch on its way, as often as it takes: only a lost lease ends the trying.
    fn write(&mut self) {
        if self.bodies.is_empty() {
            return;
        }
        let bodies = std::mem::take(&mut self.bodies);
        (self.bytes, self.due) = (0, None);
        let (store, queue, lease) = (self.store.clone(), self.queue.clone(), self.lease.clone());
        // One time for all tries: by it the store knows what is written already.
        let now = store.now();
        let writing = async move {
            match persist(|| events::append(&store, &lease, now, &bodies)).await {
                Ok(()) => {
                    queue.tell(News::Happened(lease.build()));
                    Ok(())
                }
                Err(StoreError::LeaseLost(_)) => Err(LogClosed),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "the log cannot be written");
                    Err(LogClosed)
                }
            }
        };
        self.writing = Some(writing.boxed());
    }

    /// Waits for the batch that is on its way.
    async fn written(&mut self) -> Result<(), LogClosed> {
        match self.writing.take() {
            Some(writing) => writing.await,
            None => Ok(()),
        }
    }

    /// Returns once everything is in rows.
    async fn write_all(&mut self) -> Result<(), LogClosed> {
        self.written().await?;
        self.write();
        self.written().await
    }

    /// Writes the batch and the step together.
    async fn advance(&mut self, advance: Advance) -> Result<(), LogClosed> {
        let Advance { stage, digest, done } = advance;
        self.written().await?;
        let (store, lease) = (&self.store, &self.lease);
        let advanced = persist(|| {
            builds::advance_after(store, lease, &self.bodies, stage, digest.as_deref(), store.now())
        })
        .await;
        let closed = matches!(advanced, Err(StoreError::LeaseLost(_)));
        if advanced.is_ok() {
            self.stage.send_replace(stage);
            self.bodies.clear();
            (self.bytes, self.due) = (0, None);
            self.queue.tell(News::Happened(self.lease.build()));
        }
        // Whoever asked may be gone: a build is broken off at any point.
        let _ = done.send(advanced);
        if closed { Err(LogClosed) } else { Ok(()) }
    }
}

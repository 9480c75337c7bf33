//! Who looks at the database for all followers of one build.

use std::sync::{Arc, Weak};
use std::time::Duration;

use slipway_domain::BuildId;
use slipway_store::StoreError;
use slipway_store::builds::{self, Waiting};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::Inner;
use super::batch::Batch;
use super::shelf::Shelved as _;
use crate::Tail;
use crate::waiting::Wait;

/// How long a reader waits while the database does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// A build's reader. It ends when nobody holds this any more.
#[derive(Debug)]
pub(super) struct Reader {
    stand: watch::Receiver<Stand>,
    task: AbortHandle,
    build: BuildId,
    hub: Weak<Inner>,
}

/// How a build stands, for those who wait for more of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Stand {
    /// Its last event that was read or passed over; none while that is not known.
    pub(super) last: Option<i64>,
    /// No event comes any more.
    pub(super) over: bool,
    /// Why it waits, while it does.
    pub(super) waiting: Option<Arc<Waiting>>,
}

impl Reader {
    /// Begins to read at the end of what there is.
    pub(super) fn start(hub: &Arc<Inner>, build: BuildId) -> Arc<Self> {
        metrics::gauge!("slipway_followed_builds").increment(1);
        let (tell, stand) = watch::channel(Stand::default());
        let task = hub.runtime.spawn(run(Arc::clone(hub), build, tell)).abort_handle();
        Arc::new(Self { stand, task, build, hub: Arc::downgrade(hub) })
    }

    /// Whether it goes on: one that came upon what it cannot read has given up, and another
    /// may try.
    pub(super) fn reads(&self) -> bool {
        !self.task.is_finished() || self.stand.borrow().over
    }

    /// How the build stands, as it changes. Without a sender, the reader has given up or is
    /// through.
    pub(super) fn stand(&self) -> watch::Receiver<Stand> {
        self.stand.clone()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
        metrics::gauge!("slipway_followed_builds").decrement(1);
        let Some(hub) = self.hub.upgrade() else { return };
        let mut readers = hub.readers();
        // It may be another one's by now.
        if readers.get(&self.build).is_some_and(|reader| reader.strong_count() == 0) {
            readers.remove(&self.build);
        }
    }
}

async fn run(hub: Arc<Inner>, build: BuildId, tell: watch::Sender<Stand>) {
    loop {
        match read(&hub, build, &tell).await {
            Ok(()) => {
                tell.send_modify(|stand| stand.over = true);
                return;
            }
            Err(error) if error.is_passing() => tokio::time::sleep(PAUSE).await,
            // The followers will come upon it themselves, and say so.
            Err(_) => return,
        }
    }
}

/// Reads until the build is over.
async fn read(
    hub: &Arc<Inner>,
    build: BuildId,
    tell: &watch::Sender<Stand>,
) -> Result<(), StoreError> {
    // Listens from here on.
    let mut tail = Tail::new(&hub.store, &hub.queue, build, 0);
    let Some(found) = builds::find(&hub.store, build).await? else { return Ok(()) };
    let mut last = tell.borrow().last.unwrap_or(found.last_seq);
    tail.go_on(last, &found);
    tell.send_modify(|stand| stand.last = Some(last));
    let mut wait = Wait::of(&hub.store, &found);
    loop {
        let events = tokio::select! {
            events = tail.next() => events?,
            waiting = wait.news() => {
                let waiting = Some(Arc::new(waiting?));
                tell.send_modify(|stand| stand.waiting = waiting);
                continue;
            }
        };
        let Some(events) = events else { return Ok(()) };
        wait.note(&events);
        let Some(batch) = Batch::new(events) else { continue };
        let after = last;
        last = batch.last();
        // First the batch, then the word that it is there.
        hub.shelf().put((build, after), batch);
        tell.send_modify(|stand| {
            stand.last = Some(last);
            if !wait.waits() {
                stand.waiting = None;
            }
        });
    }
}

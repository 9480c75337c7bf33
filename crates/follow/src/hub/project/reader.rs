//! Who looks at the database for all followers of one project.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use slipway_domain::{BuildId, EventBody, Project};
use slipway_queue::{Ear, News, POLL};
use slipway_store::StoreError;
use slipway_store::stream::{self, Place};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::batch::Batch;
use super::batch_after;
use crate::hub::Inner;
use crate::hub::follower::PAUSE;
use crate::hub::shelf::Shelved as _;

/// What happens within this is read with one look, however many builds it happens in. Most
/// transactions that were under way at the time are over by then, too.
const TOGETHER: Duration = Duration::from_millis(50);

/// A project's reader. It ends when nobody holds this any more.
#[derive(Debug)]
pub(super) struct Reader {
    read: watch::Receiver<Option<Place>>,
    task: AbortHandle,
    project: Project,
    hub: Weak<Inner>,
}

impl Reader {
    /// Begins to read at the end of what there is.
    pub(super) fn start(hub: &Arc<Inner>, project: &Project) -> Arc<Self> {
        metrics::gauge!("slipway_followed_projects").increment(1);
        let (tell, read) = watch::channel(None);
        let task = hub.runtime.spawn(run(Arc::clone(hub), project.clone(), tell)).abort_handle();
        Arc::new(Self { read, task, project: project.clone(), hub: Arc::downgrade(hub) })
    }

    /// Whether it goes on: one that came upon what it cannot read has given up, and another
    /// may try.
    pub(super) fn reads(&self) -> bool {
        !self.task.is_finished()
    }

    /// The last place that was read or passed over; none while that is not known. Without a
    /// sender, the reader has given up.
    pub(super) fn read(&self) -> watch::Receiver<Option<Place>> {
        self.read.clone()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
        metrics::gauge!("slipway_followed_projects").decrement(1);
        let Some(hub) = self.hub.upgrade() else { return };
        let mut readers = hub.projects.readers();
        // It may be another one's by now.
        if readers.get(&self.project).is_some_and(|reader| reader.strong_count() == 0) {
            readers.remove(&self.project);
        }
    }
}

async fn run(hub: Arc<Inner>, project: Project, tell: watch::Sender<Option<Place>>) {
    loop {
        match read(&hub, &project, &tell).await {
            Err(error) if error.is_passing() => tokio::time::sleep(PAUSE).await,
            // The followers will come upon it themselves, and say so.
            Err(_) => return,
            Ok(never) => match never {},
        }
    }
}

async fn read(
    hub: &Arc<Inner>,
    project: &Project,
    tell: &watch::Sender<Option<Place>>,
) -> Result<Infallible, StoreError> {
    // Listens from here on.
    let mut ear = hub.queue.listen();
    let mut builds = HashSet::new();
    let before = *tell.borrow();
    let mut last = match before {
        Some(last) => last,
        None => stream::end(&hub.store, project).await?,
    };
    tell.send_replace(Some(last));
    loop {
        let events = batch_after(&hub.store, project, last).await?;
        let Some(batch) = Batch::new(last, events) else {
            wait(&mut ear, &builds).await;
            continue;
        };
        note(&mut builds, &batch);
        let after = last;
        last = batch.last();
        // First the batch, then the word that it is there.
        hub.projects.shelf().put((project.clone(), after), batch);
        tell.send_replace(Some(last));
    }
}

/// News names builds and not projects: which of them are this one's is known of those that were
/// heard of before and are not over.
fn note(builds: &mut HashSet<BuildId>, batch: &Batch) {
    for event in batch.events() {
        match &event.event.body {
            EventBody::State { status, .. } if status.is_finished() => {
                builds.remove(&event.build);
            }
            EventBody::State { .. } | EventBody::Step { .. } | EventBody::Log { .. } => {
                builds.insert(event.build);
            }
        }
    }
}

/// Waits until there may be more: news of one of the builds, or the time to look all the same, by
/// which new builds are found, too.
async fn wait(ear: &mut Ear, builds: &HashSet<BuildId>) {
    let heard = async {
        loop {
            match ear.next().await {
                News::Happened(build) if builds.contains(&build) => return,
                News::Missed => return,
                News::Happened(_) | News::CancelAsked(_) => {}
            }
        }
    };
    if tokio::time::timeout(POLL, heard).await.is_ok() {
        tokio::time::sleep(TOGETHER).await;
    }
}

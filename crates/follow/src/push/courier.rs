//! The loop: listen first, look second, wait with a slow poll as the net.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use slipway_domain::{BuildId, FollowerKind};
use slipway_outbound::Fetcher;
use slipway_queue::{News, POLL, Queue};
use slipway_store::followers::{self, Taken, Transport, Wanted};
use slipway_store::{Store, StoreError};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Show;
use super::room::{Place, Room};
use super::settings::PushSettings;

/// Builds say something several times a second: their followers are looked up together.
const TOGETHER: Duration = Duration::from_millis(25);

/// Builds that are asked for by name; beyond, everything is looked through.
const MAX_NAMED: usize = 500;

/// How long whoever is being told may still answer when the process is to stop. Who has not
/// by then is told again by another.
const FAREWELL: Duration = Duration::from_secs(5);

/// Tells followers of builds, beside any number of others that do the same. Cheap to clone.
#[derive(Clone)]
pub struct Push {
    pub(super) store: Store,
    pub(super) queue: Queue,
    pub(super) fetcher: Fetcher,
    pub(super) settings: PushSettings,
    pub(super) show: Show,
    room: Room,
    tasks: TaskTracker,
}

impl Push {
    /// Tells followers whose builds are in `store`, through `fetcher`'s guard. `show` is how a
    /// build is shown.
    #[must_use]
    pub fn new(
        store: Store,
        queue: Queue,
        fetcher: Fetcher,
        settings: PushSettings,
        show: Show,
    ) -> Self {
        let room = Room::new(settings.at_once, settings.at_one_host);
        Self { store, queue, fetcher, settings, show, room, tasks: TaskTracker::new() }
    }

    /// Tells followers until `stopping`, and then finishes what is at hand within seconds.
    pub async fn run(self, stopping: CancellationToken) {
        let mut ear = self.queue.listen();
        let (mut heard, mut all) = (BTreeSet::new(), true);
        let (mut poll_at, mut look_at) = (Instant::now(), Instant::now());
        // Whether something was due that there was no room for.
        let mut is_short = false;
        loop {
            tokio::select! {
                () = stopping.cancelled() => break,
                news = ear.next() => match news {
                    News::Happened(build) => {
                        heard.insert(build);
                    }
                    News::Missed => all = true,
                    News::CancelAsked(_) => {}
                },
                () = self.room.freed(), if is_short => all = true,
                () = sleep_until(poll_at), if !all => all = true,
                () = sleep_until(look_at), if all || !heard.is_empty() => {
                    all |= heard.len() > MAX_NAMED;
                    let builds: Vec<BuildId> = std::mem::take(&mut heard).into_iter().collect();
                    let named = (!all).then_some(builds.as_slice());
                    match self.look(named).await {
                        Ok(short) => is_short = short,
                        Err(error) => {
                            let cause = &error as &dyn std::error::Error;
                            tracing::warn!(error = cause, "followers cannot be looked up");
                        }
                    }
                    look_at = Instant::now() + TOGETHER;
                    if all {
                        poll_at = Instant::now() + POLL;
                    }
                    all = false;
                }
            }
        }
        self.tasks.close();
        let _ = tokio::time::timeout(FAREWELL, self.tasks.wait()).await;
    }

    /// Takes what is due, and begins to tell each. Says whether something was due that there
    /// was no room for.
    async fn look(&self, builds: Option<&[BuildId]>) -> Result<bool, StoreError> {
        let full = self.room.full_hosts();
        let wanted = Wanted {
            kind: FollowerKind::Status,
            transport: Transport::Http,
            builds,
            not_hosts: &full,
        };
        let mut places: HashMap<String, Vec<Place>> = HashMap::new();
        let mut is_short = !full.is_empty();
        let has_room = |host: &str| match self.room.take(host) {
            Some(place) => {
                places.entry(host.to_owned()).or_default().push(place);
                true
            }
            None => {
                is_short = true;
                false
            }
        };
        let (lease, now) = (self.settings.lease(), self.store.now());
        for taken in followers::take(&self.store, wanted, has_room, lease, now).await? {
            let place = places.get_mut(&taken.host).and_then(Vec::pop);
            self.begin(taken, place);
        }
        Ok(is_short)
    }

    fn begin(&self, taken: Taken, place: Option<Place>) {
        let this = self.clone();
        self.tasks.spawn(async move {
            let _place = place;
            if let Err(error) = this.tell(&taken).await {
                let cause = &error as &dyn std::error::Error;
                // Its lease ends by itself, and somebody tells it then.
                tracing::warn!(build.id = %taken.build, error = cause, "a follower waits");
            }
        });
    }
}

impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Push").field("settings", &self.settings).finish_non_exhaustive()
    }
}

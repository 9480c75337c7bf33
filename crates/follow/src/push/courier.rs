//! The loop: listen first, look second, wait with a slow poll as the net.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use slipway_domain::{BuildId, FollowerKind};
use slipway_outbound::Fetcher;
use slipway_queue::{News, POLL, Queue};
use slipway_store::followers::{self, Lane, Taken, Transport, Wanted};
use slipway_store::{Store, StoreError};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Show;
use super::kafka::Clusters;
use super::room::{Place, Room};
use super::settings::PushSettings;
use crate::Hub;

/// Builds say something several times a second: their followers are looked up together.
const TOGETHER: Duration = Duration::from_millis(25);

/// How often it is looked whether anybody follows, while nobody does: the first to do so is told
/// so much later.
const NOBODY: Duration = Duration::from_millis(250);

/// Builds that are asked for by name; beyond, everything is looked through.
const MAX_NAMED: usize = 500;

/// How long whoever is being told may still answer when the process is to stop. Who has not
/// by then is told again by another.
const FAREWELL: Duration = Duration::from_secs(5);

/// Log streams are held open for as long as their builds last.
const STREAMS: (usize, usize) = (512, 64);
/// What goes to Kafka waits for little: one producer sends for all.
const TO_KAFKA: usize = 512;

/// Tells followers of builds, beside any number of others that do the same. Cheap to clone.
#[derive(Clone)]
pub struct Push {
    pub(super) store: Store,
    pub(super) queue: Queue,
    pub(super) hub: Hub,
    pub(super) fetcher: Fetcher,
    pub(super) clusters: Clusters,
    pub(super) settings: Arc<PushSettings>,
    pub(super) show: Show,
    /// Cancelled when the process is about to stop.
    pub(super) stopping: CancellationToken,
    rooms: Arc<[(Lane, Room); 4]>,
    freed: Arc<Notify>,
    tasks: TaskTracker,
}

impl Push {
    /// Tells followers whose builds are in `store`, through `fetcher`'s guard. Logs are read by
    /// `hub`. `show` is how a build is shown.
    #[must_use]
    pub fn new(
        store: Store,
        queue: Queue,
        hub: Hub,
        fetcher: Fetcher,
        settings: PushSettings,
        show: Show,
    ) -> Self {
        let freed = Arc::default();
        let rooms = Lane::ALL.map(|lane| {
            let (in_all, at_one_host) = match (lane.kind, lane.transport) {
                (FollowerKind::Status, Transport::Http) => (settings.at_once, settings.at_one_host),
                (FollowerKind::Logs, Transport::Http) => STREAMS,
                (_, Transport::Kafka) => (TO_KAFKA, TO_KAFKA),
            };
            (lane, Room::new(in_all, at_one_host, &freed))
        });
        let clusters = Clusters::new(fetcher.guard().clone(), settings.kafka.clone());
        Self {
            store,
            queue,
            hub,
            fetcher,
            clusters,
            settings: Arc::new(settings),
            show,
            stopping: CancellationToken::new(),
            rooms: Arc::new(rooms),
            freed,
            tasks: TaskTracker::new(),
        }
    }

    /// Tells followers until `stopping`, and then finishes what is at hand within seconds.
    pub async fn run(mut self, stopping: CancellationToken) {
        self.stopping = stopping.clone();
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
                () = self.freed.notified(), if is_short => all = true,
                () = sleep_until(poll_at), if !all => all = true,
                () = sleep_until(look_at), if all || !heard.is_empty() => {
                    all |= heard.len() > MAX_NAMED;
                    let builds: Vec<BuildId> = std::mem::take(&mut heard).into_iter().collect();
                    let named = (!all).then_some(builds.as_slice());
                    let looked = self.look_if_anyone_follows(named).await;
                    let together = if let Ok(None) = looked { NOBODY } else { TOGETHER };
                    match looked {
                        Ok(short) => is_short = short.unwrap_or(false),
                        Err(error) => {
                            let cause = &error as &dyn std::error::Error;
                            tracing::warn!(error = cause, "followers cannot be looked up");
                        }
                    }
                    look_at = Instant::now() + together;
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

    /// [`Push::look`]; `None` where nobody waits to be told of anything, as of most builds.
    async fn look_if_anyone_follows(
        &self,
        builds: Option<&[BuildId]>,
    ) -> Result<Option<bool>, StoreError> {
        if !followers::is_anyone_waiting(&self.store).await? {
            return Ok(None);
        }
        self.look(builds).await.map(Some)
    }

    /// Takes what is due, and begins to tell each. Says whether something was due that there
    /// was no room for.
    async fn look(&self, builds: Option<&[BuildId]>) -> Result<bool, StoreError> {
        let full: Vec<(Lane, Option<String>)> = self
            .rooms
            .iter()
            .flat_map(|(lane, room)| room.full().into_iter().map(|host| (*lane, host)))
            .collect();
        let mut is_short = !full.is_empty();
        let mut places: HashMap<(Lane, String), Vec<Place>> = HashMap::new();
        let has_room = |lane: Lane, host: &str| {
            let room = self.rooms.iter().find(|(of, _)| *of == lane);
            let place = room.and_then(|(_, room)| room.take(host));
            is_short |= place.is_none();
            place.is_some_and(|place| {
                places.entry((lane, host.to_owned())).or_default().push(place);
                true
            })
        };
        let (lease, now) = (self.settings.lease(), self.store.now());
        let wanted = Wanted { builds, full: &full };
        for taken in followers::take(&self.store, wanted, has_room, lease, now).await? {
            let key = (taken.lane, taken.host.clone());
            let place = places.get_mut(&key).and_then(Vec::pop);
            self.begin(taken, place);
        }
        Ok(is_short)
    }

    fn begin(&self, taken: Taken, place: Option<Place>) {
        let (this, build) = (self.clone(), taken.build);
        self.tasks.spawn(async move {
            let _place = place;
            if let Err(error) = this.tell_taken(taken).await {
                let cause = &error as &dyn std::error::Error;
                // Its lease ends by itself, and somebody tells it then.
                tracing::warn!(build.id = %build, error = cause, "a follower waits");
            }
        });
    }

    async fn tell_taken(&self, mut taken: Taken) -> Result<(), StoreError> {
        if !self.note_left(&mut taken).await? {
            return Ok(());
        }
        match taken.lane.kind {
            FollowerKind::Status => self.tell(&taken).await,
            FollowerKind::Logs => self.tell_log(&taken).await,
        }
    }
}

impl std::fmt::Debug for Push {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Push").field("settings", &self.settings).finish_non_exhaustive()
    }
}

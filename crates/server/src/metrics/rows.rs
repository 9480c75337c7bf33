//! The gauges that are read from the rows when somebody asks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use slipway_domain::Platform;
use slipway_queue::Queue;
use slipway_store::Store;
use slipway_store::gauges::{Gauges, gauges};
use slipway_store::hosts::{self, Host};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::catalogue::rows as names;
use super::text::Text;
use crate::parts::ground::Ground;

/// How old an answer may be: any number of scrapers costs the database one look in this time.
const FRESH: Duration = Duration::from_secs(3);
/// Prometheus gives up after ten seconds; the numbers of the process itself come before that.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Rows {
    store: Store,
    queue: Queue,
    // Held while one scraper looks; the others wait for what it finds.
    last: Mutex<Option<(Instant, String)>>,
}

impl Rows {
    pub(super) fn new(ground: &Ground) -> Self {
        Self { store: ground.store.clone(), queue: ground.queue.clone(), last: Mutex::new(None) }
    }

    /// The gauges as text. Without an answer of the database there are only those that say so.
    pub(super) async fn render(&self) -> String {
        let mut last = self.last.lock().await;
        if let Some((at, text)) = &*last
            && at.elapsed() < FRESH
        {
            return text.clone();
        }
        let found = match tokio::time::timeout(PATIENCE, gauges(&self.store)).await {
            Ok(Ok(gauges)) => Some(gauges),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the metrics of the rows cannot be read");
                None
            }
            Err(_) => None,
        };
        let text = render(found.as_ref(), self.queue.problem().is_none(), self.store.now());
        *last = Some((Instant::now(), text.clone()));
        text
    }
}

fn render(found: Option<&Gauges>, queue_up: bool, now: DateTime<Utc>) -> String {
    let mut text = Text::default();
    text.gauge(names::DATABASE_UP, [(None, flag(found.is_some()))]);
    text.gauge(names::BROKER_UP, [(None, flag(queue_up))]);
    let Some(found) = found else { return text.finish() };
    let age = |since: Option<DateTime<Utc>>| {
        since.map_or(0.0, |since| (now - since).as_seconds_f64().max(0.0))
    };

    // A line that is empty is 0 and not gone: what is gone cannot be alerted on.
    let anywhere =
        found.lines.iter().all(|line| line.platform.is_some()).then_some(("any", 0, 0.0));
    let lines: Vec<(&str, u64, f64)> = anywhere
        .into_iter()
        .chain(found.lines.iter().map(|line| {
            let platform = line.platform.as_ref().map_or("any", Platform::as_str);
            (platform, line.waiting.count, age(line.waiting.oldest))
        }))
        .collect();
    text.gauge(
        names::DEPTH,
        lines.iter().map(|(platform, count, _)| (Some(("platform", *platform)), number(*count))),
    );
    text.gauge(
        names::OLDEST,
        lines.iter().map(|(platform, _, oldest)| (Some(("platform", *platform)), *oldest)),
    );
    text.gauge(
        names::BUILDS,
        found.states.iter().map(|(state, count)| (Some(("state", state.as_str())), number(*count))),
    );
    for (count, oldest, waiting) in [
        (names::OUTBOX, names::OUTBOX_AGE, found.outbox),
        (names::FOLLOWERS, names::FOLLOWERS_AGE, found.followers),
        (names::INBOX, names::INBOX_AGE, found.inbox),
    ] {
        text.gauge(count, [(None, number(waiting.count))]);
        text.gauge(oldest, [(None, age(waiting.oldest))]);
    }

    let mut of_hosts = |gauge, value: &dyn Fn(&Host) -> f64| {
        let samples = found.hosts.iter().map(|h| (Some(("host", h.name.as_str())), value(h)));
        text.gauge(gauge, samples);
    };
    of_hosts(names::SLOTS, &|host| host.slots.into());
    of_hosts(names::RUNNING, &|host| host.running.into());
    let is_healthy = |host: &Host| host.problem.is_none() && now - host.probed_at < hosts::FRESH;
    of_hosts(names::HEALTHY, &|host| flag(is_healthy(host)));
    of_hosts(names::DRAINED, &|host| flag(host.drained));
    of_hosts(names::PROBE_AGE, &|host| age(Some(host.probed_at)));
    text.finish()
}

const fn flag(on: bool) -> f64 {
    if on { 1.0 } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 builds")]
const fn number(count: u64) -> f64 {
    count as f64
}

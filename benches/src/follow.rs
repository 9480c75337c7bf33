//! From a line that is printed to a line that is received: one follower, and a thousand.
//!
//! A step prints how long the machine is up, which is the same in its container and here; so
//! each follower knows of each line how old it is, to the hundredth of a second.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::try_join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::time::Instant;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::daemon::Daemon;
use crate::error::Error;
use crate::memory;
use crate::slipway::{Accepted, Slipway};
use crate::statistics::{median, p95};
use crate::table::{Row, Table};
use crate::work::Works;

/// How many lines are printed, a tenth of a second apart.
const LINES: usize = 100;
const MANY: usize = 1000;
const WANTED_P95_MS: f64 = 300.0;
const WANTED_KIB: f64 = 20.0;
/// What comes before each number.
const MARK: &str = "up for ";

#[derive(Debug, Clone, Copy)]
enum Way {
    Messages,
    Socket,
}

/// Adds the rows.
pub(crate) async fn measure(
    table: &mut Table,
    works: &Works,
    daemon: &Daemon,
) -> Result<(), Error> {
    let slipway = Slipway::new(daemon);
    // A first build brings what every later one uses.
    slipway.run(&works.small()).await?;
    for (way, name) in [(Way::Messages, "server-sent events"), (Way::Socket, "WebSocket")] {
        for followers in [1, MANY] {
            let idle = memory::idle(daemon.pid).await?;
            let build = slipway.begin(&works.ticking(LINES)).await?;
            let following = follow(&slipway, &build, way, followers);
            let (ages, peak) = memory::peak(daemon.pid, following).await?;
            slipway.took(&build).await?;
            let (typical, late) = (median(&ages), p95(&ages));
            let all = ages.len() == followers * LINES;
            let row = Row::new(format!("{name}, {followers}: line printed to received, p50, p95"))
                .slipway(format!("{typical:.0}, {late:.0} ms"));
            table.add(row.wanted(
                format!("p95 ≤ {WANTED_P95_MS} ms, all lines"),
                all && late <= WANTED_P95_MS,
            ));
            if followers == MANY {
                let each = peak.above(idle).0 * 1024.0 / 1000.0;
                table.add(
                    Row::new(format!("{name}, {followers}: memory of each"))
                        .slipway(format!("{each:.1} KiB"))
                        .wanted(format!("≤ {WANTED_KIB} KiB"), each <= WANTED_KIB),
                );
            }
        }
    }
    Ok(())
}

/// How old the lines were, in milliseconds, of all followers.
async fn follow(
    slipway: &Slipway,
    build: &Accepted,
    way: Way,
    followers: usize,
) -> Result<Vec<f64>, Error> {
    let ages = Arc::new(Mutex::new(Vec::with_capacity(followers * LINES)));
    let uptime = Uptime::read()?;
    try_join_all((0..followers).map(async |_| {
        let ages = Arc::clone(&ages);
        let (slipway, build) = (slipway.clone(), build.clone());
        let following = tokio::spawn(async move {
            let hear = |text: &str| {
                let now = uptime.now();
                let mut ages = ages.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                ages.extend(numbers(text).map(|at| (now - at).max(0.0) * 1000.0));
            };
            match way {
                Way::Messages => messages(&slipway, &build, hear).await,
                Way::Socket => socket(&slipway, &build, hear).await,
            }
        });
        following.await.map_err(|error| Error::Unexpected(error.to_string()))?
    }))
    .await?;
    let mut ages = ages.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(std::mem::take(&mut ages))
}

async fn messages(
    slipway: &Slipway,
    build: &Accepted,
    mut hear: impl FnMut(&str),
) -> Result<(), Error> {
    let mut events = slipway.events(build).await?.bytes_stream();
    let mut buffer = String::new();
    while let Some(bytes) = events.try_next().await? {
        buffer.push_str(&String::from_utf8_lossy(&bytes));
        if let Some((whole, rest)) = buffer.rsplit_once("\n\n") {
            hear(whole);
            buffer = rest.to_owned();
        }
    }
    Ok(())
}

async fn socket(
    slipway: &Slipway,
    build: &Accepted,
    mut hear: impl FnMut(&str),
) -> Result<(), Error> {
    let broken =
        |error: tokio_tungstenite::tungstenite::Error| Error::Unexpected(error.to_string());
    let (mut socket, _) = connect_async(slipway.socket(build)).await.map_err(broken)?;
    while let Some(message) = socket.next().await {
        match message.map_err(broken)? {
            Message::Text(text) => hear(&text),
            Message::Close(_) => break,
            Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
        }
    }
    Ok(())
}

/// The numbers after each mark. The name of the step has the mark without one.
fn numbers(text: &str) -> impl Iterator<Item = f64> {
    text.split(MARK).skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        rest.get(..end)?.parse().ok()
    })
}

/// How long the machine is up, in seconds.
#[derive(Debug, Clone, Copy)]
struct Uptime {
    was: f64,
    at: Instant,
}

impl Uptime {
    fn read() -> Result<Self, Error> {
        let text = std::fs::read_to_string("/proc/uptime")?;
        let was = text.split(' ').next().and_then(|first| first.parse().ok());
        let was = was.ok_or_else(|| Error::Unexpected(format!("/proc/uptime says {text}")))?;
        Ok(Self { was, at: Instant::now() })
    }

    fn now(self) -> f64 {
        self.was + self.at.elapsed().as_secs_f64()
    }
}

/// What a step runs that prints `lines` of them.
pub(crate) fn command(lines: usize) -> String {
    let tick = Duration::from_millis(100).as_secs_f64();
    format!(
        "i=0; while [ $i -lt {lines} ]; do read up rest < /proc/uptime; echo \"{MARK}$up\"; \
         sleep {tick}; i=$((i+1)); done"
    )
}

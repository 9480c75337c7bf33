//! What is fetched is put down in a file first: a zip begins at its end, and nothing of an
//! archive may reach the builder before its checksum is known.

use std::time::Duration;

use slipway_context::{Spool, SpoolError, Spooled};
use slipway_domain::{Credentials, Failure, Reason, Secret};
use slipway_outbound::{Body, HeaderError, Limits, Progress, Request, SecretHeader, show_url};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval_at};
use url::Url;

use super::Order;
use crate::log::size;
use crate::run::Broken;

/// How often the log tells how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(2);
/// Pieces between the connection and the disk.
const WAITING: usize = 8;

/// What to fetch.
pub(super) struct Wanted {
    pub(super) url: Url,
    pub(super) login: Option<Credentials>,
    pub(super) headers: Vec<SecretHeader>,
    /// Whether its SHA-256 is wanted, too.
    pub(super) hashed: bool,
}

/// Fetches an archive to the worker's disk.
pub(super) async fn fetch(order: &Order<'_>, wanted: Wanted) -> Result<Spooled, Broken> {
    let Wanted { url, login, headers, hashed } = wanted;
    let worker = order.worker;
    let total = worker.settings.fetch_timeout;
    let limits = Limits { total, ..Limits::bytes(worker.settings.context.bytes) };
    order.log.say(&format!("fetching {}", show_url(&url))).await?;
    let request = Request { url, login, headers, limits };
    let fetched = worker.reach.fetcher.get(request).await.map_err(|error| error.failure())?;
    let progress = fetched.body.progress();
    let spool = worker.reach.temp.spool(limits.bytes).map_err(Failure::from)?;
    let spool = if hashed { spool.hashing() } else { spool };
    let putting = put_down(fetched.body, spool);
    tokio::pin!(putting);
    let mut tell = interval_at(Instant::now() + TOLD_EVERY, TOLD_EVERY);
    let spooled = loop {
        tokio::select! {
            biased;
            spooled = &mut putting => break spooled?,
            _ = tell.tick() => order.log.say(&how_far(&progress)).await?,
        }
    };
    order.log.say(&format!("fetched {}", size(spooled.bytes))).await?;
    Ok(spooled)
}

/// A token as APIs take it (RFC 6750).
pub(super) fn bearer(token: &Secret) -> Result<SecretHeader, HeaderError> {
    SecretHeader::new("authorization", &Secret::from(format!("Bearer {}", token.expose())))
}

async fn put_down(mut body: Body, spool: Spool) -> Result<Spooled, Failure> {
    let (sender, mut pieces) = mpsc::channel::<bytes::Bytes>(WAITING);
    let disk_end: JoinHandle<Result<Spool, SpoolError>> = tokio::task::spawn_blocking(move || {
        let mut spool = spool;
        while let Some(piece) = pieces.blocking_recv() {
            spool.write(&piece)?;
        }
        Ok(spool)
    });
    let mut fetched = Ok(());
    loop {
        match body.chunk().await {
            Ok(Some(piece)) => {
                // The disk's end has something to say then.
                if sender.send(piece).await.is_err() {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                fetched = Err(error.failure());
                break;
            }
        }
    }
    drop(sender);
    let written = disk_end.await.map_err(|_| {
        Failure::new(Reason::Internal, "the archive could not be put down on the worker")
    })?;
    fetched?;
    Ok(written.and_then(Spool::finish)?)
}

fn how_far(progress: &Progress) -> String {
    let got = size(progress.bytes());
    match progress.of() {
        Some(of) => format!("fetched {got} of {}", size(of)),
        None => format!("fetched {got}"),
    }
}

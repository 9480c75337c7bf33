//! What is fetched is put down in a file, and sent to the engine as it comes.
//!
//! A zip begins at its end, and what is to be left out may be known at the end only: what is on
//! the disk can be looked at again. The engine finds no end of a context whose checksum is not
//! known to be right. Were it sent from the disk alone, that would take the time of both.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use slipway_context::{
    ContextError, ContextOptions, EarlyContext, EarlyError, Spool, SpoolError, Spooled, open_early,
    stream_guarded,
};
use slipway_domain::{Credentials, Failure, Reason, Secret, Sha256};
use slipway_outbound::{Body, HeaderError, Limits, Progress, Request, SecretHeader, show_url};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Opened, Order, Through};
use crate::log::size;
use crate::run::Broken;

/// How often the log tells how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(2);
/// Pieces between the connection and the disk.
const WAITING: usize = 8;

/// Bytes that are looked at before anything is sent. Most archives end before, and of those
/// that do not most have said by then what they hold.
const FIRST_LOOK: u64 = 16 << 20;

/// What to fetch.
pub(super) struct Wanted {
    pub(super) url: Url,
    pub(super) login: Option<Credentials>,
    pub(super) headers: Vec<SecretHeader>,
    /// What its bytes have to come to.
    pub(super) sha256: Option<Sha256>,
}

/// Asks for an archive, and opens the context that it holds.
pub(super) async fn open(
    order: Order<'_>,
    wanted: Wanted,
    options: ContextOptions,
) -> Result<Opened<'_>, Broken> {
    let Wanted { url, login, headers, sha256 } = wanted;
    let worker = order.worker;
    let total = worker.settings.fetch_timeout;
    let limits = Limits { total, ..Limits::bytes(worker.settings.context.bytes) };
    order.log.say(&format!("fetching {}", show_url(&url))).await?;
    let request = Request { url, login, headers, limits };
    let fetched = worker.reach.fetcher.get(request).await.map_err(|error| error.failure())?;
    let spool = worker.reach.temp.spool(limits.bytes).map_err(Failure::from)?;
    let spool = if sha256.is_some() { spool.hashing() } else { spool };
    let arriving = spool.arriving().map_err(Failure::from)?;
    let mut fetching = fetch(order, fetched.body, spool, sha256).boxed();
    let early = tokio::select! {
        biased;
        spooled = &mut fetching => {
            return Ok(stream_guarded(spooled?.file, options).into());
        }
        early = open_early(arriving, options.clone(), FIRST_LOOK) => early,
    };
    match early {
        Some(early) => Ok(early_context(early, fetching, options)),
        None => Ok(stream_guarded(fetching.await?.file, options).into()),
    }
}

/// The context of an archive that still comes.
fn early_context<'a>(
    early: EarlyContext,
    fetching: BoxFuture<'a, Result<Spooled, Broken>>,
    options: ContextOptions,
) -> Opened<'a> {
    let EarlyContext { stream, done } = early;
    let arrived = CancellationToken::new();
    let told = arrived.clone();
    let done = async move {
        let (mut fetching, mut done) = (fetching, done);
        // Whatever is wrong with the fetching is what is wrong: the guard knows less of it.
        let (spooled, went) = tokio::select! {
            biased;
            spooled = &mut fetching => {
                let spooled = spooled?;
                told.cancel();
                (spooled, done.await)
            }
            went = &mut done => {
                if went == Err(EarlyError::Final(ContextError::ReceiverGone)) {
                    return Ok(Through::Untaken);
                }
                (fetching.await?, went)
            }
        };
        told.cancel();
        match went {
            Ok(_) => Ok(Through::Whole),
            Err(EarlyError::Final(ContextError::ReceiverGone)) => Ok(Through::Untaken),
            Err(EarlyError::Final(ContextError::Refused(failure))) => Err(failure.into()),
            Err(EarlyError::Anew) => {
                tracing::info!("the context is sent anew: its archive began like another");
                Ok(Through::Anew(stream_guarded(spooled.file, options)))
            }
        }
    };
    Opened { stream, done: done.boxed(), arrived, is_early: true }
}

/// Puts an archive down, and tells the log how far it is.
async fn fetch(
    order: Order<'_>,
    body: Body,
    spool: Spool,
    sha256: Option<Sha256>,
) -> Result<Spooled, Broken> {
    let progress = body.progress();
    let putting = put_down(body, spool);
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
    if let Some(expected) = sha256 {
        check(&spooled, &expected)?;
    }
    spooled.let_end();
    Ok(spooled)
}

fn check(spooled: &Spooled, expected: &Sha256) -> Result<(), Failure> {
    let got: String = spooled.sha256.iter().flatten().map(|byte| format!("{byte:02x}")).collect();
    if got == expected.as_str() {
        return Ok(());
    }
    let message =
        format!("the archive has the sha256 {got}, and {} was asked for", expected.as_str());
    Err(Failure::new(Reason::SourceChanged, message)
        .hint("see whether it was changed where it is, or correct source.sha256"))
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

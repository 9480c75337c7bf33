//! What is fetched is put down in a file, and sent to the engine as it comes.
//!
//! A zip begins at its end, and what is to be left out may be known at the end only: what is on
//! the disk can be looked at again. Were it sent from the disk alone, that would take the time of
//! both, so a large one is sent under what its beginning promises, and no more of it is kept than
//! that. The rare one that breaks the promise is fetched again. The engine finds no end of a
//! context whose checksum is not known to be right.

use std::fs::File;
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

/// Bytes that are kept of an archive that is sent while it comes: one of this size is not fetched
/// twice, whatever it says at its end, nor one that says it before.
const KEPT: u64 = 64 << 20;

/// What the log says of one that is.
const ANEW: &str = "the archive goes on otherwise than it began: all of it is fetched again";

/// What to fetch.
pub(super) struct Wanted {
    pub(super) url: Url,
    pub(super) login: Option<Credentials>,
    pub(super) headers: Vec<SecretHeader>,
    /// What its bytes have to come to.
    pub(super) sha256: Option<Sha256>,
}

impl Wanted {
    /// Asks for it. It is put down where this says.
    async fn ask(&self, order: Order<'_>) -> Result<(Body, Spool), Broken> {
        let Self { url, login, headers, sha256 } = self;
        let worker = order.worker;
        let total = worker.settings.fetch_timeout;
        let limits = Limits { total, ..Limits::bytes(worker.settings.context.bytes) };
        let query = if url.query().is_some() { "?***" } else { "" };
        order.log.say(&format!("fetching {}{query}", show_url(url))).await?;
        let (url, login, headers) = (url.clone(), login.clone(), headers.clone());
        let request = Request { url, login, headers, limits };
        let fetched = worker.reach.fetcher.get(request).await.map_err(|error| error.failure())?;
        let spool = worker.reach.temp.spool(limits.bytes).map_err(Failure::from)?;
        Ok((fetched.body, if sha256.is_some() { spool.hashing() } else { spool }))
    }

    /// All of it, to be looked at from its start: what was kept, or else it is fetched again.
    async fn whole(&self, order: Order<'_>, kept: Option<File>) -> Result<File, Broken> {
        if let Some(file) = kept {
            return Ok(file);
        }
        order.log.say(ANEW).await?;
        let (body, spool) = self.ask(order).await?;
        let spooled = fetch(order, body, spool, self.sha256.as_ref()).await?;
        spooled.file.ok_or_else(|| {
            Failure::new(Reason::Internal, "the archive was not kept on the worker").into()
        })
    }
}

/// Asks for an archive, and opens the context that it holds.
pub(super) async fn open(
    order: Order<'_>,
    wanted: Wanted,
    options: ContextOptions,
) -> Result<Opened<'_>, Broken> {
    let (body, spool) = wanted.ask(order).await?;
    let arriving = spool.arriving().map_err(Failure::from)?;
    let sha256 = wanted.sha256.clone();
    let mut fetching = async move { fetch(order, body, spool, sha256.as_ref()).await }.boxed();
    let early = tokio::select! {
        biased;
        spooled = &mut fetching => Err(spooled?),
        early = open_early(arriving, options.clone(), FIRST_LOOK, KEPT) => Ok(early),
    };
    let spooled = match early {
        Ok(Some(early)) => return Ok(early_context(order, wanted, early, fetching, options)),
        Ok(None) => fetching.await?,
        Err(spooled) => spooled,
    };
    Ok(stream_guarded(wanted.whole(order, spooled.file).await?, options).into())
}

/// The context of an archive that still comes.
fn early_context<'a>(
    order: Order<'a>,
    wanted: Wanted,
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
        let (kept, went) = tokio::select! {
            biased;
            spooled = &mut fetching => {
                let spooled = spooled?;
                told.cancel();
                (spooled.file, done.await)
            }
            went = &mut done => match went {
                Err(EarlyError::Final(ContextError::ReceiverGone)) => return Ok(Through::Untaken),
                // Nothing comes of the rest of it.
                Err(EarlyError::Again) => {
                    drop(fetching);
                    (None, went)
                }
                Ok(_) | Err(EarlyError::Final(_) | EarlyError::BrokeOff | EarlyError::Anew) => {
                    (fetching.await?.file, went)
                }
            }
        };
        match went {
            Ok(_) => {
                told.cancel();
                Ok(Through::Whole)
            }
            Err(EarlyError::Final(ContextError::ReceiverGone)) => Ok(Through::Untaken),
            Err(EarlyError::Final(ContextError::Refused(failure))) => Err(failure.into()),
            Err(EarlyError::Anew | EarlyError::Again | EarlyError::BrokeOff) => {
                tracing::info!("the context is sent anew: its archive began like another");
                Ok(Through::Anew(stream_guarded(wanted.whole(order, kept).await?, options)))
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
    sha256: Option<&Sha256>,
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
        check(&spooled, expected)?;
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
            spool.write(piece)?;
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

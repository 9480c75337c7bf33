//! A context that is sent while its archive still comes.
//!
//! Whether one folder is around everything, and what `.dockerignore` says, may be known no
//! sooner than at the last entry; most archives tell it with their first. What the beginning
//! promises is held against each entry that follows. Where one breaks the promise the context
//! ends in an error, like one that is refused, and is to be sent anew once the archive is there
//! and was looked at whole: no builder does anything with a context before it has its end. Of a
//! large archive that takes another fetch: what went to the engine is not kept.

use std::ops::ControlFlow;

use futures::future::BoxFuture;
use slipway_domain::Failure;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::arriving::Arriving;
use crate::guard::copy_data;
use crate::stream::{ContextSink, Piece, on_thread};
use crate::survey::{Findings, Promise, Survey, first_look};
use crate::{
    ContextError, ContextOptions, ContextStream, ContextSummary, ContextWriter, archive,
    entry::Kind,
};

/// A context on its way to the engine, of an archive that is on its way to us.
pub struct EarlyContext {
    /// The clean tar. It ends in an error when the archive turns out to be another than its
    /// beginning promised, is refused, or breaks off; dropping it makes the guard stop.
    pub stream: ContextStream,
    /// How it went. It is there once the stream has ended or was dropped.
    pub done: BoxFuture<'static, Result<ContextSummary, EarlyError>>,
}

/// Why a context that was begun early did not pass whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EarlyError {
    /// Nothing is known yet but that this is not how it goes: to be sent anew when the archive
    /// is there, by [`stream_guarded`](crate::stream_guarded).
    #[error("the archive is not what its beginning promised")]
    Anew,
    /// The same, and what came of it is not kept: it has to be fetched again for that.
    #[error("the archive is not what its beginning promised, and is not kept")]
    Again,
    /// It was given up by whoever puts it down, and who knows why.
    #[error("the archive broke off")]
    BrokeOff,
    /// What is so whenever it is sent.
    #[error(transparent)]
    Final(#[from] ContextError),
}

impl From<Failure> for EarlyError {
    fn from(failure: Failure) -> Self {
        Self::Final(failure.into())
    }
}

/// Begins a context when the first `look` bytes of its archive, unpacked, have come. `None`
/// when there is nothing to win by it (the archive ends there), when it has to be there whole (a
/// zip), or when something is wrong with it: then it is to be sent when it has come. Of one that is
/// begun no more is kept than the first `keep` bytes, or what was there by then. Needs a tokio
/// runtime.
pub async fn open_early(
    arriving: Arriving,
    options: ContextOptions,
    look: u64,
    keep: u64,
) -> Option<EarlyContext> {
    let span = tracing::Span::current();
    let looking = tokio::task::spawn_blocking(move || {
        let _entered = span.enter();
        let mut arriving = arriving;
        let looked = first_look(&mut arriving, &options, look).ok().flatten()?;
        Some((arriving, options, looked))
    });
    // One that died is as one that saw nothing: the next look dies of the same, and is heard.
    let (arriving, options, looked) = looking.await.ok().flatten()?;
    let arriving = arriving.passing_beyond(keep);
    let (stream, done) = on_thread(move |sender| {
        let given_up = sender.clone();
        let arriving = arriving.until(Box::pin(async move { given_up.closed().await }));
        let fate = arriving.fate();
        send(arriving, &options, looked, &sender).map_err(|error| match error {
            EarlyError::Anew if fate.has_broken_off() => EarlyError::BrokeOff,
            EarlyError::Anew if !fate.is_kept() => EarlyError::Again,
            error @ (EarlyError::Anew
            | EarlyError::Again
            | EarlyError::BrokeOff
            | EarlyError::Final(_)) => error,
        })
    });
    Some(EarlyContext { stream, done })
}

fn send(
    archive: Arriving,
    options: &ContextOptions,
    (promise, Findings { top, ignore }): (Promise, Findings),
    sender: &mpsc::Sender<Piece>,
) -> Result<ContextSummary, EarlyError> {
    let out = ContextSink::new(sender.clone());
    let mut survey = Survey::new(options)?;
    let mut context = ContextWriter::within(options, &top, ignore, out)?;
    let mut is_kept = true;
    let walked = archive::walk(archive, &options.limits, &mut |entry, data| {
        let text = survey.note(entry, data)?;
        is_kept = survey.keeps_top(&promise) && (text.is_none() || survey.keeps_ignore(&promise));
        if !is_kept {
            return Ok(ControlFlow::Break(()));
        }
        if context.begin(entry)? && entry.kind == Kind::File {
            // This much of it was read already.
            context.data(&text.unwrap_or_default())?;
            copy_data(data, &mut context)?;
            context.end_file(entry.size)?;
        }
        Ok(ControlFlow::Continue(()))
    });
    match walked {
        Ok(archive_bytes) if is_kept => Ok(ContextSummary { archive_bytes, ..context.finish()? }),
        Err(ContextError::ReceiverGone) if sender.is_closed() => {
            Err(ContextError::ReceiverGone.into())
        }
        // What is refused here may be left out by a rule that is still to come; and of an archive
        // that breaks off, whoever fetches it knows more.
        Ok(_) | Err(ContextError::Refused(_) | ContextError::ReceiverGone) => Err(EarlyError::Anew),
    }
}

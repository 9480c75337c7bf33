//! Reading it, passing it on, and how much of it there is.

use std::io;

use slipway_domain::Reason;

use super::{LESS, cut, damaged_compression, refused, wants_memory};
use crate::ContextError;
use crate::archive::InputError;
use crate::show::{at, size};
use crate::stream::Unwanted;

/// Trouble with the archive's bytes, in the middle of an entry or outside of any.
pub(crate) fn input(error: InputError, entry: Option<&[u8]>) -> ContextError {
    match error {
        InputError::Cut => cut(entry),
        InputError::Damaged(compression) => damaged_compression(compression, entry),
        InputError::WantsMemory(compression) => wants_memory(compression),
        InputError::TooLarge(limit) => too_large(limit, entry),
        InputError::TooDense { unpacked, packed } => refused(
            Reason::ContextTooLarge,
            format!(
                "the build context grows too much when unpacked: {} from {}{}",
                size(unpacked),
                size(packed),
                at(entry),
            ),
            "this is how a decompression bomb looks; if it is none, send the tar uncompressed",
        ),
        InputError::Failed(error)
            if error.get_ref().is_some_and(|inner| inner.is::<Unwanted>()) =>
        {
            ContextError::ReceiverGone
        }
        InputError::Failed(error) => {
            tracing::error!(%error, "a stored build context cannot be read");
            refused(
                Reason::ContextUnreadable,
                "the stored build context could not be read".to_owned(),
                "submit again later; the worker's log has the cause",
            )
        }
    }
}

/// Nothing more can be written to whoever was to take the context.
pub(crate) fn output(error: io::Error) -> ContextError {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return ContextError::ReceiverGone;
    }
    tracing::error!(%error, "a build context cannot be passed on");
    refused(
        Reason::Internal,
        "the build context could not be passed on to the builder".to_owned(),
        "try again; the worker's log has the cause",
    )
}

pub(crate) fn too_many(limit: u64, name: &[u8]) -> ContextError {
    let message = format!("the build context has more than {limit} entries{}", at(Some(name)));
    refused(Reason::ContextTooLarge, message, LESS)
}

pub(crate) fn too_large(limit: u64, entry: Option<&[u8]>) -> ContextError {
    let message = format!("the build context has more than {} unpacked{}", size(limit), at(entry));
    refused(Reason::ContextTooLarge, message, LESS)
}

//! An archive that is none, or is broken.

use slipway_domain::Reason;

use super::{SEND_AGAIN, refused};
use crate::ContextError;
use crate::archive::{Compression, MOST_MEMORY};
use crate::looks_like::{LooksLike, looks_like};
use crate::show::{at, shown, size};

const SEND_TAR: &str = "send a tar archive, plain or compressed with gzip, bzip2, xz or zstd, or \
                        a zip, as in: tar -C folder -cz .";

pub(crate) fn cut(entry: Option<&[u8]>) -> ContextError {
    let message = match entry {
        Some(name) => format!("the build context ends in the middle of \"{}\"", shown(name)),
        None => "the build context ends before the end mark of the archive".to_owned(),
    };
    refused(Reason::ContextTruncated, message, SEND_AGAIN)
}

/// Something is wrong with what is around the tar.
pub(crate) fn damaged_compression(kind: Compression, entry: Option<&[u8]>) -> ContextError {
    let message = format!("the {kind} compression of the build context is damaged{}", at(entry));
    let hint = format!("make the archive and send it again; {kind} -t tells whether it is whole");
    refused(Reason::ContextNotAnArchive, message, &hint)
}

/// What the compression has to remember is more than it gets.
pub(crate) fn wants_memory(kind: Compression) -> ContextError {
    let message = format!(
        "the {kind} compression of the build context takes more than {} of memory to undo",
        size(MOST_MEMORY),
    );
    refused(Reason::ContextTooLarge, message, "compress it with a smaller window or dictionary")
}

pub(crate) fn empty(compression: Option<Compression>) -> ContextError {
    let message = match compression {
        None => "the build context is empty".to_owned(),
        Some(kind) => format!("the build context is empty: the {kind} has nothing in it"),
    };
    refused(Reason::ContextNotAnArchive, message, SEND_TAR)
}

/// The first block is no header.
pub(crate) fn not_a_tar(start: &[u8], compression: Option<Compression>) -> ContextError {
    let LooksLike { what, hint } = looks_like(start);
    let likely = what.map_or_else(String::new, |what| format!(" but {what}"));
    let message = match compression {
        None => format!("the build context is not an archive{likely}"),
        Some(kind) => format!("the {kind} of the build context holds no tar archive{likely}"),
    };
    refused(Reason::ContextNotAnArchive, message, hint.unwrap_or(SEND_TAR))
}

/// A later block is not what it must be.
pub(crate) fn damaged(position: u64) -> ContextError {
    let message = format!("the tar archive of the build context is damaged near byte {position}");
    refused(Reason::ContextNotAnArchive, message, SEND_AGAIN)
}

pub(crate) fn large_extension(bytes: u64) -> ContextError {
    let message = format!("an entry of the build context has {} of extended header", size(bytes));
    refused(Reason::ContextUnsafe, message, "make the archive without extended attributes")
}

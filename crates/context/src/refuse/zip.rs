//! A zip that is broken, or that two readers would read in two ways.

use slipway_domain::Reason;

use super::{LEAVE_OUT, refused};
use crate::ContextError;
use crate::show::shown;

const ZIP_AGAIN: &str = "make the zip and send it again; unzip -t tells whether it is whole";

/// There is no directory at the end.
pub(crate) fn zip_cut() -> ContextError {
    let message = "the zip of the build context ends before its directory".to_owned();
    refused(Reason::ContextTruncated, message, ZIP_AGAIN)
}

/// The directory, or where it points, is not what it must be.
pub(crate) fn zip_damaged() -> ContextError {
    let message = "the directory of the build context's zip is damaged".to_owned();
    refused(Reason::ContextNotAnArchive, message, ZIP_AGAIN)
}

/// A file's bytes reach into what is not its own.
pub(crate) fn zip_overlap(name: &[u8]) -> ContextError {
    overlap(&format!("\"{}\"", shown(name)))
}

pub(crate) fn zip_overlap_near(position: u64) -> ContextError {
    overlap(&format!("the file at byte {position}"))
}

fn overlap(which: &str) -> ContextError {
    let message = format!("{which} in the build context's zip shares bytes with something else");
    refused(
        Reason::ContextUnsafe,
        message,
        "this is how a decompression bomb looks; if it is none, make the zip anew",
    )
}

/// The two headers of a file differ.
pub(crate) fn zip_twins(name: &[u8]) -> ContextError {
    let message = format!(
        "\"{}\" in the build context's zip is one thing in the directory and another in front \
         of its data",
        shown(name),
    );
    refused(Reason::ContextUnsafe, message, ZIP_AGAIN)
}

pub(crate) fn zip_encrypted(name: &[u8]) -> ContextError {
    let message = format!("\"{}\" in the build context's zip is encrypted", shown(name));
    refused(Reason::ContextNotAnArchive, message, "make the zip without a password")
}

pub(crate) fn zip_method(name: &[u8], method: &str) -> ContextError {
    let message = format!("\"{}\" in the build context's zip is packed with {method}", shown(name));
    refused(Reason::ContextNotAnArchive, message, "make the zip with deflate, or send a tar")
}

/// The data has another size than the directory says.
pub(crate) fn zip_size(name: &[u8]) -> ContextError {
    let message = format!(
        "\"{}\" in the build context's zip has more or fewer bytes than its directory says",
        shown(name),
    );
    refused(Reason::ContextNotAnArchive, message, ZIP_AGAIN)
}

pub(crate) fn zip_checksum(name: &[u8]) -> ContextError {
    let message = format!("\"{}\" in the build context's zip is damaged", shown(name));
    refused(Reason::ContextNotAnArchive, message, ZIP_AGAIN)
}

pub(crate) fn long_target(name: &[u8]) -> ContextError {
    let message = format!("the symlink \"{}\" points to a name that is too long", shown(name));
    refused(Reason::ContextUnsafe, message, LEAVE_OUT)
}

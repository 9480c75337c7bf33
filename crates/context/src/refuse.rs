//! The words for everything that a context is refused for.
//!
//! Each message names the entry and the rule; each hint says what its sender can do. Names
//! come from the archive: they are escaped and shortened before anyone's terminal sees them.

use std::io;

use slipway_domain::{DockerfilePath, Failure, Reason};

use crate::ContextError;
use crate::input::InputError;
use crate::path::PathFault;
use crate::show::{LONGEST_SHOWN, at, looks_like, shorter, shown, size};
use crate::stream::Unwanted;

const FROM_INSIDE: &str = "archive the folder from inside it, as in: tar -C folder -c .";
const LEAVE_OUT: &str = "leave it out of the archive, as with tar --exclude";
const SEND_TAR: &str =
    "send a tar archive, plain or compressed with gzip, as in: tar -C folder -cz .";
const SEND_AGAIN: &str = "make the archive and send it again; tar -t tells whether it is whole";
const LESS: &str = "leave out what the build does not need, such as .git or node_modules; the \
                    limits are context_bytes and context_entries in the settings";
const INNER_LINK: &str = "give it a relative target inside the context, leave it out, or create \
                          it in the Dockerfile with RUN ln -s";

const ONE_OF_BOTH: &str = "leave one of the two out; tar -t lists what is in the archive";

fn refused(reason: Reason, message: String, hint: &str) -> ContextError {
    Failure::new(reason, message).hint(hint).into()
}

// The archive as a whole.

/// Trouble with the archive's bytes, in the middle of an entry or outside of any.
pub(crate) fn input(error: InputError, entry: Option<&[u8]>) -> ContextError {
    match error {
        InputError::Cut => cut(entry),
        InputError::Damaged => refused(
            Reason::ContextNotAnArchive,
            format!("the gzip compression of the build context is damaged{}", at(entry)),
            "make the archive and send it again; gzip -t tells whether it is whole",
        ),
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
                Reason::Internal,
                "the stored build context could not be read".to_owned(),
                "try again; the worker's log has the cause",
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

pub(crate) fn cut(entry: Option<&[u8]>) -> ContextError {
    let message = match entry {
        Some(name) => format!("the build context ends in the middle of \"{}\"", shown(name)),
        None => "the build context ends before the end mark of the archive".to_owned(),
    };
    refused(Reason::ContextTruncated, message, SEND_AGAIN)
}

pub(crate) fn empty() -> ContextError {
    refused(Reason::ContextNotAnArchive, "the build context is empty".to_owned(), SEND_TAR)
}

/// The first block is no header.
pub(crate) fn not_a_tar(start: &[u8]) -> ContextError {
    let likely = looks_like(start).map_or_else(String::new, |kind| format!(" but {kind}"));
    let message = format!("the build context is not a tar archive{likely}");
    refused(Reason::ContextNotAnArchive, message, SEND_TAR)
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

pub(crate) fn too_many(limit: u64, name: &[u8]) -> ContextError {
    let message = format!("the build context has more than {limit} entries{}", at(Some(name)));
    refused(Reason::ContextTooLarge, message, LESS)
}

pub(crate) fn too_large(limit: u64, entry: Option<&[u8]>) -> ContextError {
    let message = format!("the build context has more than {} unpacked{}", size(limit), at(entry));
    refused(Reason::ContextTooLarge, message, LESS)
}

// One entry.

pub(crate) fn name(name: &[u8], fault: PathFault) -> ContextError {
    let (rule, hint) = match fault {
        PathFault::Absolute => ("has an absolute path", FROM_INSIDE),
        PathFault::Leaves => ("leaves the build context", FROM_INSIDE),
        PathFault::Control => ("has a control character in its name", "rename it, or leave it out"),
        PathFault::TooLong => ("has a name that is too long", "rename it, or leave it out"),
    };
    entry(name, rule, hint)
}

/// An entry of a kind that no build context has.
pub(crate) fn kind(name: &[u8], byte: u8) -> ContextError {
    let (rule, hint) = match byte {
        b'3' => ("is a character device", LEAVE_OUT),
        b'4' => ("is a block device", LEAVE_OUT),
        b'6' => ("is a named pipe", LEAVE_OUT),
        // To expand one is easy, but readers differ on what its name and size are.
        b'S' => ("is a sparse file", "make the archive without tar --sparse"),
        _ => ("is neither a file nor a folder nor a link", LEAVE_OUT),
    };
    entry(name, rule, hint)
}

pub(crate) fn nameless(name: &[u8]) -> ContextError {
    entry(name, "takes the place of the build context itself", FROM_INSIDE)
}

pub(crate) fn no_target(path: &[u8]) -> ContextError {
    entry(path, "is a link to nothing", LEAVE_OUT)
}

pub(crate) fn behind_symlink(name: &[u8], link: &[u8]) -> ContextError {
    let rule = format!("lies behind the symlink \"{}\"", shown(link));
    entry(name, &rule, "archive the files where they are, not by way of a symlink")
}

pub(crate) fn symlink(path: &[u8], target: &[u8], fault: PathFault) -> ContextError {
    link("symlink", path, target, fault)
}

pub(crate) fn hard_link(path: &[u8], target: &[u8], fault: PathFault) -> ContextError {
    link("hard link", path, target, fault)
}

/// A hard link to what did not come before it.
pub(crate) fn linked_to_nothing(path: &[u8], target: &[u8]) -> ContextError {
    hard_link_fault(
        path,
        target,
        "which does not come before it in the archive",
        "archive both of its names together, or use tar --hard-dereference",
    )
}

pub(crate) fn linked_to_folder(path: &[u8], target: &[u8]) -> ContextError {
    hard_link_fault(path, target, "which is a folder", "make it a symlink, or leave it out")
}

pub(crate) fn linked_to_itself(path: &[u8]) -> ContextError {
    hard_link_fault(path, path, "which is itself", LEAVE_OUT)
}

fn hard_link_fault(path: &[u8], target: &[u8], rule: &str, hint: &str) -> ContextError {
    let message =
        format!("the hard link \"{}\" points to \"{}\", {rule}", shown(path), shown(target));
    refused(Reason::ContextUnsafe, message, hint)
}

/// An entry below a path that is no folder.
pub(crate) fn below_file(path: &[u8], file: &[u8]) -> ContextError {
    let rule = format!("lies below \"{}\", which is a file there and no folder", shown(file));
    entry(path, &rule, ONE_OF_BOTH)
}

/// A file or link where a folder with entries is already.
pub(crate) fn above_entries(path: &[u8]) -> ContextError {
    entry(path, "is there as a file and as a folder with entries", ONE_OF_BOTH)
}

pub(crate) fn tangled() -> ContextError {
    refused(
        Reason::ContextUnsafe,
        "the build context has more symlinks than can be followed".to_owned(),
        "leave out those that the build does not need",
    )
}

fn entry(name: &[u8], rule: &str, hint: &str) -> ContextError {
    let message = format!("\"{}\" in the build context {rule}", shown(name));
    refused(Reason::ContextUnsafe, message, hint)
}

fn link(kind: &str, path: &[u8], target: &[u8], fault: PathFault) -> ContextError {
    let rule = match fault {
        PathFault::Absolute | PathFault::Leaves => "outside the build context",
        PathFault::Control => "a name with a control character",
        PathFault::TooLong => "a name that is too long",
    };
    let message = format!("the {kind} \"{}\" points to \"{}\", {rule}", shown(path), shown(target));
    refused(Reason::ContextUnsafe, message, INNER_LINK)
}

// The Dockerfile.

pub(crate) fn dockerfile_is_folder(dockerfile: &DockerfilePath) -> ContextError {
    let message = format!("\"{dockerfile}\" in the build context is a folder, not a Dockerfile");
    refused(Reason::DockerfileMissing, message, "name the file in it as the build's dockerfile")
}

/// `top` are names at the top of the context, `likely` files called like a Dockerfile.
pub(crate) fn dockerfile_missing(
    dockerfile: &DockerfilePath,
    top: &[Vec<u8>],
    more_at_top: bool,
    likely: &[Vec<u8>],
) -> ContextError {
    let names: Vec<String> = top.iter().map(|name| shorter(name, 40)).collect();
    let has = match (names.is_empty(), more_at_top) {
        (true, _) => "; it is empty".to_owned(),
        (false, false) => format!("; it has {}", names.join(", ")),
        (false, true) => format!("; it has {} and more", names.join(", ")),
    };
    let path = shorter(dockerfile.as_str().as_bytes(), LONGEST_SHOWN);
    let message = format!("the build context has no file \"{path}\"{has}");
    let hint = match (likely, top) {
        ([], _) => "add it to the archive; its path starts at the top of the archive".to_owned(),
        ([found, ..], [folder]) if is_in(found, folder, dockerfile.as_str().as_bytes()) => format!(
            "found it as {}: archive the folder from inside it, as in: tar -C {} -c .",
            shown(found),
            shown(folder),
        ),
        (found, _) => {
            let found: Vec<String> = found.iter().map(|path| shown(path)).collect();
            format!("found {}: set dockerfile to the one that is meant", found.join(", "))
        }
    };
    refused(Reason::DockerfileMissing, message, &hint)
}

/// Whether `found` is `folder/dockerfile`.
fn is_in(found: &[u8], folder: &[u8], dockerfile: &[u8]) -> bool {
    found.strip_prefix(folder).and_then(|rest| rest.strip_prefix(b"/")) == Some(dockerfile)
}

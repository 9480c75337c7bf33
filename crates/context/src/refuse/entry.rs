//! One entry that cannot be in a context.

use slipway_domain::Reason;

use super::{FROM_INSIDE, LEAVE_OUT, refused};
use crate::ContextError;
use crate::path::PathFault;
use crate::show::shown;

const INNER_LINK: &str = "give it a relative target inside the context, leave it out, or create \
                          it in the Dockerfile with RUN ln -s";
const ONE_OF_BOTH: &str = "leave one of the two out; tar -t lists what is in the archive";
const NO_HARD_LINK: &str = "archive the file itself, as with tar --hard-dereference";

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

/// A hard link to what is not in the folder that is the context.
pub(crate) fn linked_elsewhere(path: &[u8], target: &[u8]) -> ContextError {
    hard_link_fault(path, target, "outside the build context", NO_HARD_LINK)
}

/// A hard link to what `.dockerignore` leaves out: without its data it is nothing.
pub(crate) fn linked_to_ignored(path: &[u8], target: &[u8]) -> ContextError {
    hard_link_fault(path, target, "which .dockerignore leaves out", NO_HARD_LINK)
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

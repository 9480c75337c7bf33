//! The words for everything that a context is refused for.
//!
//! Each message names the entry and the rule; each hint says what its sender can do. Names
//! come from the archive: they are escaped and shortened before anyone's terminal sees them.

mod archive;
mod dockerfile;
mod entry;
mod ignore;
mod whole;
mod zip;

pub(crate) use archive::*;
pub(crate) use dockerfile::*;
pub(crate) use entry::*;
pub(crate) use ignore::*;
pub(crate) use whole::*;
pub(crate) use zip::*;

use slipway_domain::{Failure, Reason};

use crate::ContextError;

const FROM_INSIDE: &str = "archive the folder from inside it, as in: tar -C folder -c .";
const LEAVE_OUT: &str = "leave it out of the archive, as with tar --exclude";
const SEND_AGAIN: &str = "make the archive and send it again; tar -t tells whether it is whole";
const LESS: &str = "leave out what the build does not need, such as .git or node_modules; the \
                    limits are context_bytes and context_entries in the settings";

fn refused(reason: Reason, message: String, hint: &str) -> ContextError {
    Failure::new(reason, message).hint(hint).into()
}

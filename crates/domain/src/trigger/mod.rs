//! What a forge tells of, and what is built because of it.
//!
//! A trigger says which repositories' pushes, releases and pull requests become which images.
//! It decides without asking anybody: what would be built, or why nothing is, can be told
//! before anything happens. No address comes out of what a forge sends: the trigger, or the
//! settings, say where the forge is, and so where its token goes.

mod decide;
mod definition;
mod event;
mod happening;
mod name;
mod pattern;
mod secrets;
mod template;

pub use decide::{Decided, PassedBy};
pub use definition::{Trigger, TriggerDefinition};
pub use event::TriggerEvent;
pub use happening::{CommitId, Happening, RepositoryName, What};
pub use name::TriggerName;
pub use secrets::TriggerSecrets;

//! Following a build, alone and together with others.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on says so by a panic")]

mod hub;
mod project;
mod scene;
mod tail;

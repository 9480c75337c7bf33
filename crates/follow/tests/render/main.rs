//! What is read in each form of a log.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on says so by a panic")]

mod bodies;
mod classic;
mod json_lines;
mod text;

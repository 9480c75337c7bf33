//! Following a build: everything that happened since event N, then everything that
//! happens, from one sequence and from any server.

pub mod push;
pub mod render;
mod tail;

pub use render::{Aside, Format, Renderer, Text, as_text};
pub use tail::Tail;

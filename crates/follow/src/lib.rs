//! Following a build: everything that happened since event N, then everything that
//! happens, from one sequence and from any server.

mod tail;
mod text;

pub use tail::Tail;
pub use text::{Text, as_text};

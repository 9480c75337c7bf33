//! Following a build: everything that happened since event N, then everything that
//! happens, from one sequence and from any server.

mod hub;
pub mod push;
pub mod render;
mod tail;
mod waiting;

pub use hub::{Follower, Hub, Next, Part, ProjectFollower, Shape};
pub use render::{Aside, Format, Renderer, Text, as_text};
pub use tail::Tail;

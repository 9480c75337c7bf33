//! The log of a build in chunks: each a line of the stream that an engine answers with.
//!
//! Chunks are numbered from 0 without gaps, in the order of the build's events. An event may
//! be several chunks or none, but always the same ones: chunk N is the same whoever asks for
//! it, whenever, and of whichever server.

use slipway_domain::Event;
use slipway_follow::{Format, Renderer};

const END: &str = "\r\n";

/// Renders a sequence of events, from the first one on.
#[derive(Debug)]
pub(super) struct Chunks(Renderer);

impl Default for Chunks {
    fn default() -> Self {
        Self(Renderer::new(Format::DockerJson))
    }
}

impl Chunks {
    /// The chunks of the next event, each with the end of its line.
    pub(super) fn of(&mut self, event: &Event) -> Vec<String> {
        let mut text = String::new();
        self.0.render(event, &mut text);
        cut(&text).map(str::to_owned).collect()
    }
}

/// The chunks of what was rendered.
pub(super) fn cut(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(END)
}

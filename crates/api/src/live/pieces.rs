//! A build's events as bytes, a few kilobytes at a time.
//!
//! A connection holds what it was given last for as long as its client does not take it. So
//! it is given little, and the rest stays where it is shared: a follower that has stopped
//! reading in the middle of a large event holds that piece, and the number of bytes it has.

use std::sync::Arc;

use bytes::Bytes;
use slipway_domain::Event;
use slipway_follow::{Follower, Next, Part, Renderer, Shape};
use slipway_store::StoreError;
use slipway_store::builds::Waiting;

/// With what else goes around it, this fits into the 8 KiB that a connection's buffer begins
/// with.
pub(crate) const PIECE: usize = 7 * 1024;

/// How events become bytes.
#[derive(Debug)]
pub(crate) enum Form {
    /// Each event by itself, the same for every follower.
    Shared(Shape, fn(&Event, &mut Vec<u8>)),
    /// By what was rendered before it, and then as the connection wants text to be.
    Own(Renderer, fn(String) -> Vec<u8>),
}

/// One client's place in one build.
#[derive(Debug)]
pub(crate) struct Pieces {
    follower: Follower,
    form: Form,
    /// How many bytes it has of what comes after the follower's place.
    sent: usize,
}

/// What is to be sent next.
#[derive(Debug)]
pub(crate) enum Piece {
    Bytes(Bytes),
    /// Why the build waits. Comes between two events only.
    Waiting(Arc<Waiting>),
    /// That was all.
    End,
}

impl Pieces {
    pub(crate) fn new(follower: Follower, form: Form) -> Self {
        Self { follower, form, sent: 0 }
    }

    /// Whether the client has whole events, so that something else may be said.
    pub(crate) fn whole(&self) -> bool {
        self.sent == 0
    }

    /// The number of the last event that the client has.
    pub(crate) fn last(&self) -> i64 {
        self.follower.after()
    }

    /// What is next, as soon as there is anything. May be cancelled and called again.
    ///
    /// # Errors
    /// When the database does not answer; call again to go on.
    pub(crate) async fn next(&mut self) -> Result<Piece, StoreError> {
        loop {
            let part = match self.follower.next().await? {
                Next::Events(part) => part,
                Next::Waiting(waiting) => return Ok(Piece::Waiting(waiting)),
                Next::End => return Ok(Piece::End),
            };
            let bytes = self.of(&part);
            if !bytes.is_empty() {
                return Ok(Piece::Bytes(bytes));
            }
        }
    }

    /// The next piece of a part; nothing where there is nothing to say of it.
    fn of(&mut self, part: &Part) -> Bytes {
        match &mut self.form {
            Form::Shared(shape, add) => {
                let wire = part.wire(*shape, *add);
                let end = wire.len().min(self.sent + PIECE);
                // Read again, a part may end earlier than before.
                let piece = wire.slice(self.sent.min(end)..end);
                self.sent = self.sent.max(end);
                if self.sent >= wire.len() {
                    self.sent -= wire.len();
                    self.follower.took(part.last());
                }
                piece
            }
            Form::Own(renderer, dress) => {
                let mut out = Vec::new();
                for event in part.events() {
                    let (mut next, mut text) = (renderer.clone(), String::new());
                    next.render(event, &mut text);
                    let wire = dress(text);
                    let rest = wire.get(self.sent..).unwrap_or_default();
                    let (now, later) = rest.split_at(rest.len().min(PIECE - out.len()));
                    out.extend_from_slice(now);
                    if !later.is_empty() {
                        self.sent += now.len();
                        break;
                    }
                    self.sent = 0;
                    *renderer = next;
                    self.follower.took(event.seq);
                }
                out.into()
            }
        }
    }
}

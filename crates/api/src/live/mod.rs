//! What is sent while it happens: server-sent events, WebSockets, logs that are followed.
//!
//! All of them take their events from one [`Hub`], and send them as fast as the client takes
//! them: what is not asked for is not read, so a client that is slow costs nothing but a
//! place.

pub(crate) mod message;
mod origin;
mod past;
mod pieces;
pub(crate) mod several;
pub(crate) mod socket;
pub(crate) mod together;

use std::convert::Infallible;
use std::time::Duration;

use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures::stream;
use slipway_follow::Hub;

pub use origin::Origins;
pub(crate) use past::Past;
pub(crate) use pieces::{Form, PIECE, Piece, Pieces};

/// Proxies hang up on a connection that is silent for as little as 15 seconds.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a follower waits while the store does not answer.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// The answer to HEAD where that to GET is a stream. It has no body, and says no length: 0 would
/// be another one than GET has.
pub(crate) fn head_of_stream(response: &mut HttpResponseBuilder) -> HttpResponse {
    response.streaming(stream::empty::<Result<Bytes, Infallible>>())
}

/// What following needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Live {
    pub(crate) hub: Hub,
    pub(crate) origins: Origins,
}

impl Live {
    /// Followers of what `hub` reads; pages of `origins` may open WebSockets besides the server's
    /// own.
    #[must_use]
    pub const fn new(hub: Hub, origins: Origins) -> Self {
        Self { hub, origins }
    }

    /// How many builds and projects are read at the moment because somebody waits for what they do.
    #[must_use]
    pub fn readers(&self) -> usize {
        self.hub.readers()
    }

    /// How many followers there are at the moment, those included who read what is over.
    #[must_use]
    pub fn followers(&self) -> usize {
        self.hub.followers()
    }
}

//! What happens in many builds as one stream, of a list of them or of a project: what there is to
//! say, as server-sent events and as frames of a WebSocket.

use std::convert::Infallible;
use std::sync::Arc;

use actix_http::ws::CloseCode;
use bytes::{Buf as _, Bytes};
use futures::{Stream, stream};
use serde::Serialize;
use serde_json::json;
use slipway_domain::{BuildId, Event};
use slipway_follow::ProjectFollower;
use slipway_store::StoreError;
use slipway_store::builds::Waiting;
use tokio_util::sync::CancellationToken;

use super::several::Several;
use super::socket::{Talk, Word};
use super::{HEARTBEAT, PAUSE, PIECE, message};
use crate::error::with_causes;

/// One client's place in many builds.
#[derive(Debug)]
pub(crate) enum Together {
    /// Those of a list, until all of them are over.
    Builds(Several),
    /// Those of a project. It has no end.
    Project {
        follower: ProjectFollower,
        /// Whether it was said where it begins.
        begun: bool,
    },
}

/// What there is to say.
#[derive(Debug)]
pub(crate) enum Said {
    /// Where a stream without an end begins.
    Begin,
    /// Something happened in a build.
    Event(BuildId, Event),
    /// Why a build waits.
    Waiting(BuildId, Arc<Waiting>),
    /// All of them are over.
    End,
}

impl Together {
    /// Where the client is: what it gives back to go on.
    fn place(&self) -> String {
        match self {
            Self::Builds(several) => several.place(),
            Self::Project { follower, .. } => follower.after().to_string(),
        }
    }

    /// What is next, as soon as there is anything. May be cancelled and called again.
    async fn next(&mut self) -> Result<Said, StoreError> {
        match self {
            Self::Builds(several) => several.next().await,
            Self::Project { follower, begun } => {
                if !std::mem::replace(begun, true) {
                    return Ok(Said::Begin);
                }
                let happened = follower.next().await?;
                Ok(Said::Event(happened.build, happened.event))
            }
        }
    }

    /// An event as JSON, with its build, and with its place where that cannot be known from
    /// its number.
    fn line(&self, build: BuildId, event: &Event) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            build: BuildId,
            #[serde(skip_serializing_if = "Option::is_none")]
            place: Option<String>,
            #[serde(flatten)]
            event: &'a Event,
        }
        let place = match self {
            Self::Builds(_) => None,
            Self::Project { .. } => Some(self.place()),
        };
        // Words, numbers and strings: this cannot fail to serialise.
        serde_json::to_string(&Line { build, place, event }).unwrap_or_default()
    }

    fn begin(&self) -> String {
        json!({"kind": "begin", "place": self.place()}).to_string()
    }
}

fn waiting(build: BuildId, waiting: &Waiting) -> serde_json::Value {
    let Waiting { reason, position, since } = waiting;
    json!({
        "build": build, "kind": "waiting", "reason": reason, "position": position, "since": since,
    })
}

/// Server-sent events.
pub(crate) struct Following {
    together: Together,
    stopping: CancellationToken,
    /// Of the message under way.
    rest: Bytes,
    ended: bool,
}

impl Following {
    pub(crate) fn new(together: Together, stopping: CancellationToken) -> Self {
        Self { together, stopping, rest: Bytes::from_static(message::GREETING), ended: false }
    }

    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut following| async move {
            if following.rest.is_empty() {
                if following.ended {
                    return None;
                }
                following.rest = following.next().await;
            }
            let piece = following.rest.len().min(PIECE);
            let bytes = following.rest.copy_to_bytes(piece);
            Some((Ok(bytes), following))
        })
    }

    async fn next(&mut self) -> Bytes {
        let said = tokio::select! {
            biased;
            () = self.stopping.cancelled() => return self.last_word("reconnect"),
            said = self.together.next() => said,
            () = tokio::time::sleep(HEARTBEAT) => return Bytes::from_static(message::STILL_HERE),
        };
        match said {
            Ok(Said::Begin) => self.message("begin", &self.together.begin()),
            Ok(Said::Event(build, event)) => {
                self.message(message::kind(&event.body), &self.together.line(build, &event))
            }
            Ok(Said::Waiting(build, why)) => message::aside("waiting", &waiting(build, &why)),
            Ok(Said::End) => self.last_word("end"),
            Err(error) => {
                stumble(&error).await;
                if error.is_passing() {
                    return Bytes::from_static(message::PLEASE_WAIT);
                }
                self.last_word("reconnect")
            }
        }
    }

    /// A message with the place that the client has with it.
    fn message(&self, kind: &str, data: &str) -> Bytes {
        format!("id: {}\nevent: {kind}\ndata: {data}\n\n", self.together.place()).into()
    }

    fn last_word(&mut self, event: &str) -> Bytes {
        self.ended = true;
        message::aside(event, &json!({"from": self.together.place()}))
    }
}

/// A store that is away for a moment is waited for.
async fn stumble(error: &StoreError) {
    tracing::warn!("a follower of several builds cannot go on: {}", with_causes(error));
    if error.is_passing() {
        tokio::time::sleep(PAUSE).await;
    }
}

/// Frames of a WebSocket.
pub(crate) struct Speaker {
    together: Together,
    stopping: CancellationToken,
}

impl Speaker {
    pub(crate) fn new(together: Together, stopping: CancellationToken) -> Self {
        Self { together, stopping }
    }
}

impl Talk for Speaker {
    fn whole(&self) -> bool {
        true
    }

    async fn next(&mut self) -> Word {
        loop {
            let said = tokio::select! {
                biased;
                () = self.stopping.cancelled() => {
                    return Word::Close(CloseCode::Away, "this server is stopping".into());
                }
                said = self.together.next() => said,
            };
            return match said {
                Ok(Said::Begin) => Word::Text(self.together.begin()),
                Ok(Said::Event(build, event)) => Word::Text(self.together.line(build, &event)),
                Ok(Said::Waiting(build, why)) => Word::Text(waiting(build, &why).to_string()),
                Ok(Said::End) => Word::Close(CloseCode::Normal, "the builds are over".into()),
                Err(error) => {
                    stumble(&error).await;
                    if error.is_passing() {
                        continue;
                    }
                    Word::Close(CloseCode::Error, "come back with from".into())
                }
            };
        }
    }
}

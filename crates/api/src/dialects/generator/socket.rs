//! `GET /b1/build/log/ws/{id}`: all of the log over a WebSocket, to its end.
//!
//! The client says nothing and needs no name for what it speaks. Pages of those origins may
//! follow that may call the older services' APIs: all, unless a setting says otherwise.

use actix_http::ws::CloseCode;
use actix_web::{HttpRequest, HttpResponse, web};
use slipway_domain::BuildState;
use slipway_follow::{Format, Renderer};
use slipway_store::StoreError;
use slipway_store::builds::Build;
use tokio_util::sync::CancellationToken;

use super::chunks;
use super::envelope::Refusal;
use super::named;
use super::polling::BYE;
use crate::Api;
use crate::error::with_causes;
use crate::live::socket::{Talk, Upgrade, Word, text_frame};
use crate::live::{Form, PAUSE, Piece, Pieces};

/// Of a job in line. Spelled so.
const WAITING: &str = "waitting build ...";
const INVALID_ID: &str = "invalid id ...";

/// Shakes hands, and goes on as long as there is something to say.
pub(crate) async fn follow(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Refusal> {
    let upgrade = Upgrade::check_of_old(&req, &api.dialects.origins)?;
    let build = named(&req, &api).await?;
    Ok(upgrade.open(payload, Telling::of(&api, build.as_ref()).await?))
}

/// A chunk is a frame.
fn frames(text: String) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    chunks::cut(&text).for_each(|chunk| text_frame(chunk.as_bytes(), &mut out));
    out
}

/// One client's place in one build.
struct Telling {
    /// Said before all else.
    greeting: Option<&'static str>,
    /// None where all is said, or there is nothing to say.
    pieces: Option<Pieces>,
    stopping: CancellationToken,
}

impl Telling {
    async fn of(api: &Api, build: Option<&Build>) -> Result<Self, StoreError> {
        let greeting = match build {
            None => Some(INVALID_ID),
            Some(build) => (build.state == BuildState::Queued).then_some(WAITING),
        };
        let pieces = match build {
            None => None,
            Some(build) => {
                let mut follower = api.live.hub.follow(build, 0);
                follower.begin().await?;
                let form = Form::Own(Renderer::new(Format::DockerJson), frames);
                Some(Pieces::new(follower, form))
            }
        };
        Ok(Self { greeting, pieces, stopping: api.stopping.clone() })
    }
}

impl Talk for Telling {
    const INDULGENT: bool = true;

    fn whole(&self) -> bool {
        self.greeting.is_none() && self.pieces.as_ref().is_none_or(Pieces::whole)
    }

    async fn next(&mut self) -> Word {
        if let Some(greeting) = self.greeting.take() {
            return Word::Text(greeting.to_owned());
        }
        let Some(pieces) = &mut self.pieces else {
            return Word::Close(CloseCode::Normal, String::new());
        };
        loop {
            let between = pieces.whole();
            let piece = tokio::select! {
                biased;
                () = self.stopping.cancelled(), if between => {
                    return Word::Close(CloseCode::Away, "this server is stopping".into());
                }
                piece = pieces.next() => piece,
            };
            match piece {
                Ok(Piece::Bytes(bytes)) => return Word::Frames(bytes),
                // Why it waits, these clients have no words for.
                Ok(Piece::Waiting(_)) => {}
                Ok(Piece::End) => {
                    self.pieces = None;
                    return Word::Text(BYE.to_owned());
                }
                Err(error) => {
                    tracing::warn!("a follower cannot go on: {}", with_causes(&error));
                    if !error.is_passing() {
                        return Word::Close(CloseCode::Error, "come back later".into());
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

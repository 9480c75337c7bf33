//! `GET /api/v2/builds/{id}/ws`: what happens in a build, over a WebSocket.
//!
//! The same events as over server-sent events, from the same numbers on: a follower may
//! change between the two.

use actix_http::ws::CloseCode;
use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::ErrorView;
use slipway_domain::Event;
use slipway_follow::Shape;
use tokio_util::sync::CancellationToken;

use super::{path, view};
use crate::Api;
use crate::error::{Error, with_causes};
use crate::live::socket::{Talk, Upgrade, Word, text_frame};
use crate::live::{Form, PAUSE, Piece, Pieces, message};
use crate::params::Params;

/// Follow a build over a WebSocket
///
/// Every event since the number given, then each as it happens: a text frame for each, the
/// same JSON as server-sent events have. A frame without `seq` is no event: `{"kind":
/// "waiting", …}` says why the build waits. After the last event the server closes with 1000.
/// 1001 means that this server is about to stop, and 1011 that it cannot go on: come back
/// with `from`, the `seq` of the last event you have. The client has nothing to say; its pings
/// are answered, and it is pinged every ten seconds. Pages of other origins are refused, unless
/// the server's settings allow them.
#[utoipa::path(
    get, path = "/api/v2/builds/{id}/ws", tag = "builds", operation_id = "follow_build_ws",
    params(
        ("id" = Uuid, Path, description = "The build's id"),
        ("from" = Option<i64>, Query, minimum = 0,
            description = "The number of the last event you have; what comes after it is sent"),
    ),
    responses(
        (status = 101, description = "The WebSocket"),
        (status = 400, description = "A parameter or the handshake is wrong", body = ErrorView),
        (status = 403, description = "The page is of another origin", body = ErrorView),
        (status = 404, description = "There is no such build", body = ErrorView),
        (status = 410, description = "Its log was moved to the server's blob store and is not \
            there any more (`log_missing`), or is damaged there (`log_damaged`)", body = ErrorView),
        (status = 426, description = "The request asks for no WebSocket", body = ErrorView),
        (status = 503, description = "Its log is in the server's blob store, which does not \
            give it now", body = ErrorView),
    )
)]
pub(crate) async fn follow(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Error> {
    let upgrade = Upgrade::check(&req, &api.live.origins)?;
    let after = Params::read(&req, &["from"])?.seq("from")?.unwrap_or(0);
    let build = path::build_to_follow(&req, &api).await?;
    // A number from another life of the database must not hide what happens from now on.
    let mut follower = api.live.hub.follow(&build, after.min(build.last_seq));
    follower.begin().await?;
    let pieces = Pieces::new(follower, Form::Shared(Shape::Frames, frame));
    Ok(upgrade.open(payload, Following { pieces, stopping: api.stopping.clone() }))
}

fn frame(event: &Event, out: &mut Vec<u8>) {
    let mut json = Vec::new();
    message::json(event, &mut json);
    text_frame(&json, out);
}

/// One client's place in one build.
struct Following {
    pieces: Pieces,
    stopping: CancellationToken,
}

impl Talk for Following {
    fn whole(&self) -> bool {
        self.pieces.whole()
    }

    async fn next(&mut self) -> Word {
        loop {
            let between = self.pieces.whole();
            let piece = tokio::select! {
                biased;
                () = self.stopping.cancelled(), if between => {
                    let last = self.pieces.last();
                    let why = format!("this server is stopping; go on with from={last}");
                    return Word::Close(CloseCode::Away, why);
                }
                piece = self.pieces.next() => piece,
            };
            return match piece {
                Ok(Piece::Bytes(bytes)) => Word::Frames(bytes),
                Ok(Piece::Waiting(waiting)) => Word::Text(view::waiting_frame(&waiting)),
                Ok(Piece::End) => Word::Close(CloseCode::Normal, "the build is over".into()),
                Err(error) => {
                    tracing::warn!("a follower cannot go on: {}", with_causes(&error));
                    if error.is_passing() {
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                    let last = self.pieces.last();
                    Word::Close(CloseCode::Error, format!("come back with from={last}"))
                }
            };
        }
    }
}

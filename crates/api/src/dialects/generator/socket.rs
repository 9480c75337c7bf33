//! `GET /b1/build/log/ws/{id}`: all of the log over a WebSocket, to its end.
//!
//! The client says nothing and needs no name for what it speaks. It is asked for a sign of
//! life all the same, so that one that is gone is noticed, and one that takes nothing is left.
//! Whoever knows the id may follow, from whatever page: ids cannot be guessed.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{CloseCode, Closed, Message, MessageStream, Session};
use slipway_domain::BuildState;
use slipway_follow::Tail;
use slipway_store::builds::Build;
use tokio::time::{sleep, timeout};

use super::chunks::Chunks;
use super::envelope::Refusal;
use super::named;
use super::polling::BYE;
use crate::Api;
use crate::error::{Error, with_causes};

/// Proxies hang up on a connection that is silent for as little as 15 seconds.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a client may take nothing of what it is sent.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a follower waits while the store does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Of a job in line. Spelled so.
const WAITING: &str = "waitting build ...";
const INVALID_ID: &str = "invalid id ...";

/// Shakes hands, and goes on beside the request.
pub(crate) async fn follow(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Refusal> {
    let build = named(&req, &api).await?;
    let (response, session, messages) = actix_ws::handle(&req, payload).map_err(|error| {
        Error::Malformed { form: "WebSocket handshake", problem: error.to_string() }
    })?;
    let speaker = Speaker { session: session.clone(), api: api.get_ref().clone() };
    actix_web::rt::spawn(attend(speaker, build, session, messages));
    Ok(response)
}

/// Speaks until everything is said or the client has ended it.
async fn attend(speaker: Speaker, build: Option<Build>, session: Session, messages: MessageStream) {
    let code = tokio::select! {
        said = speaker.speak(build) => match said {
            Ok(code) => code,
            // Nobody is there to be told.
            Err(Closed) => return,
        },
        code = heed(session.clone(), messages) => code,
    };
    // Where the client takes nothing, not even this.
    let _ = timeout(PATIENCE, session.close(Some(code.into()))).await;
}

/// Listens to the client until it ends the conversation or breaks its rules.
async fn heed(mut session: Session, mut messages: MessageStream) -> CloseCode {
    while let Some(message) = messages.recv().await {
        match message {
            Ok(Message::Ping(bytes)) => {
                if session.pong(&bytes).await.is_err() {
                    break;
                }
            }
            Ok(Message::Close(_)) => break,
            // Nothing that it may say means anything here.
            Ok(
                Message::Text(_)
                | Message::Binary(_)
                | Message::Continuation(_)
                | Message::Pong(_)
                | Message::Nop,
            ) => {}
            Err(_) => return CloseCode::Protocol,
        }
    }
    CloseCode::Normal
}

/// Tells one client.
struct Speaker {
    session: Session,
    api: Api,
}

impl Speaker {
    async fn speak(mut self, build: Option<Build>) -> Result<CloseCode, Closed> {
        let Some(build) = build else {
            self.say(INVALID_ID.to_owned()).await?;
            return Ok(CloseCode::Normal);
        };
        if build.state == BuildState::Queued {
            self.say(WAITING.to_owned()).await?;
        }
        let mut chunks = Chunks::default();
        let mut tail = Tail::new(&self.api.store, &self.api.queue, build.id, 0);
        let stopping = self.api.stopping.clone();
        loop {
            let batch = tokio::select! {
                batch = tail.next() => batch,
                () = stopping.cancelled() => return Ok(CloseCode::Away),
                () = sleep(HEARTBEAT) => {
                    in_time(self.session.ping(b"")).await?;
                    continue;
                }
            };
            match batch {
                Ok(Some(batch)) => {
                    for chunk in batch.iter().flat_map(|event| chunks.of(event)) {
                        self.say(chunk).await?;
                    }
                }
                Ok(None) => {
                    self.say(BYE.to_owned()).await?;
                    return Ok(CloseCode::Normal);
                }
                Err(error) => {
                    tracing::warn!("a follower cannot go on: {}", with_causes(&error));
                    if !error.is_passing() {
                        return Ok(CloseCode::Error);
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn say(&mut self, text: String) -> Result<(), Closed> {
        in_time(self.session.text(text)).await
    }
}

async fn in_time(sent: impl Future<Output = Result<(), Closed>>) -> Result<(), Closed> {
    timeout(PATIENCE, sent).await.unwrap_or(Err(Closed))
}

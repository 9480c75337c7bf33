//! WebSockets (RFC 6455), as far as followers need them.
//!
//! The protocol's words are `actix-http`'s. Its usual companion, `actix-ws`, has a queue for
//! what is to be sent and one for what came, each as long as a client likes; here nothing is
//! made before the connection takes it, and nothing is read before it is looked at. So a
//! client that never reads, or never stops talking, holds up itself alone.

use std::time::Duration;

use actix_http::body::{BodyStream, MessageBody as _};
use actix_http::ws::{
    self, CloseCode, CloseReason, Codec, Frame, HandshakeError, Item, Message, OpCode, Parser,
    ProtocolError,
};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _, stream};
use tokio::time::Instant;
use tokio_util::codec::{Decoder as _, Encoder as _};

use super::{HEARTBEAT, Origins};
use crate::error::Error;

/// Nobody has much to say to us.
const LARGEST_FRAME: usize = 4 * 1024;
/// What clients of older services could send, who were never told what not to.
const LARGEST_FRAME_OF_OLD: usize = 64 * 1024;
/// Two bytes, eight of length, four of mask.
const LARGEST_HEAD: usize = 14;
/// How long the other side may take to say goodbye as well. To hang up at once could take
/// from it what it has not read yet.
const GOODBYE: Duration = Duration::from_secs(2);

/// Who speaks to the client.
pub(crate) trait Talk {
    /// Whether the client may send what it likes, large and binary frames too. In either case
    /// nobody listens.
    const INDULGENT: bool = false;

    /// Whether what was said so far is whole frames, so that something else may be said.
    fn whole(&self) -> bool;

    /// What is said next, as soon as there is anything. May be cancelled and called again.
    fn next(&mut self) -> impl Future<Output = Word>;
}

/// What is said.
#[derive(Debug)]
pub(crate) enum Word {
    /// Bytes of frames that are made already.
    Frames(Bytes),
    /// A text frame.
    Text(String),
    /// The end, and why.
    Close(CloseCode, String),
}

/// A request that may become a WebSocket. It becomes the answer at the end only: one that is
/// begun takes three kilobytes, and what it is about is still to be looked up.
pub(crate) struct Upgrade(HttpRequest);

impl Upgrade {
    /// Checks that a request asks for a WebSocket, and that its page may.
    pub(crate) fn check(req: &HttpRequest, origins: &Origins) -> Result<Self, Error> {
        Self::of_pages(req, origins, "http.allowed_origins")
    }

    /// The same in an older service's API, where other pages may.
    pub(crate) fn check_of_old(req: &HttpRequest, origins: &Origins) -> Result<Self, Error> {
        Self::of_pages(req, origins, "http.cors_origins")
    }

    fn of_pages(
        req: &HttpRequest,
        origins: &Origins,
        setting: &'static str,
    ) -> Result<Self, Error> {
        let upgrade = Self::of(req)?;
        origins.check(req).map_err(|origin| Error::Origin { origin, setting })?;
        Ok(upgrade)
    }

    fn of(req: &HttpRequest) -> Result<Self, Error> {
        match ws::verify_handshake(req.head()) {
            Ok(()) => Ok(Self(req.clone())),
            Err(
                HandshakeError::GetMethodRequired
                | HandshakeError::NoWebsocketUpgrade
                | HandshakeError::NoConnectionUpgrade
                | HandshakeError::NoVersionHeader
                | HandshakeError::UnsupportedVersion,
            ) => Err(Error::NoWebSocket),
            Err(HandshakeError::BadWebsocketKey) => Err(Error::WebSocketKey),
        }
    }

    /// Answers with the WebSocket.
    pub(crate) fn open<T: Talk + 'static>(self, payload: web::Payload, talk: T) -> HttpResponse {
        let largest = if T::INDULGENT { LARGEST_FRAME_OF_OLD } else { LARGEST_FRAME };
        let codec = Codec::new().max_size(largest);
        let incoming = Incoming { payload, codec, largest, buffer: BytesMut::new() };
        let next_ping = Instant::now() + HEARTBEAT;
        let socket = Socket { talk, incoming, next_ping, state: State::Open };
        let body = BodyStream::new(socket.into_stream()).boxed();
        match ws::handshake_response(self.0.head()).message_body(body) {
            Ok(response) => response.into(),
            Err(error) => HttpResponse::from_error(error),
        }
    }
}

/// Adds a text frame.
pub(crate) fn text_frame(text: &[u8], out: &mut Vec<u8>) {
    let mut frame = BytesMut::with_capacity(text.len() + 10);
    Parser::write_message(&mut frame, text, OpCode::Text, true, false);
    out.extend_from_slice(&frame);
}

struct Socket<T> {
    talk: T,
    incoming: Incoming,
    next_ping: Instant,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// We have said goodbye.
    Closing,
    /// So has the other side.
    Over,
    /// And both have heard it.
    Done,
}

/// The end of a connection whose both sides have said goodbye. The library would keep it open for
/// as long as it waits for clients to hang up, and clients wait for us: it is the server that
/// hangs up (RFC 6455, 7.1.1). The end of a body does not say so to the library, an error does.
#[derive(Debug, thiserror::Error)]
#[error("both sides have said goodbye")]
struct SaidGoodbye;

/// What the other side says.
struct Incoming {
    payload: web::Payload,
    codec: Codec,
    /// Of frames, in bytes.
    largest: usize,
    buffer: BytesMut,
}

impl<T: Talk> Socket<T> {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, SaidGoodbye>> {
        stream::unfold(Some(self), |socket| async move {
            let mut socket = socket?;
            match socket.next().await {
                Some(bytes) => Some((Ok(bytes), Some(socket))),
                None if socket.state == State::Done => {
                    // What was said last is sent before.
                    tokio::task::yield_now().await;
                    Some((Err(SaidGoodbye), None))
                }
                None => None,
            }
        })
    }

    /// What is to be sent next.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.state {
                State::Open => {}
                State::Closing => {
                    let goodbye = tokio::time::timeout(GOODBYE, self.incoming.goodbye()).await;
                    if goodbye.is_ok_and(|said| said) {
                        self.state = State::Done;
                    }
                    return None;
                }
                State::Over => {
                    self.state = State::Done;
                    return None;
                }
                State::Done => return None,
            }
            // In the middle of a frame there is nothing but the rest of it.
            let word = if self.talk.whole() {
                tokio::select! {
                    frame = self.incoming.next() => match self.heard(frame) {
                        Some(answer) => return Some(answer),
                        None => continue,
                    },
                    word = self.talk.next() => word,
                    () = tokio::time::sleep_until(self.next_ping) => {
                        self.next_ping = Instant::now() + HEARTBEAT;
                        return Some(framed(Message::Ping(Bytes::new())));
                    }
                }
            } else {
                self.talk.next().await
            };
            return Some(match word {
                Word::Frames(bytes) => bytes,
                Word::Text(text) => framed(Message::Text(text.into())),
                Word::Close(code, why) => self.close(code, &why),
            });
        }
    }

    /// What is to be answered to a frame, if anything is.
    fn heard(&mut self, frame: Result<Option<Frame>, ProtocolError>) -> Option<Bytes> {
        match frame {
            Ok(Some(Frame::Ping(payload))) => Some(framed(Message::Pong(payload))),
            Ok(Some(Frame::Pong(_) | Frame::Continuation(Item::Continue(_) | Item::Last(_)))) => {
                None
            }
            Ok(Some(Frame::Text(_) | Frame::Binary(_) | Frame::Continuation(_)))
                if T::INDULGENT =>
            {
                None
            }
            Ok(Some(Frame::Text(text) | Frame::Continuation(Item::FirstText(text)))) => {
                // Some clients send something now and then to keep the connection.
                match std::str::from_utf8(&text) {
                    Ok(_) => None,
                    Err(_) => Some(self.close(CloseCode::Invalid, "a text frame is no UTF-8")),
                }
            }
            Ok(Some(Frame::Binary(_) | Frame::Continuation(Item::FirstBinary(_)))) => {
                Some(self.close(CloseCode::Unsupported, "binary frames are not understood"))
            }
            Ok(Some(Frame::Close(reason))) => {
                self.state = State::Over;
                let code = reason.map_or(CloseCode::Normal, |reason| reason.code);
                Some(framed(Message::Close(Some(code.into()))))
            }
            // It hung up without a word.
            Ok(None) => {
                self.state = State::Over;
                None
            }
            Err(ProtocolError::Overflow) => {
                let why = format!("a frame is larger than {} bytes", self.incoming.largest);
                Some(self.close(CloseCode::Size, &why))
            }
            Err(error) => Some(self.close(CloseCode::Protocol, &error.to_string())),
        }
    }

    fn close(&mut self, code: CloseCode, why: &str) -> Bytes {
        self.state = State::Closing;
        let description = Some(why.to_owned());
        framed(Message::Close(Some(CloseReason { code, description })))
    }
}

impl Incoming {
    /// The next frame; `None` when the client hung up. May be cancelled and called again.
    async fn next(&mut self) -> Result<Option<Frame>, ProtocolError> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            // The library waits for the whole of a frame before it finds it too large.
            if self.buffer.len() > self.largest + LARGEST_HEAD {
                return Err(ProtocolError::Overflow);
            }
            match self.payload.next().await {
                Some(Ok(bytes)) => self.buffer.extend_from_slice(&bytes),
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }

    /// Whether it says goodbye before it hangs up. What else it says now is of no interest.
    async fn goodbye(&mut self) -> bool {
        loop {
            match self.next().await {
                Ok(Some(Frame::Close(_))) => return true,
                Ok(Some(_)) => {}
                Ok(None) => return false,
                // What comes after that is no WebSocket.
                Err(_) => {
                    while let Some(Ok(_)) = self.payload.next().await {}
                    return false;
                }
            }
        }
    }
}

/// A frame of ours. Those that are made here are small and well-formed.
fn framed(message: Message) -> Bytes {
    let mut out = BytesMut::new();
    // Only continuations that do not fit together are refused.
    let _ = Codec::new().encode(message, &mut out);
    out.freeze()
}

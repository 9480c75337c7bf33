//! A small HTTP server that answers what it is told to, byte for byte, and remembers what
//! it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipway_outbound::{
    AddressPolicy, FetchError, Fetched, Fetcher, Guard, Limits, Request, SecretHeader,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

/// What a server does about a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends these bytes, and then one by one more, with a rest after each.
    Drip(String, Duration),
    /// Sends these bytes, and then as many as anybody takes.
    Endless(String),
    /// Sends these bytes, and then nothing.
    Silence(String),
}

/// 200 with this body.
pub(crate) fn ok(body: &str) -> Answer {
    text(&format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

/// A status without a body.
pub(crate) fn status(code: u16) -> Answer {
    text(&format!("HTTP/1.1 {code} X\r\ncontent-length: 0\r\n\r\n"))
}

/// A redirect to there.
pub(crate) fn redirect(to: &str) -> Answer {
    text(&format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"))
}

pub(crate) fn text(answer: &str) -> Answer {
    Answer::Bytes(answer.as_bytes().to_vec())
}

/// A server, until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Answers by the path that is asked for.
    pub(crate) async fn start(answer: impl Fn(&str) -> Answer + Send + 'static) -> Self {
        Self::start_at("127.0.0.1:0", answer).await
    }

    pub(crate) async fn start_at(
        address: &str,
        answer: impl Fn(&str) -> Answer + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let mut socket = socket;
                let Some(head) = head(&mut socket).await else { continue };
                let answer = answer(path(&head));
                heard.lock().unwrap().push(head);
                tokio::spawn(async move { speak(&mut socket, answer).await });
            }
        });
        Self { address, asked, accepting }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }

    /// The heads of all requests, in lowercase.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

/// Reads the head of a request; nothing if there is none.
pub(crate) async fn head(socket: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&head).to_lowercase())
}

/// Answers until all is said or nobody listens.
pub(crate) async fn speak(socket: &mut (impl AsyncWrite + Unpin), answer: Answer) {
    match answer {
        Answer::Bytes(bytes) => {
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
        }
        Answer::Drip(begin, rest) => {
            let mut sent = socket.write_all(begin.as_bytes()).await;
            while sent.is_ok() {
                tokio::time::sleep(rest).await;
                sent = socket.write_all(b"x").await;
            }
        }
        Answer::Endless(begin) => {
            let mut sent = socket.write_all(begin.as_bytes()).await;
            let piece = vec![b'x'; 64 * 1024];
            while sent.is_ok() {
                sent = socket.write_all(&piece).await;
            }
        }
        Answer::Silence(begin) => {
            let _ = socket.write_all(begin.as_bytes()).await;
            std::future::pending().await
        }
    }
}

/// A client that may reach this machine, and public addresses.
pub(crate) fn local_fetcher() -> Fetcher {
    fetcher(AddressPolicy::public_only().allow_loopback(true))
}

pub(crate) fn fetcher(policy: AddressPolicy) -> Fetcher {
    Fetcher::new(Guard::new(policy), b"").unwrap()
}

/// Generous enough for a slow machine.
pub(crate) fn limits() -> Limits {
    Limits {
        total: Duration::from_secs(30),
        idle: Duration::from_secs(20),
        ..Limits::bytes(1 << 20)
    }
}

pub(crate) fn request(url: Url) -> Request {
    Request { url, login: None, headers: Vec::new(), limits: limits() }
}

pub(crate) fn secret_header(name: &str, value: &str) -> SecretHeader {
    SecretHeader::new(name, &value.to_owned().into()).unwrap()
}

/// Reads to the end.
pub(crate) async fn read(fetched: Fetched) -> Result<Vec<u8>, FetchError> {
    let mut body = fetched.body;
    let mut all = Vec::new();
    while let Some(bytes) = body.chunk().await? {
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

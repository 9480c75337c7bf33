//! A web server on loopback that answers what it is told to, and remembers what it was asked.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What is kept of the body of a request.
const KEPT_BYTES: u64 = 64 * 1024;

/// A server, until it is dropped.
#[derive(Debug)]
pub struct Web {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

/// An answer, as the bytes that are sent before the connection is closed.
#[derive(Debug, Clone)]
pub struct Answer {
    bytes: Vec<u8>,
    /// Whether the connection is closed after all.
    is_open: bool,
    /// So many bytes, and then nothing for so long.
    pause: Option<(usize, Duration)>,
}

impl Answer {
    /// A status with this body.
    #[must_use]
    pub fn new(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self::with(status, "", body)
    }

    /// The same with further headers, each with its line's end.
    #[must_use]
    pub fn with(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head =
            format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
        Self { bytes: [head.as_bytes(), body].concat(), is_open: false, pause: None }
    }

    /// A redirect.
    #[must_use]
    pub fn redirect(to: &str) -> Self {
        Self::with(302, &format!("location: {to}\r\n"), "")
    }

    /// The same, cut off after so many bytes.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.bytes.truncate(bytes);
        self
    }

    /// The same, with nothing for a while after so many bytes.
    #[must_use]
    pub const fn pausing_after(mut self, bytes: usize, pause: Duration) -> Self {
        self.pause = Some((bytes, pause));
        self
    }

    /// The same, and then nothing: the connection stays open for as long as anybody waits.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.is_open = true;
        self
    }
}

impl Web {
    /// Serves `answer`, which is given the head of each request.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(
        answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (told, answer) = (Arc::clone(&asked), Arc::new(answer));
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (told, answer) = (Arc::clone(&told), Arc::clone(&answer));
                tokio::spawn(async move {
                    // Whoever hangs up early is not our concern.
                    let _ = serve(connection, &told, &*answer).await;
                });
            }
        });
        Ok(Self { address, asked, serving })
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far: the head of each, and the first 64 KiB of its body.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(
    mut connection: TcpStream,
    asked: &Mutex<Vec<String>>,
    answer: &(impl Fn(&str) -> Answer + ?Sized),
) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = connection.read_u8().await?;
        // Whoever tries TLS first hears that it is not spoken here.
        if head.is_empty() && byte == 0x16 {
            return Ok(());
        }
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let Answer { bytes, is_open, pause } = answer(&head);
    let body = take_body(&mut connection, &head).await?;
    let request = head + &String::from_utf8_lossy(&body);
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let (first, wait) = pause.unwrap_or_default();
    let (first, rest) = bytes.split_at(first.min(bytes.len()));
    connection.write_all(first).await?;
    tokio::time::sleep(wait).await;
    connection.write_all(rest).await?;
    if is_open {
        connection.read_u8().await?;
    }
    connection.shutdown().await
}

/// Whoever sends something is not heard to the end by a server that hangs up before. What comes
/// first is kept, and the rest of a large body passes by.
async fn take_body(connection: &mut TcpStream, head: &str) -> io::Result<Vec<u8>> {
    let head = head.to_lowercase();
    let length = head.split_once("\ncontent-length: ").and_then(|(_, rest)| rest.lines().next());
    let length = length.and_then(|digits| digits.trim().parse().ok()).unwrap_or(0);
    let mut coming = connection.take(length);
    let mut kept = Vec::new();
    (&mut coming).take(KEPT_BYTES).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut coming, &mut tokio::io::sink()).await?;
    Ok(kept)
}

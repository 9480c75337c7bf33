//! A receiver of webhooks and log streams on loopback: it remembers what comes as it comes, and
//! answers as it is told to.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How long requests are waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// A request, as far as it came.
#[derive(Debug, Clone)]
pub struct Got {
    /// When it began.
    pub at: Instant,
    /// The request's line and its headers.
    pub head: String,
    /// What came of the body so far.
    pub body: String,
    /// Whether all of the body came.
    pub is_whole: bool,
}

impl Got {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What is done with a request.
#[derive(Debug, Clone)]
pub enum Doing {
    /// The bytes of an answer.
    Answer(String),
    /// An answer of so many bytes.
    Endless(u64),
    /// No answer at all.
    Nothing,
    /// Nothing is read beyond the head.
    DeafTo,
    /// The connection is closed after so many bytes of the body.
    HangUp(usize),
}

/// An answer with this status.
#[must_use]
pub fn status(status: u16) -> Doing {
    with(status, "")
}

/// The same with further headers, each with its line's end.
#[must_use]
pub fn with(status: u16, headers: &str) -> Doing {
    Doing::Answer(format!("HTTP/1.1 {status} X\r\n{headers}content-length: 2\r\n\r\nok"))
}

/// A receiver, until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// Does with each request what `doing` says of its number, from 0.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(doing: impl Fn(usize) -> Doing + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let got = Arc::new(Mutex::new(Vec::new()));
        let (told, number) = (Arc::clone(&got), AtomicUsize::new(0));
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (told, doing) =
                    (Arc::clone(&told), doing(number.fetch_add(1, Ordering::Relaxed)));
                tokio::spawn(async move {
                    // Whoever hangs up has said what it has said.
                    let _ = serve(connection, &told, doing).await;
                });
            }
        });
        Ok(Self { address, got, serving })
    }

    /// Where it is, on loopback.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of a path here.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far, as far as they came.
    #[must_use]
    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for so many requests.
    ///
    /// # Errors
    /// When they do not come; it says which did.
    pub async fn wait_for(&self, count: usize) -> io::Result<Vec<Got>> {
        self.until(|got| got.len() >= count).await
    }

    /// Waits for something to be so of the requests.
    ///
    /// # Errors
    /// When it does not come to that; it says which came.
    pub async fn until(&self, good: impl Fn(&[Got]) -> bool) -> io::Result<Vec<Got>> {
        let began = Instant::now();
        loop {
            let got = self.got();
            if good(&got) {
                return Ok(got);
            }
            if began.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("{} came: {got:#?}", got.len())));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(connection: TcpStream, got: &Mutex<Vec<Got>>, doing: Doing) -> io::Result<()> {
    let at = Instant::now();
    let mut connection = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if connection.read_line(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let place = {
        let mut got = got.lock().unwrap_or_else(PoisonError::into_inner);
        got.push(Got { at, head: head.clone(), body: String::new(), is_whole: false });
        got.len() - 1
    };
    if matches!(doing, Doing::DeafTo) {
        return std::future::pending().await;
    }
    let note = |change: &dyn Fn(&mut Got)| {
        let mut got = got.lock().unwrap_or_else(PoisonError::into_inner);
        got.get_mut(place).map_or(0, |got| {
            change(got);
            got.body.len()
        })
    };
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    match length.and_then(|digits| digits.trim().parse().ok()) {
        Some(length) => {
            let mut body = vec![0; length];
            connection.read_exact(&mut body).await?;
            note(&|got| got.body.push_str(&String::from_utf8_lossy(&body)));
        }
        None => {
            while let Some(piece) = chunk(&mut connection).await? {
                let so_far = note(&|got| got.body.push_str(&String::from_utf8_lossy(&piece)));
                if matches!(doing, Doing::HangUp(after) if so_far >= after) {
                    return Ok(());
                }
            }
        }
    }
    note(&|got| got.is_whole = true);
    match doing {
        Doing::Answer(answer) => {
            connection.write_all(answer.as_bytes()).await?;
            connection.shutdown().await
        }
        Doing::Endless(bytes) => {
            let head = format!("HTTP/1.1 500 X\r\ncontent-length: {bytes}\r\n\r\n");
            connection.write_all(head.as_bytes()).await?;
            let piece = vec![b'x'; 64 * 1024];
            loop {
                connection.write_all(&piece).await?;
            }
        }
        Doing::Nothing | Doing::DeafTo => std::future::pending().await,
        Doing::HangUp(_) => Ok(()),
    }
}

/// The next piece of a body that comes in chunks; `None` after the last.
async fn chunk(connection: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut size = String::new();
    if connection.read_line(&mut size).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
    let mut chunk = vec![0; size + 2];
    connection.read_exact(&mut chunk).await?;
    chunk.truncate(size);
    Ok((size > 0).then_some(chunk))
}

//! A receiver of webhooks on loopback that does as little as one can: it takes a body, and
//! answers 204.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::error::Error;

/// How long one message may be behind the one before.
const PATIENCE: Duration = Duration::from_secs(30);

/// Receives until it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// Where it is.
    pub(crate) url: String,
    came: Mutex<mpsc::UnboundedReceiver<(Instant, Bytes)>>,
    serving: JoinHandle<()>,
}

/// What came.
#[derive(Debug)]
pub(crate) struct Taken {
    /// From the first to the last.
    pub(crate) took: Duration,
    /// In the order in which they came.
    pub(crate) bodies: Vec<Bytes>,
}

impl Receiver {
    pub(crate) async fn start() -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let (sender, came) = mpsc::unbounded_channel();
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move {
                    // Whoever hangs up has said all.
                    let _ = serve(connection, &sender).await;
                });
            }
        });
        Ok(Self { url, came: Mutex::new(came), serving })
    }

    /// Waits for the next so many.
    pub(crate) async fn take(&self, count: usize) -> Result<Taken, Error> {
        let mut came = self.came.lock().await;
        let (mut bodies, mut times) = (Vec::with_capacity(count), None);
        while bodies.len() < count {
            let next = timeout(PATIENCE, came.recv()).await.ok().flatten();
            let (at, body) = next.ok_or_else(|| {
                Error::Unexpected(format!("{} of {count} webhooks came", bodies.len()))
            })?;
            let (first, _) = times.unwrap_or((at, at));
            times = Some((first, at));
            bodies.push(body);
        }
        let took = times.map(|(first, last)| last - first).unwrap_or_default();
        Ok(Taken { took, bodies })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(
    connection: TcpStream,
    sender: &mpsc::UnboundedSender<(Instant, Bytes)>,
) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut connection = BufReader::new(connection);
    loop {
        let (mut length, mut line) = (0, String::new());
        while line != "\r\n" {
            line.clear();
            if connection.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let value = line.to_ascii_lowercase();
            if let Some(value) = value.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        connection.read_exact(&mut body).await?;
        let _ = sender.send((Instant::now(), body.into()));
        connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
    }
}

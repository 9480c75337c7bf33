//! A context to be fetched: served once over HTTP on loopback, made while it is read.

use futures::StreamExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::context;
use crate::error::Error;

/// Serves until it is dropped.
#[derive(Debug)]
pub(crate) struct FileServer {
    pub(crate) url: String,
    serving: JoinHandle<()>,
}

impl FileServer {
    /// A tar with this Dockerfile and `mib` MiB of noise, whoever asks.
    pub(crate) async fn start(dockerfile: String, mib: usize) -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/context.tar", listener.local_addr()?);
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                if let Err(error) = answer(connection, &dockerfile, mib).await {
                    eprintln!("the context was not fetched to its end: {error}");
                }
            }
        });
        Ok(Self { url, serving })
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(mut connection: TcpStream, dockerfile: &str, mib: usize) -> std::io::Result<()> {
    let (read, mut write) = connection.split();
    let mut lines = BufReader::new(read).lines();
    while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
    write.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
    let mut pieces = context::with_noise(dockerfile, mib);
    while let Some(piece) = pieces.next().await {
        write.write_all(&piece?).await?;
    }
    write.shutdown().await
}

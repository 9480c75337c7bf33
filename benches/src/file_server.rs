//! A context to be fetched: served over HTTP on loopback, made while it is read. As a plain tar,
//! in two packings, and as GitHub's API hands out a repository.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::StreamExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::context;
use crate::error::Error;

/// Serves until it is dropped.
#[derive(Debug)]
pub(crate) struct FileServer {
    /// Of the plain tar.
    pub(crate) url: String,
    /// `http://127.0.0.1:port`.
    pub(crate) root: String,
    serving: JoinHandle<()>,
}

impl FileServer {
    /// A tar with this Dockerfile and `mib` MiB of noise, whoever asks.
    pub(crate) async fn start(dockerfile: String, mib: usize) -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let root = format!("http://{}", listener.local_addr()?);
        let url = format!("{root}/context.tar");
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                if let Err(error) = answer(connection, &dockerfile, mib).await {
                    eprintln!("the context was not fetched to its end: {error}");
                }
            }
        });
        Ok(Self { url, root, serving })
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// As which commit GitHub's double knows its one repository.
const COMMIT: &str = "4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d";

async fn answer(mut connection: TcpStream, dockerfile: &str, mib: usize) -> std::io::Result<()> {
    let (read, mut write) = connection.split();
    let mut lines = BufReader::new(read).lines();
    let first = lines.next_line().await?.unwrap_or_default();
    while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
    write.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
    let path = first.split(' ').nth(1).unwrap_or_default();
    if path.contains("/commits/") {
        write.write_all(COMMIT.as_bytes()).await?;
        return write.shutdown().await;
    }
    let mut packing = if path.ends_with(".zst") {
        Packing::Zstd(zstd::stream::write::Encoder::new(Vec::new(), 1)?)
    } else if path.contains("/tarball/") {
        // Noise that does not get smaller: stored, so that the packing is not what is measured.
        Packing::Gzip(GzEncoder::new(Vec::new(), Compression::none()))
    } else {
        Packing::None
    };
    let mut pieces = context::with_noise(dockerfile, mib);
    while let Some(piece) = pieces.next().await {
        write.write_all(&packing.pack(piece?)?).await?;
    }
    write.write_all(&packing.end()?).await?;
    write.shutdown().await
}

enum Packing {
    None,
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl Packing {
    fn pack(&mut self, piece: Bytes) -> std::io::Result<Bytes> {
        match self {
            Self::None => Ok(piece),
            Self::Zstd(encoder) => {
                encoder.write_all(&piece)?;
                Ok(std::mem::take(encoder.get_mut()).into())
            }
            Self::Gzip(encoder) => {
                encoder.write_all(&piece)?;
                Ok(std::mem::take(encoder.get_mut()).into())
            }
        }
    }

    fn end(self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(Vec::new()),
            Self::Zstd(encoder) => encoder.finish(),
            Self::Gzip(encoder) => encoder.finish(),
        }
    }
}

//! A registry that does one thing wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::support::unique;

pub(crate) struct FakeRegistry {
    port: u16,
    uploads: Arc<AtomicUsize>,
    received: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl FakeRegistry {
    /// Answers every request with a status line such as `500 Internal Server Error`.
    pub(crate) async fn with(status: &'static str) -> Self {
        Self::answering(Some(status)).await
    }

    /// Takes layers, less than a megabyte a second.
    pub(crate) async fn slow() -> Self {
        Self::answering(None).await
    }

    async fn answering(status: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (uploads, received) = (Arc::default(), Arc::default());
        let counts = (Arc::clone(&uploads), Arc::clone(&received));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (uploads, received) = counts.clone();
                tokio::spawn(async move { serve(stream, port, status, &uploads, &received).await });
            }
        });
        Self { port, uploads, received, _task: AbortOnDropHandle::new(task) }
    }

    /// How many layers are on their way.
    pub(crate) fn uploads(&self) -> usize {
        self.uploads.load(Ordering::SeqCst)
    }

    /// How many bytes of layers have come.
    pub(crate) fn received(&self) -> usize {
        self.received.load(Ordering::SeqCst)
    }

    /// An image in it.
    pub(crate) fn image(&self) -> String {
        format!("127.0.0.1:{}/engine-tests/{}:1", self.port, unique())
    }
}

async fn serve(
    mut stream: TcpStream,
    port: u16,
    status: Option<&str>,
    uploads: &AtomicUsize,
    received: &AtomicUsize,
) {
    let mut request = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = stream.read(&mut request).await {
        let head = &request[..length];
        let answer = match status {
            // The host tries TLS first.
            _ if head[0] == 0x16 => return,
            Some(status) => status.to_owned(),
            None if head.starts_with(b"GET /v2/ ") => "200 OK".to_owned(),
            None if head.starts_with(b"POST ") => format!(
                "202 Accepted\r\nLocation: http://127.0.0.1:{port}/v2/u/1\r\nDocker-Upload-UUID: 1"
            ),
            None if head.starts_with(b"PATCH ") => {
                uploads.fetch_add(1, Ordering::SeqCst);
                while let Ok(length @ 1..) = stream.read(&mut request).await {
                    received.fetch_add(length, Ordering::SeqCst);
                    sleep(Duration::from_millis(20)).await;
                }
                uploads.fetch_sub(1, Ordering::SeqCst);
                return;
            }
            None => "404 Not Found".to_owned(),
        };
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

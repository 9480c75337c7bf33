//! A registry that does one thing wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::support::unique;

pub struct FakeRegistry {
    port: u16,
    connections: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl FakeRegistry {
    /// Takes requests and never answers.
    pub async fn silent() -> Self {
        Self::answering(None).await
    }

    /// Answers every request with a status line such as `500 Internal Server Error`.
    pub async fn with(status: &'static str) -> Self {
        Self::answering(Some(status)).await
    }

    async fn answering(status: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    count.fetch_add(1, Ordering::SeqCst);
                    serve(stream, status).await;
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, connections, _task: AbortOnDropHandle::new(task) }
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// An image in it.
    pub fn image(&self) -> String {
        format!("127.0.0.1:{}/engine-tests/{}:1", self.port, unique())
    }
}

async fn serve(mut stream: TcpStream, status: Option<&str>) {
    let mut request = [0; 4096];
    while let Ok(1..) = stream.read(&mut request).await {
        if let Some(status) = status {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

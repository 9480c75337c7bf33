//! A receiver of webhooks on loopback: it reads whole requests, remembers them, and answers as
//! it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::AsyncBufReadExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) at: Instant,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What is done with the request of this number, from 0.
#[derive(Debug, Clone)]
pub(crate) enum Doing {
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

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
    serving: JoinHandle<()>,
}

pub(crate) fn status(status: u16) -> Doing {
    with(status, "")
}

pub(crate) fn with(status: u16, headers: &str) -> Doing {
    Doing::Answer(format!("HTTP/1.1 {status} X\r\n{headers}content-length: 2\r\n\r\nok"))
}

impl Receiver {
    pub(crate) async fn start(doing: impl Fn(usize) -> Doing + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let got = Arc::new(Mutex::new(Vec::new()));
        let (told, doing) = (Arc::clone(&got), Arc::new(doing));
        let number = Arc::new(Mutex::new(0));
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let this = {
                    let mut number = number.lock().unwrap();
                    *number += 1;
                    *number - 1
                };
                let (told, doing) = (Arc::clone(&told), doing(this));
                tokio::spawn(async move { serve(connection, &told, doing).await });
            }
        });
        Self { address, got, serving }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Waits for so many requests.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Got> {
        for _ in 0..1500 {
            let got = self.got();
            if got.len() >= count {
                return got;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{} of {count} came: {:#?}", self.got().len(), self.got());
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(connection: TcpStream, got: &Mutex<Vec<Got>>, doing: Doing) -> Option<()> {
    let at = Instant::now();
    let mut connection = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if connection.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let place = {
        let mut got = got.lock().unwrap();
        got.push(Got { at, head: head.clone(), body: String::new() });
        got.len() - 1
    };
    let lower = head.to_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
    let say = |bytes: &[u8]| {
        got.lock().unwrap()[place].body.push_str(std::str::from_utf8(bytes).unwrap());
    };
    if matches!(doing, Doing::DeafTo) {
        std::future::pending::<()>().await;
    }
    match length {
        Some(length) => {
            let mut body = vec![0; length.parse().unwrap()];
            connection.read_exact(&mut body).await.ok()?;
            say(&body);
        }
        None => loop {
            let mut size = String::new();
            connection.read_line(&mut size).await.ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            connection.read_exact(&mut chunk).await.ok()?;
            say(&chunk[..size]);
            if size == 0 {
                break;
            }
            if let Doing::HangUp(after) = doing
                && got.lock().unwrap()[place].body.len() >= after
            {
                return None;
            }
        },
    }
    match doing {
        Doing::Answer(answer) => {
            connection.write_all(answer.as_bytes()).await.ok()?;
            connection.shutdown().await.ok()
        }
        Doing::Endless(bytes) => {
            let head = format!("HTTP/1.1 500 X\r\ncontent-length: {bytes}\r\n\r\n");
            connection.write_all(head.as_bytes()).await.ok()?;
            let piece = vec![b'x'; 64 * 1024];
            loop {
                connection.write_all(&piece).await.ok()?;
            }
        }
        Doing::Nothing | Doing::DeafTo => std::future::pending().await,
        Doing::HangUp(_) => None,
    }
}

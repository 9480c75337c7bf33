//! A large file passes through without being held. In a process of its own, so that the
//! memory which is measured is that of the fetch.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so by panicking"
)]

use slipway_outbound::{AddressPolicy, Fetcher, Guard, Limits, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

const MIB: u64 = 1 << 20;
const FILE_BYTES: u64 = 512 * MIB;

/// The most memory that this process ever held.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn memory_stays_flat() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let serving = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(socket.read(&mut request).await.unwrap() > 0);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {FILE_BYTES}\r\n\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        let piece = vec![0; 256 * 1024];
        for _ in 0..FILE_BYTES / (256 * 1024) {
            socket.write_all(&piece).await.unwrap();
        }
    });
    let guard = Guard::new(AddressPolicy::public_only().allow_loopback(true));
    let fetcher = Fetcher::new(guard, b"").unwrap();
    let limits = Limits::bytes(FILE_BYTES);
    let request = Request { url, login: None, headers: Vec::new(), limits };
    let mut body = fetcher.get(request).await.unwrap().body;
    let progress = body.progress();
    let before = peak_bytes();
    while body.chunk().await.unwrap().is_some() {}
    serving.await.unwrap();
    assert_eq!(progress.bytes(), FILE_BYTES);
    let more = peak_bytes() - before;
    assert!(more < 8 * MIB, "{more} bytes more than before");
}

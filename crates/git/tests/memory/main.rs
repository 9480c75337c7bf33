//! A large file passes through without being held. In a process of its own, so that the
//! memory which is measured is that of the fetch.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so by panicking"
)]
#![allow(dead_code, reason = "the parts are those of the other tests")]

#[path = "../git/http.rs"]
mod http;
#[path = "../git/origin.rs"]
mod origin;
#[path = "../git/run.rs"]
mod run;

use std::io::Write as _;
use std::process::{Command, Stdio};

use futures::StreamExt as _;
use http::Server;
use origin::Origin;
use run::{Run, of};
use slipway_context::ContextOptions;

const MIB: usize = 1 << 20;
const FILE_MIB: usize = 200;

/// The most memory that this process ever held.
fn peak_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn memory_stays_flat() {
    let origin = Origin::new();
    let repo = origin.repo("app.git");
    let mut import = Command::new("git")
        .current_dir(&repo.path)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut orders = import.stdin.take().unwrap();
    write!(
        orders,
        "commit refs/heads/main\ncommitter A <a@h.example> 1700000000 +0000\ndata 1\nx\n\
         M 100644 inline Dockerfile\ndata 12\nFROM scratch\n\
         M 100644 inline large\ndata {}\n",
        FILE_MIB * MIB
    )
    .unwrap();
    let mut state = 88_172_645_463_325_252_u64;
    let mut piece = vec![0; MIB];
    for _ in 0..FILE_MIB {
        for word in piece.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        orders.write_all(&piece).unwrap();
    }
    orders.write_all(b"\n").unwrap();
    drop(orders);
    assert!(import.wait().unwrap().success());

    let server = Server::start(origin.path()).await;
    let run = Run::new();
    let before = peak_bytes();
    let fetched = run.fetch(&of(&server.url("app.git"))).await.unwrap();
    let mut open = fetched.open(ContextOptions::default()).await.unwrap();
    let mut bytes = 0;
    while let Some(piece) = open.stream.next().await {
        bytes += piece.unwrap().len();
    }
    open.done.await.unwrap();
    assert!(bytes > FILE_MIB * MIB);
    let more = peak_bytes() - before;
    assert!(more < 16 * MIB, "{more} bytes more than before");
    assert!(run.said().iter().any(|line| line.starts_with("received ")), "{:?}", run.said());
}

//! What the log says of those who only knock: an error in it is for operators to look at.

use std::time::Duration;

use slipway_test_support::daemon::{Daemon, Role};
use slipway_test_support::env;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::stack::{PATIENCE, one_host};

/// For whoever may have nothing to say.
const A_MOMENT: Duration = Duration::from_millis(300);

/// A daemon that logs as it does where nobody wants more.
async fn daemon(data: &tempfile::TempDir) -> Daemon {
    let settings = one_host(&env::docker_host());
    let binary = env!("CARGO_BIN_EXE_slipwayd");
    let mut daemon = Daemon::new(Role::Standalone, binary, data.path(), &settings);
    daemon.env.push(("RUST_LOG".into(), "info".into()));
    daemon.start_again().await.unwrap();
    daemon
}

fn errors(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("ERROR")).collect()
}

/// Sends pieces on a connection. The first is answered so, and what comes of the others is heard
/// until nothing does; gives what was said.
async fn knock(daemon: &Daemon, pieces: &[&[u8]], answer: &str) -> String {
    let address = daemon.url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let mut said = Vec::new();
    for piece in pieces {
        // It may have heard enough.
        let _ = connection.write_all(piece).await;
        let waiting = if said.len() < answer.len() { PATIENCE } else { A_MOMENT };
        let mut some = [0; 1024];
        while let Ok(Ok(read @ 1..)) = timeout(waiting, connection.read(&mut some)).await {
            said.extend_from_slice(&some[..read]);
            if said.len() >= answer.len() {
                break;
            }
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_no_error() {
    let data = tempfile::tempdir().unwrap();
    let daemon = daemon(&data).await;
    let endless = [b"GET / HTTP/1.1\r\nhost: x\r\nx: ".as_slice(), &[b'y'; 300_000]].concat();
    let post = "POST /api/v2/builds HTTP/1.1\r\nhost: x\r\n";
    let chunk = format!("{post}transfer-encoding: chunked\r\n\r\nzz\r\n");
    let short = format!("{post}content-length: 100\r\n\r\n{{}}");
    let half = format!("{post}content-length: -1\r\n\r\n");
    let socket =
        b"GET /api/v2/events/ws?project=default HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n\
                   upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    for (pieces, answer) in [
        (vec![b"hello\r\n\r\n".as_slice()], "HTTP/1.1 400"),
        (vec![b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice()], "HTTP/1.1 400"),
        (vec![b"GET / HTTP/9.9\r\nhost: x\r\n\r\n"], "HTTP/1.1 400"),
        (vec![endless.as_slice()], "HTTP/1.1 4"),
        (vec![half.as_bytes()], "HTTP/1.1 400"),
        (vec![chunk.as_bytes()], "HTTP/1.1 4"),
        (vec![short.as_bytes()], ""),
        // The first part of a ping, which has no parts.
        (vec![socket.as_slice(), b"\x09\x80\0\0\0\0"], "HTTP/1.1 101"),
    ] {
        let said = knock(&daemon, &pieces, answer).await;
        let shown = String::from_utf8_lossy(pieces[0]).chars().take(40).collect::<String>();
        assert!(said.starts_with(answer), "{shown:?}: {said}");
    }
    let alive = daemon.http.get(format!("{}/health/live", daemon.url)).send().await.unwrap();
    assert!(alive.status().is_success());
    assert_eq!(errors(&daemon.log()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_while_it_is_called_says_no_error() {
    for _ in 0..3 {
        let data = tempfile::tempdir().unwrap();
        let mut daemon = daemon(&data).await;
        let address = daemon.url.strip_prefix("http://").unwrap().to_owned();
        let callers = (0..4).map(|_| {
            let address = address.clone();
            tokio::spawn(async move {
                while let Ok(mut connection) = TcpStream::connect(&address).await {
                    let _ =
                        connection.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await;
                    tokio::task::yield_now().await;
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        daemon.signal("TERM").await.unwrap();
        assert!(daemon.ended().await.unwrap(), "{}", daemon.log());
        for caller in callers {
            caller.await.unwrap();
        }
        assert_eq!(errors(&daemon.log()), [""; 0]);
    }
}

//! Servers that would keep a worker for ever, or fill it.

use std::time::{Duration, Instant};

use slipway_domain::Reason;
use slipway_outbound::{FetchError, FetchErrorKind, Limits};

use crate::server::{Answer, Server, limits, local_fetcher, read, request, text};

const ENDLESS: &str = "HTTP/1.1 200 OK\r\n\r\n";

async fn fetch(server: &Server, limits: Limits) -> FetchError {
    let mut request = request(server.url("/a"));
    request.limits = limits;
    match local_fetcher().get(request).await {
        Ok(fetched) => read(fetched).await.unwrap_err(),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_body_without_end() {
    let server = Server::start(|_| Answer::Endless(ENDLESS.to_owned())).await;
    let error = fetch(&server, limits()).await;
    assert_eq!(error.kind, FetchErrorKind::TooLarge { limit: 1 << 20, announced: None });
    assert_eq!(error.failure().reason, Reason::ContextTooLarge);
}

#[tokio::test]
async fn a_body_announced_as_too_long_is_not_read() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n".to_owned();
    let server = Server::start(move |_| Answer::Silence(head.clone())).await;
    let began = Instant::now();
    let error = fetch(&server, limits()).await;
    let announced = Some((1 << 20) + 1);
    assert_eq!(error.kind, FetchErrorKind::TooLarge { limit: 1 << 20, announced });
    assert!(began.elapsed() < limits().idle);
}

#[tokio::test]
async fn exactly_the_limit_is_allowed() {
    let server = Server::start(|_| text("HTTP/1.1 200 OK\r\n\r\nabcde")).await;
    let mut request = request(server.url("/"));
    request.limits.bytes = 5;
    let fetched = local_fetcher().get(request).await.unwrap();
    assert_eq!(read(fetched).await.unwrap(), b"abcde");

    let error = fetch(&server, Limits { bytes: 4, ..limits() }).await;
    assert_eq!(error.kind, FetchErrorKind::TooLarge { limit: 4, announced: None });
}

#[tokio::test]
async fn one_byte_now_and_then() {
    let rest = Duration::from_millis(50);
    let server = Server::start(move |_| Answer::Drip(ENDLESS.to_owned(), rest)).await;
    let began = Instant::now();
    let over = Duration::from_millis(500);
    let error = fetch(&server, Limits { pace_over: over, ..limits() }).await;
    let FetchErrorKind::TooSlow { bytes, within } = error.kind else { panic!("{error:?}") };
    assert!(bytes < 100 && within >= over, "{bytes} in {within:?}");
    assert!(began.elapsed() < limits().idle, "{:?}", began.elapsed());
    assert_eq!(error.failure().reason, Reason::SourceError);
}

#[tokio::test]
async fn a_reader_who_takes_his_time_is_not_the_servers_fault() {
    let server = Server::start(|_| Answer::Endless(ENDLESS.to_owned())).await;
    let mut request = request(server.url("/"));
    let (slow, idle) = (Duration::from_secs(3), Duration::from_secs(3));
    request.limits = Limits { pace_over: slow, bytes_per_second: 1 << 30, idle, ..limits() };
    let mut body = local_fetcher().get(request).await.unwrap().body;
    for _ in 0..2 {
        tokio::time::sleep(slow + idle / 4).await;
        assert!(body.chunk().await.unwrap().is_some());
    }
}

#[tokio::test]
async fn silence() {
    let idle = Duration::from_millis(300);
    for begin in ["", "HTTP/1.1 200 OK\r\nx: ", ENDLESS, "HTTP/1.1 200 OK\r\n\r\nabc"] {
        let server = Server::start(move |_| Answer::Silence(begin.to_owned())).await;
        let error = fetch(&server, Limits { idle, ..limits() }).await;
        assert_eq!(error.kind, FetchErrorKind::Idle(idle), "{begin:?}");
    }
}

#[tokio::test]
async fn a_head_that_never_ends() {
    let idle = Duration::from_millis(300);
    let begin = "HTTP/1.1 200 OK\r\nx: ".to_owned();
    let rest = Duration::from_millis(20);
    let server = Server::start(move |_| Answer::Drip(begin.clone(), rest)).await;
    let error = fetch(&server, Limits { idle, ..limits() }).await;
    assert_eq!(error.kind, FetchErrorKind::Idle(idle));
}

#[tokio::test]
async fn all_in_all_too_long() {
    let total = Duration::from_millis(400);
    let rest = Duration::from_millis(20);
    let server = Server::start(move |_| Answer::Drip(ENDLESS.to_owned(), rest)).await;
    let error = fetch(&server, Limits { total, ..limits() }).await;
    assert_eq!(error.kind, FetchErrorKind::TimedOut(total));

    let server = Server::start(|_| Answer::Silence(String::new())).await;
    let error = fetch(&server, Limits { total, ..limits() }).await;
    assert_eq!(error.kind, FetchErrorKind::TimedOut(total));
}

#[tokio::test]
async fn a_length_that_lies() {
    let short = Server::start(|_| text("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")).await;
    let error = fetch(&short, limits()).await;
    assert_eq!(error.kind, FetchErrorKind::Cut { got: 3, of: Some(9) });
    let failure = error.failure();
    assert_eq!(failure.reason, Reason::SourceError);
    assert!(failure.message.ends_with("/a broke off after 3 of 9 bytes"), "{failure:?}");

    // What is behind the announced end is not part of the answer.
    let long = Server::start(|_| text("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabc")).await;
    let fetched = local_fetcher().get(request(long.url("/"))).await.unwrap();
    assert_eq!(fetched.content_length, Some(2));
    assert_eq!(read(fetched).await.unwrap(), b"ab");

    let two = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc";
    let undecided = Server::start(move |_| text(two)).await;
    assert_eq!(fetch(&undecided, limits()).await.kind, FetchErrorKind::NotHttp);

    let torn = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n9\r\nab";
    let torn = Server::start(move |_| text(torn)).await;
    assert_eq!(fetch(&torn, limits()).await.kind, FetchErrorKind::Cut { got: 5, of: None });
}

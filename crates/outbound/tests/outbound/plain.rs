//! What goes well, and what servers say when it does not.

use std::io;

use futures::{StreamExt, TryStreamExt};
use slipway_domain::Reason;
use slipway_outbound::{FetchErrorKind, LoginSent};
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;
use url::Url;

use crate::server::{Answer, Server, local_fetcher, read, request, status, text};

#[tokio::test]
async fn a_file_comes_as_it_is_stored() {
    let server = Server::start(|_| {
        text("HTTP/1.1 200 OK\r\ncontent-type: application/gzip\r\ncontent-length: 5\r\n\r\nhello")
    })
    .await;
    let url = server.url("/a.tar.gz?sig=hush#part");
    let fetched = local_fetcher().get(request(url)).await.unwrap();
    assert_eq!(fetched.url, server.url("/a.tar.gz").as_str());
    assert_eq!(fetched.content_type.as_deref(), Some("application/gzip"));
    assert_eq!(fetched.content_length, Some(5));
    let progress = fetched.body.progress();
    assert_eq!((progress.bytes(), progress.of()), (0, Some(5)));
    assert_eq!(read(fetched).await.unwrap(), b"hello");
    assert_eq!((progress.bytes(), progress.of()), (5, Some(5)));

    let head = &server.asked()[0];
    assert!(head.starts_with("get /a.tar.gz?sig=hush http/1.1\r\n"), "{head}");
    assert!(head.contains("accept-encoding: identity\r\n"), "{head}");
    assert!(head.contains(&format!("host: {}\r\n", server.address)), "{head}");
    assert!(!head.contains("authorization"), "{head}");
}

#[tokio::test]
async fn chunks_and_streams() {
    let server = Server::start(|_| {
        text(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        )
    })
    .await;
    let fetched = local_fetcher().get(request(server.url("/"))).await.unwrap();
    assert_eq!(fetched.content_length, None);
    let stream = Box::pin(fetched.body.into_stream().map_err(io::Error::other));
    let mut text = String::new();
    tokio_util::io::StreamReader::new(stream).read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "abcde");
}

#[tokio::test]
async fn a_stream_ends_after_its_error() {
    let server = Server::start(|_| text("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")).await;
    let fetched = local_fetcher().get(request(server.url("/"))).await.unwrap();
    let all: Vec<_> = fetched.body.into_stream().collect().await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(all[0].as_ref().unwrap().as_ref(), b"abc");
    let error = all[1].as_ref().unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Cut { got: 3, of: Some(9) });
}

#[tokio::test]
async fn each_status_has_its_reason() {
    let server = Server::start(|path| status(path[1..].parse().unwrap())).await;
    let denied = FetchErrorKind::Denied { login: LoginSent::None };
    for (code, kind, reason) in [
        (404, FetchErrorKind::NotFound, Reason::SourceNotFound),
        (410, FetchErrorKind::NotFound, Reason::SourceNotFound),
        (401, denied.clone(), Reason::SourceDenied),
        (403, denied, Reason::SourceDenied),
        (204, FetchErrorKind::Status(204), Reason::SourceError),
        (206, FetchErrorKind::Status(206), Reason::SourceError),
        (304, FetchErrorKind::Status(304), Reason::SourceError),
        (429, FetchErrorKind::RateLimited { again: None }, Reason::SourceError),
        (503, FetchErrorKind::Status(503), Reason::SourceError),
    ] {
        let url = server.url(&format!("/{code}"));
        let error = local_fetcher().get(request(url.clone())).await.unwrap_err();
        assert_eq!(error.kind, kind);
        let failure = error.failure();
        assert_eq!(failure.reason, reason, "{code}");
        assert!(failure.message.contains(url.as_str()), "{failure:?}");
        assert!(failure.hint.is_some());
    }
}

#[tokio::test]
async fn nobody_there_and_no_http() {
    // Held, so that its port is given to nobody else meanwhile.
    let silent = TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = Url::parse(&format!("http://{}/", silent.local_addr().unwrap())).unwrap();
    let error = local_fetcher().get(request(url)).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Unreachable("connection refused".to_owned()));
    assert_eq!(error.failure().reason, Reason::SourceUnreachable);

    let rude = Server::start(|_| text("")).await;
    let error = local_fetcher().get(request(rude.url("/"))).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::Unreachable("it closed the connection".to_owned()));

    let ssh = Server::start(|_| text("SSH-2.0-OpenSSH_9.6\r\n")).await;
    let error = local_fetcher().get(request(ssh.url("/"))).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::NotHttp);

    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    let wordy = Server::start(move |_| Answer::Bytes(long.clone().into_bytes())).await;
    let error = local_fetcher().get(request(wordy.url("/"))).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::NotHttp, "a head has its limit");
}

#[tokio::test]
async fn addresses_that_cannot_be_fetched() {
    for (bad, why) in [
        ("ftp://example.com/a", "is neither http nor https"),
        ("file:///etc/passwd", "is neither http nor https"),
        ("data:text/plain,secret", "is neither http nor https"),
        ("https://u:secret@example.com/a", "has a login in it"),
        ("https://secret@example.com/a?secret", "has a login in it"),
    ] {
        let error = local_fetcher().get(request(Url::parse(bad).unwrap())).await.unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::BadUrl(why));
        let failure = error.failure();
        assert_eq!(failure.reason, Reason::AddressRefused);
        assert!(!format!("{failure:?} {error:?}").contains("secret"), "{failure:?}");
    }
}

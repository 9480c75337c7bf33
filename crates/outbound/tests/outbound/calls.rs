//! Requests that send something, and answers that are wanted whatever they say.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::Method;
use slipway_outbound::{Call, FetchError, FetchErrorKind, Limits, Outgoing, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::server::{
    Server, head, limits, local_fetcher, ok, redirect, request, secret_header, status, text,
};

fn call(method: Method, url: Url, outgoing: Option<Outgoing>) -> Call {
    Call { method, request: request(url), outgoing }
}

async fn send(call: Call) -> Result<Reply, FetchError> {
    local_fetcher().send(call).await
}

/// Somebody who listens, and the address of it.
async fn listener() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/a", listener.local_addr().unwrap())).unwrap();
    (listener, url)
}

async fn accept(listener: &TcpListener) -> (TcpStream, String) {
    let (mut socket, _) = listener.accept().await.unwrap();
    let head = head(&mut socket).await.unwrap();
    (socket, head)
}

/// Pieces without end.
fn endless() -> Outgoing {
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    Outgoing::stream(1 << 40, stream::repeat_with(move || Ok(piece.clone())).boxed())
}

#[tokio::test]
async fn bytes_arrive_with_their_length() {
    let (listener, url) = listener().await;
    let pieces = stream::iter(["ab", "", "cde"].map(|piece| Ok(Bytes::from(piece)))).boxed();
    let sending = send(call(Method::PUT, url, Some(Outgoing::stream(5, pieces))));
    let taking = async {
        let (mut socket, head) = accept(&listener).await;
        let mut body = [0; 5];
        socket.read_exact(&mut body).await.unwrap();
        socket.write_all(b"HTTP/1.1 201 Created\r\nlocation: /b\r\n\r\n").await.unwrap();
        (head, body)
    };
    let (reply, (head, body)) = tokio::join!(sending, taking);
    let reply = reply.unwrap();
    assert_eq!((reply.status.as_u16(), &reply.headers["location"]), (201, &"/b".parse().unwrap()));
    assert_eq!(&body, b"abcde");
    assert!(head.starts_with("put /a http/1.1\r\n"), "{head}");
    assert!(head.contains("content-length: 5\r\n") && !head.contains("chunked"), "{head}");
}

#[tokio::test]
async fn an_error_on_the_way_leaves_nothing_whole() {
    let (listener, url) = listener().await;
    let pieces = stream::iter([Ok(Bytes::from("ab")), Err(io::Error::other("broken"))]).boxed();
    let sending = send(call(Method::PUT, url, Some(Outgoing::stream(5, pieces))));
    let taking = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        // A reset is as good as an end: it is not the whole.
        let _ = socket.read_to_end(&mut all).await;
        String::from_utf8(all).unwrap()
    };
    let (reply, all) = tokio::join!(sending, taking);
    assert!(matches!(reply.unwrap_err().kind, FetchErrorKind::Unreachable(_)));
    assert!(all.split_once("\r\n\r\n").is_none_or(|(_, body)| body.len() < 5), "{all}");
}

#[tokio::test]
async fn who_takes_nothing_is_given_up() {
    let (listener, url) = listener().await;
    let idle = Duration::from_millis(300);
    let mut sent = call(Method::PUT, url, Some(endless()));
    sent.request.limits = Limits { idle, ..limits() };
    let taking = async {
        let taken = accept(&listener).await;
        // Held, and not read.
        std::future::pending::<()>().await;
        drop(taken);
    };
    tokio::select! {
        reply = send(sent) => assert_eq!(reply.unwrap_err().kind, FetchErrorKind::Idle(idle)),
        () = taking => {}
    }
}

#[tokio::test]
async fn an_answer_before_the_end_is_heard() {
    let (listener, url) = listener().await;
    let taking = async {
        let (mut socket, _) = accept(&listener).await;
        socket
            .write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\n\r\nno!\n")
            .await
            .unwrap();
        let mut some = [0; 1024];
        while let Ok(1..) = socket.read(&mut some).await {}
    };
    let sending = async {
        let mut reply = send(call(Method::PUT, url, Some(endless()))).await.unwrap();
        (reply.status.as_u16(), reply.body.chunk().await.unwrap().unwrap())
    };
    let (answer, ()) = tokio::join!(sending, taking);
    assert_eq!(answer, (413, Bytes::from("no!\n")));
}

#[tokio::test]
async fn only_what_sends_nothing_is_redirected() {
    let server = Server::start(|path| match path {
        "/a" => redirect("/b"),
        "/b" => status(404),
        _ => ok(""),
    })
    .await;
    for (method, expected) in [(Method::GET, 404), (Method::HEAD, 404), (Method::POST, 302)] {
        let reply = send(call(method.clone(), server.url("/a"), None)).await.unwrap();
        assert_eq!(reply.status.as_u16(), expected, "{method}");
    }
    // What is behind another guard stays there.
    let elsewhere = Server::start(|_| redirect("http://169.254.169.254/")).await;
    let error = send(call(Method::HEAD, elsewhere.url("/"), None)).await.unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::Refused(_)), "{error:?}");
}

#[tokio::test]
async fn errors_come_with_their_headers_and_however_long_they_are() {
    let answer = "HTTP/1.1 401 X\r\nwww-authenticate: Basic\r\ncontent-length: 9999999\r\n\r\nno";
    let server = Server::start(move |_| text(answer)).await;
    let mut sent = call(Method::GET, server.url("/"), None);
    sent.request.headers = vec![secret_header("authorization", "Bearer t0ken")];
    let mut reply = send(sent).await.unwrap();
    assert_eq!(&reply.headers["www-authenticate"], "Basic");
    assert_eq!(reply.body.chunk().await.unwrap().unwrap(), "no");
    assert!(server.asked()[0].contains("authorization: bearer t0ken\r\n"));

    let answer = "HTTP/1.1 200 X\r\ncontent-length: 9999999\r\n\r\nno";
    let server = Server::start(move |_| text(answer)).await;
    let error = send(call(Method::GET, server.url("/"), None)).await.unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::TooLarge { .. }), "{error:?}");
}

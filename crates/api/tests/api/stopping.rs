//! A server that stops while clients follow.

use futures::StreamExt as _;
use reqwest::Method;
use serde_json::json;

use crate::events::{EventSource, Message};
use crate::server::Server;

#[tokio::test]
async fn followers_are_sent_away_with_their_place() {
    let mut server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let mut source = EventSource::open(&server, &build, None).await;
    assert_eq!(source.next().await.unwrap().id, Some(1));
    let path = format!("{build}/logs?follow=true");
    let mut log = server.request(Method::GET, &path).send().await.unwrap().bytes_stream();
    assert_eq!(log.next().await.unwrap().unwrap(), "==> queued\n");

    let began = std::time::Instant::now();
    server.api.stopping.cancel();
    let reconnect =
        Message { id: None, event: "reconnect".into(), data: r#"{"last_seq":1}"#.into() };
    assert_eq!(source.rest().await, [reconnect]);
    insta::assert_snapshot!(
        String::from_utf8(log.next().await.unwrap().unwrap().to_vec()).unwrap(),
        @"==> this server is stopping; go on with ?follow=true&from=1"
    );
    assert!(log.next().await.is_none());

    // Nobody is waited for any longer, so the server is at its end well before its grace.
    (&mut server.task).await.unwrap().unwrap();
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}

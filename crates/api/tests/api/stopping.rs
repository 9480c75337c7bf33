//! A server that stops while clients follow.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use reqwest::Method;
use serde_json::json;
use slipway_api::{Hosts, Limits, Serving};

use crate::events::{EventSource, Message};
use crate::server::Server;
use crate::worker::Worker;

#[tokio::test]
async fn followers_are_sent_away_with_their_place() {
    let serving = Serving { grace: Duration::from_secs(120), ..Serving::default() };
    let mut server = Server::serving(Limits::default(), Hosts::default(), serving).await;
    let build = server.submitted(json!({})).await;
    // One that waits would say why by and by.
    Worker::start(&server).await.claim().await;
    let mut source = EventSource::open(&server, &build, None).await;
    for id in [1, 2] {
        assert_eq!(source.next().await.unwrap().id, Some(id));
    }
    let path = format!("{build}/logs?follow=true");
    let mut log = server.request(Method::GET, &path).send().await.unwrap().bytes_stream();
    let mut said = Vec::new();
    while !said.ends_with(b"==> preparing on local\n") {
        said.extend(log.next().await.unwrap().unwrap());
    }

    let began = Instant::now();
    server.api.stopping.cancel();
    let reconnect =
        Message { id: None, event: "reconnect".into(), data: r#"{"last_seq":2}"#.into() };
    assert_eq!(source.rest().await, [reconnect]);
    insta::assert_snapshot!(
        String::from_utf8(log.next().await.unwrap().unwrap().to_vec()).unwrap(),
        @"==> this server is stopping; go on with ?follow=true&from=2"
    );
    assert!(log.next().await.is_none());

    // Nobody is waited for any longer, so the server is at its end well before its grace.
    (&mut server.task).await.unwrap().unwrap();
    assert!(began.elapsed() < serving.grace / 2, "{:?}", began.elapsed());
}

//! Deliveries that are not taken in.

use reqwest::Method;
use serde_json::{Value, json};
use slipway_api::webhooks::{ForgeSecrets, Webhooks};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{PUSH, SECRET, definition, deliver, hmac, server, signed, worked};
use crate::server::{Server, answer};

#[tokio::test]
async fn unsigned_and_wrongly_signed() {
    let server = server(vec![(definition(), None)]).await;
    let path = "/webhooks/github";
    let unsigned = server.post(path, PUSH).await;
    assert_eq!((unsigned.status, &unsigned.json()["error"]["code"]), (401, &json!("unsigned")));
    for signature in
        ["sha256=", "sha1=00", "x", &format!("sha256={}", hmac("another", PUSH.as_bytes()))]
    {
        let request = server.request(Method::POST, path).header("X-GitHub-Event", "push");
        let request = request.header("X-Hub-Signature-256", signature).body(PUSH);
        let refused = answer(request).await;
        let code = &refused.json()["error"]["code"];
        assert_eq!((refused.status, code), (401, &json!("wrongly_signed")), "{signature}");
    }
    // Nothing of what is not signed is read: not even that it is no JSON.
    let refused = answer(signed(&server, "another", "push", "1", "{")).await;
    assert_eq!(refused.status, 401);
    assert_eq!(worked(&server).await, json!([]));
}

/// *Testing the webhook payload validation* of GitHub's documentation, as a request. Its payload
/// is no event, so that a ping is all that it can be.
#[tokio::test]
async fn githubs_signature_of_its_own_example() {
    let server = Server::with_webhooks(Webhooks {
        secrets: ForgeSecrets {
            github: Some("It's a Secret to Everybody".to_owned().into()),
            ..ForgeSecrets::default()
        },
        ..Webhooks::default()
    })
    .await;
    let digits = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    for (body, expected) in [("Hello, World!", "200 pong"), ("Hello, World?", "401 ")] {
        let request = server
            .request(Method::POST, "/webhooks/github")
            .header("X-GitHub-Event", "ping")
            .header("X-Hub-Signature-256", format!("sha256={digits}"));
        let answered = answer(request.body(body)).await;
        assert!(answered.line().starts_with(expected), "{answered:?}");
    }
}

#[tokio::test]
async fn too_large_and_unreadable() {
    let server = server(vec![(definition(), None)]).await;
    let head = format!(
        "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256={}\r\n\
         Content-Length: {}\r\n\r\n",
        "0".repeat(64),
        30 << 20
    );
    let refused = server.raw(head.as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 413 "), "{refused}");
    assert!(refused.contains(r#"{"error":{"code":"too_large""#), "{refused}");

    for (event, body, field) in [
        ("push", "{\"ref\": ", None),
        ("push", "[]", None),
        ("push", "{}", Some("ref")),
        ("push", "{\"ref\": 1}", Some("ref")),
        ("pull_request", "null", None),
    ] {
        let refused = deliver(&server, event, body, body).await;
        assert_eq!(refused.status, 400, "{body}: {refused:?}");
        assert_eq!(refused.json()["error"]["field"].as_str(), field, "{body}");
    }
    let mut odd: Value = serde_json::from_str(PUSH).unwrap();
    for name in ["../x/y", "octo/a b", "octo/a\u{0}", "octo", "octo/..", "-o/a", "octo/ä"] {
        odd["repository"]["full_name"] = json!(name);
        let refused = deliver(&server, "push", "odd", &odd.to_string()).await;
        assert_eq!(refused.json()["error"]["field"], "repository", "{name}");
    }
    odd["repository"]["full_name"] = json!("octo/app");
    odd["head_commit"]["id"] = json!("--upload-pack=x");
    let refused = deliver(&server, "push", "odd", &odd.to_string()).await;
    assert_eq!(refused.json()["error"]["field"], "head_commit.id");
    odd["after"] = json!("HEAD");
    let refused = deliver(&server, "push", "odd", &odd.to_string()).await;
    assert_eq!(refused.json()["error"]["field"], "after");
    let nameless = answer(
        server
            .request(Method::POST, "/webhooks/github")
            .header("X-Hub-Signature-256", format!("sha256={}", hmac(SECRET, PUSH.as_bytes())))
            .body(PUSH),
    )
    .await;
    assert_eq!(nameless.json()["error"]["field"], "X-GitHub-Event");
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let form = signed(&server, SECRET, "push", "odd", "data=1").header("Content-Type", form);
    let without = answer(form).await;
    assert_eq!((without.status, &without.json()["error"]["field"]), (400, &json!("payload")));
    assert_eq!(worked(&server).await, json!([]));
}

/// Its length is not announced, so that it is known only when it is too large.
#[tokio::test]
async fn thirty_megabytes_in_pieces() {
    let server = server(vec![(definition(), None)]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256={}\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        "0".repeat(64),
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = [&b"100000\r\n"[..], &vec![b' '; 1 << 20], b"\r\n"].concat();
    let (mut from, mut to) = stream.split();
    let sending = async {
        for _ in 0..30 {
            // It may have hung up by now.
            if to.write_all(&piece).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut answer = [0; 13];
    tokio::select! {
        read = from.read_exact(&mut answer) => drop(read.unwrap()),
        () = sending => {}
    }
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413 ");
    assert_eq!(worked(&server).await, json!([]));
}

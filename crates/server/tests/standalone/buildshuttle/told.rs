//! Who is told of a build: callbacks, and webhooks of statuses and of the log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use slipway_test_support::env;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use uuid::Uuid;

use super::{context, curl, newest_over, post};
use crate::stack::{PATIENCE, Stack, fresh, unique};

/// What was told: the value of the `Authorization` header, and the body.
type Told = (String, String);

/// A server that takes whatever it is told.
struct Ear {
    url: String,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Ear {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let heard = Arc::clone(&heard);
                tokio::spawn(async move {
                    // Whoever hangs up has said nothing.
                    let _ = hear(connection, &heard).await;
                });
            }
        });
        Self { url, told }
    }

    /// What was told, once it is so much; a moment later, for there must not be more.
    async fn heard(&self, count: usize) -> Vec<Told> {
        let began = Instant::now();
        while self.told.lock().unwrap().len() < count && began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.told.lock().unwrap().clone()
    }
}

/// Noted before it is answered: whoever has the answer goes on to tell the next.
async fn hear(mut connection: TcpStream, heard: &Mutex<Vec<Told>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned()).next().unwrap_or_default()
    };
    let body = match header("transfer-encoding").as_str() {
        "chunked" => chunks(&mut connection).await?,
        _ => {
            let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
            connection.read_exact(&mut body).await?;
            body
        }
    };
    let told = (header("authorization"), String::from_utf8_lossy(&body).into_owned());
    heard.lock().unwrap().push(told);
    connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
    connection.shutdown().await
}

/// A body whose length nobody knows before its end.
async fn chunks(connection: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut length = Vec::new();
        while !length.ends_with(b"\r\n") {
            length.push(connection.read_u8().await?);
        }
        let length = String::from_utf8_lossy(&length).trim().to_owned();
        let length = usize::from_str_radix(&length, 16).map_err(std::io::Error::other)?;
        let mut chunk = vec![0; length + 2];
        connection.read_exact(&mut chunk).await?;
        body.extend_from_slice(&chunk[..length]);
        if length == 0 {
            return Ok(body);
        }
    }
}

/// Bodies as values: the order of their keys says nothing.
fn bodies(told: &[Told]) -> Vec<Value> {
    told.iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_told_twice_and_no_more() {
    let (stack, ear) = (Stack::plain().await, Ear::open().await);
    let app = Uuid::new_v4();
    let payload = |number: u32, command: &str| {
        let data = STANDARD.encode(context(&fresh(command)));
        json!({
            "app": "web", "space": "prod", "build_number": number, "build_uuid": Uuid::new_v4(),
            "app_uuid": app, "sources": format!("data:;base64,{data}"),
            "gm_registry_host": env::registry(), "gm_registry_repo": "told",
            "callback": format!("{}/builds/{number}", ear.url), "callback_auth": "t0ken as it is",
        })
    };
    let expected = |number: u32, status: &str| json!({"id": number, "status": status, "building": false, "type": "buildshuttle"});
    let mut all = Vec::new();
    for (number, command, word) in [(1, "true", "succeeded"), (2, "false", "failed")] {
        assert_eq!(post(&stack, "/", &payload(number, command)).await.0, "200");
        newest_over(&stack).await;
        all.extend([expected(number, "pending"), expected(number, word)]);
        let told = ear.heard(all.len()).await;
        assert_eq!(bodies(&told), all);
        assert!(told.iter().all(|(auth, _)| auth == "t0ken as it is"), "{told:?}");
    }
    // Stopped is failed.
    assert_eq!(post(&stack, "/", &payload(3, "sleep 300")).await.0, "200");
    assert_eq!(curl(&stack, &["-X", "DELETE"], &format!("/web-{app}/3")).await.0, "200");
    newest_over(&stack).await;
    all.extend([expected(3, "pending"), expected(3, "failed")]);
    assert_eq!(bodies(&ear.heard(all.len()).await), all);
    stack.leaves_nothing(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_of_the_documented_one() {
    let (stack, ear) = (Stack::plain().await, Ear::open().await);
    let data = STANDARD.encode(context(&fresh("echo said in the build")));
    let place = ear.url.strip_prefix("http://").unwrap();
    let body = json!({
        "metadata": {"any": ["thing"]},
        "webhooks": {
            "status": [format!("http://t0ken@{place}/a"), format!("http://u:p@{place}/b")],
            "logs": format!("http://l0gs@{place}/c"),
        },
        "source": {"url": format!("data:application/gzip;base64,{data}")},
        "destination": {"image": format!("docker://{}/told/{}:1", env::registry(), unique())},
    });
    assert_eq!(post(&stack, "/web/1", &body).await.0, "200");
    assert_eq!(newest_over(&stack).await["status"], "succeeded");
    let told = ear.heard(7).await.into_iter();
    // The log is one request, in the classic builder's look, held open to the end.
    let (log, told): (Vec<Told>, Vec<Told>) = told.partition(|(to, _)| to == "l0gs");
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(
        log[0].1.starts_with("Step 1/") && log[0].1.contains("\nsaid in the build\n"),
        "{log:?}"
    );
    for auth in ["t0ken", "Basic dTpw"] {
        let own: Vec<Told> = told.iter().filter(|(to, _)| to == auth).cloned().collect();
        let own = bodies(&own);
        let words: Vec<&str> = own.iter().map(|body| body["status"].as_str().unwrap()).collect();
        assert_eq!(words, ["pending", "queued", "succeeded"], "{told:?}");
        for body in &own {
            assert_eq!(
                (&body["id"], &body["type"]),
                (&json!({"any": ["thing"]}), &json!("buildshuttle"))
            );
            assert_eq!(body["building"], body["status"] != "succeeded", "{body}");
        }
    }
    stack.leaves_nothing(&[]).await;
}

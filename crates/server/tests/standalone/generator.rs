//! Builds of generator's clients, from the address that asks for one to the image.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use futures::StreamExt as _;
use serde_json::Value;
use slipway_test_support::env;
use slipway_test_support::web::{Answer, Web};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::buildshuttle::pulled_and_run;
use crate::sources::release;
use crate::stack::{Stack, digest_in_registry, fresh, one_host, unique};

/// Asks for a build and gives its id.
async fn asked(stack: &Stack, query: &str) -> String {
    let url = format!("{}/b1/build?{query}", stack.daemon.url);
    let answer = stack.daemon.http.get(url).send().await.unwrap();
    let status = answer.status();
    let id = answer.text().await.unwrap();
    assert!(status.is_success() && id.len() == 32, "{status}: {id}");
    id
}

/// Every chunk until `bye`, as a client polls for them.
async fn polled(stack: &Stack, id: &str) -> Vec<String> {
    let mut chunks = Vec::new();
    for _ in 0..3000 {
        let count = chunks.len();
        let url = format!("{}/b1/build/log/http/{id}?count={count}", stack.daemon.url);
        match stack.daemon.http.get(url).send().await.unwrap().text().await.unwrap().as_str() {
            "bye" => return chunks,
            "" => tokio::time::sleep(Duration::from_millis(100)).await,
            chunk => chunks.push(chunk.to_owned()),
        }
    }
    panic!("no end of the log: {chunks:?}");
}

/// Every frame of the WebSocket to its close, which has to be a good one.
async fn followed(stack: &Stack, id: &str) -> Vec<String> {
    let url = format!("{}/b1/build/log/ws/{id}", stack.daemon.url.replace("http://", "ws://"));
    let (mut socket, _) = connect_async(url).await.unwrap();
    let mut frames = Vec::new();
    while let Some(message) = socket.next().await {
        match message.unwrap() {
            Message::Text(text) => frames.push(text.to_string()),
            Message::Close(frame) => {
                assert_eq!(u16::from(frame.unwrap().code), 1000);
                return frames;
            }
            Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
        }
    }
    panic!("hung up: {frames:?}");
}

/// What a log says, each line of its stream read as JSON.
fn text_of(chunks: &[String]) -> String {
    let read = chunks.iter().map(|chunk| {
        assert!(chunk.ends_with("\r\n"), "{chunk:?}");
        serde_json::from_str::<Value>(chunk).unwrap()
    });
    read.filter_map(|line| line["stream"].as_str().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dockerfile_and_an_archive_become_images() {
    let web = Web::start(|_| Answer::new(200, release())).await.unwrap();
    let settings = format!("[dialects]\ndefault_registry = \"{}\"\n", env::registry());
    let stack = Stack::with(&(settings + &one_host(&env::docker_host()))).await;
    let dockerfile = fresh("echo out of the build") + "CMD [\"echo\", \"it runs\"]\n";
    let dockerfile = URL_SAFE.encode(dockerfile);
    let archive = format!("{}/app.tgz", web.url());
    let (mut ids, mut images) = (Vec::new(), Vec::new());
    for (source, words) in [
        (format!("dockerfile={dockerfile}"), "out of the build\n"),
        (format!("mode=archive&context={archive}"), "COPY kept /\n"),
    ] {
        let name = format!("generator/{}:1", unique());
        let id = asked(&stack, &format!("imagename={name}&{source}")).await;
        let (frames, chunks) = tokio::join!(followed(&stack, &id), polled(&stack, &id));
        let text = text_of(&chunks);
        assert!(text.contains("Step 1/") && text.contains(words), "{text}");
        let live: Vec<_> = frames.into_iter().filter(|f| f != "waitting build ...").collect();
        let (last, live) = live.split_last().unwrap();
        assert_eq!((last.as_str(), live), ("bye", chunks.as_slice()));
        let done = stack.daemon.build(&id).await.unwrap();
        assert_eq!(done["status"], "succeeded", "{done:#}");
        let image = format!("{}/{name}", env::registry());
        let there = digest_in_registry(&env::registry(), &image).await;
        assert_eq!(done["digest"].as_str(), there.as_deref(), "{done:#}");
        ids.push(id);
        images.push(image);
    }
    assert_eq!(pulled_and_run(&images[0], None).await, "it runs\n");
    stack.leaves_nothing(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_in_force_and_a_failure_is_in_the_log() {
    let host = one_host(&env::docker_host()) + "builder = \"classic\"\n";
    let stack = Stack::with(&host).await;
    let limit = 32 * 1024 * 1024;
    let dockerfile = fresh(
        "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; \
         exit 3",
    );
    let query = format!(
        "imagename={}/generator/{}&memory={limit}&dockerfile={}",
        env::registry(),
        unique(),
        URL_SAFE.encode(dockerfile)
    );
    let id = asked(&stack, &query).await;
    let chunks = polled(&stack, &id).await;
    let text = text_of(&chunks);
    assert!(text.contains(&format!("{limit}\n")), "{text}");
    let last: Value = serde_json::from_str(chunks.last().unwrap()).unwrap();
    assert_eq!(last["error"], last["errorDetail"]["message"], "{last}");
    assert!(last["error"].as_str().is_some_and(|error| error.contains('3')), "{last}");
    stack.leaves_nothing(&[&id]).await;
}

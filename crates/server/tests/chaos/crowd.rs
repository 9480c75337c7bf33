//! Those who order builds, and do not give up.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use slipway_test_support::env;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::house::House;
use crate::orders::{Order, Wanted};

/// How many send at a time.
pub(crate) const SENDERS: usize = 4;

const ENDS: [&str; 4] = ["succeeded", "failed", "cancelled", "timed_out"];

#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) order: Order,
    /// Whether a cancel was accepted.
    pub(crate) cancelled: bool,
}

/// Sends all of them, a few at a time; those who cancel do it beside that.
pub(crate) async fn send(house: &Arc<House>, orders: Vec<Order>) -> Vec<Sent> {
    let context = Arc::new(context());
    let sending = orders.into_iter().enumerate().map(|(number, order)| {
        let (house, context) = (Arc::clone(house), Arc::clone(&context));
        async move {
            sleep(order.wait).await;
            let id = submitted(&house, number, &order, &context).await;
            let cancelling = match order.wanted {
                Wanted::Cancelled(after) => Some(tokio::spawn(cancels(house, id.clone(), after))),
                Wanted::Success | Wanted::StepFails | Wanted::NoDockerfile | Wanted::TimesOut => {
                    None
                }
            };
            (Sent { id, order, cancelled: false }, cancelling)
        }
    });
    let sent: Vec<_> = stream::iter(sending).buffered(SENDERS).collect().await;
    let cancelled = sent.into_iter().map(async |(mut one, cancelling)| {
        if let Some(cancelling) = cancelling {
            one.cancelled = cancelling.await.unwrap();
        }
        one
    });
    join_all(cancelled).await
}

async fn cancels(house: Arc<House>, id: String, after_ms: u64) -> bool {
    sleep(Duration::from_millis(after_ms)).await;
    cancelled(&house, &id).await
}

/// A tar with busybox in it; the Dockerfile comes with each build.
fn context() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_path_with_name(env::busybox(), "busybox").unwrap();
    tar.into_inner().unwrap()
}

/// Asks one API server after the other until one has taken it: as a client with a key for
/// repeating its request safely may.
async fn submitted(house: &House, number: usize, order: &Order, context: &[u8]) -> String {
    let context = with_dockerfile(context, &order.dockerfile);
    let project = format!("p{}", number % 3);
    let uploads = format!("/api/v2/uploads?project={project}");
    let upload = insist(house, number, &uploads, "", &context).await;
    let mut build = json!({
        "image": order.image,
        "source": {"type": "upload", "id": upload["id"]},
        "project": project,
        "priority": number % 4,
        "registry_auth": {"registry.example": {"username": "u", "password": "chaos-secret"}},
    });
    if order.wanted == Wanted::TimesOut {
        build["timeout_seconds"] = json!(2);
    }
    let key = Uuid::new_v4().to_string();
    let build = insist(house, number, "/api/v2/builds", &key, build.to_string().as_bytes()).await;
    build["id"].as_str().unwrap_or_else(|| panic!("not accepted: {build:#}")).to_owned()
}

/// The context with a Dockerfile behind its files.
fn with_dockerfile(context: &[u8], dockerfile: &str) -> Vec<u8> {
    // Without the two blocks of zeros that end it.
    let mut tar = tar::Builder::new(context[..context.len() - 1024].to_vec());
    let mut header = tar::Header::new_gnu();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "Dockerfile", dockerfile.as_bytes()).unwrap();
    tar.into_inner().unwrap()
}

/// Sends it until it is taken.
async fn insist(house: &House, from: usize, path: &str, key: &str, body: &[u8]) -> Value {
    for api in from.. {
        match ask(house, api, "POST", path, key, body.to_vec()).await {
            Some((_, answer)) => return answer,
            None => sleep(Duration::from_millis(200)).await,
        }
    }
    Value::Null
}

/// Asks for a build to stop, until somebody answers. Whether it was accepted.
async fn cancelled(house: &House, id: &str) -> bool {
    let path = format!("/api/v2/builds/{id}/cancel");
    for api in 0.. {
        match ask(house, api, "POST", &path, "", Vec::new()).await {
            Some((202, _)) => return true,
            Some((409, _)) => return false,
            _ => sleep(Duration::from_millis(200)).await,
        }
    }
    false
}

/// Status and body, where there was an answer.
async fn ask(
    house: &House,
    api: usize,
    method: &str,
    path: &str,
    key: &str,
    body: Vec<u8>,
) -> Option<(u16, Value)> {
    let url = house.apis[api % house.apis.len()].lock().await.url.clone();
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut asked = reqwest::Client::new()
        .request(method, format!("{url}{path}"))
        .timeout(Duration::from_secs(20))
        .body(body);
    if !key.is_empty() {
        asked = asked.header("Idempotency-Key", key);
    }
    let answer = asked.send().await.ok()?;
    let status = answer.status().as_u16();
    if status >= 500 {
        return None;
    }
    Some((status, answer.json().await.ok()?))
}

/// Waits, while the mischief goes on, until most are over, but not for ever. Says how many
/// are.
pub(crate) async fn most_are_over(house: &House, sent: &[Sent]) -> usize {
    let (began, patience) = (Instant::now(), Duration::from_secs(60 + sent.len() as u64));
    let mut going_on: Vec<(usize, &Sent)> = sent.iter().enumerate().collect();
    loop {
        let mut rest = Vec::new();
        for (number, one) in going_on {
            let build = find(house, number, &one.id).await;
            if !build.is_some_and(|(status, build)| status == 200 && is_over(&build)) {
                rest.push((number, one));
            }
        }
        going_on = rest;
        if going_on.len() * 10 <= sent.len() || began.elapsed() > patience {
            return sent.len() - going_on.len();
        }
        sleep(Duration::from_millis(500)).await;
    }
}

fn is_over(build: &Value) -> bool {
    ENDS.iter().any(|end| build["status"] == *end)
}

/// Every build as it ended.
pub(crate) async fn ends(house: &House, sent: &[Sent], patience: Duration) -> Vec<Value> {
    let began = Instant::now();
    let mut ends = Vec::new();
    for (number, one) in sent.iter().enumerate() {
        loop {
            let build = find(house, number, &one.id).await;
            if let Some((200, build)) = &build
                && is_over(build)
            {
                ends.push(build.clone());
                break;
            }
            assert!(began.elapsed() < patience, "does not end: {:?} {build:?}", one.order);
            sleep(Duration::from_millis(100)).await;
        }
    }
    ends
}

async fn find(house: &House, api: usize, id: &str) -> Option<(u16, Value)> {
    ask(house, api, "GET", &format!("/api/v2/builds/{id}"), "", Vec::new()).await
}

/// All events of a build, in order.
pub(crate) async fn events(house: &House, id: &str) -> Vec<Value> {
    let url = house.apis[0].lock().await.url.clone();
    let url = format!("{url}/api/v2/builds/{id}/events");
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

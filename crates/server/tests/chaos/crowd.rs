//! Those who order builds, and do not give up.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};
use slipway_test_support::env;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::house::House;

const ENDS: [&str; 4] = ["succeeded", "failed", "cancelled", "timed_out"];

/// What is to become of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Success,
    /// Its `RUN` fails.
    StepFails,
    /// Its Dockerfile cannot be parsed.
    NoDockerfile,
    /// It outlasts the time that it asked for.
    TimesOut,
    /// It is cancelled after so many milliseconds.
    Cancelled(u64),
}

#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) wanted: Wanted,
    pub(crate) image: String,
    dockerfile: String,
    wait: Duration,
}

#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) order: Order,
    /// Whether a cancel was accepted.
    pub(crate) cancelled: bool,
}

/// Builds of all kinds, in no order.
pub(crate) fn orders(count: usize, registry: &str, random: &mut StdRng) -> Vec<Order> {
    const KINDS: [Wanted; 8] = [
        Wanted::Success,
        Wanted::Success,
        Wanted::Success,
        Wanted::Success,
        Wanted::StepFails,
        Wanted::NoDockerfile,
        Wanted::TimesOut,
        Wanted::Cancelled(0),
    ];
    let one = |number: usize| {
        let wanted = match KINDS.choose(random).copied() {
            Some(Wanted::Cancelled(_)) => Wanted::Cancelled(random.random_range(0..4000)),
            other => other.unwrap_or(Wanted::Success),
        };
        let seconds = random.random_range(0..4);
        let run = |command: &str| {
            format!("RUN [\"/busybox\", \"sh\", \"-c\", \"echo {number}; {command}\"]\n")
        };
        let step = match wanted {
            Wanted::Success => run(&format!("/busybox sleep {seconds}")),
            Wanted::StepFails => run("exit 3"),
            Wanted::NoDockerfile => "NONSENSE here\n".into(),
            Wanted::TimesOut | Wanted::Cancelled(_) => run("/busybox sleep 600"),
        };
        Order {
            wanted,
            // Some share a tag, and take turns.
            image: format!("{registry}/chaos/app-{}:1", number / 2),
            dockerfile: format!("FROM scratch\nCOPY busybox /busybox\nLABEL n={number}\n{step}"),
            wait: Duration::from_millis(random.random_range(0..600)),
        }
    };
    (0..count).map(one).collect()
}

/// Sends all of them, one after the other; those who cancel do it beside that.
pub(crate) async fn send(house: &House, orders: Vec<Order>) -> Vec<Sent> {
    let mut cancelling = Vec::new();
    let mut sent = Vec::new();
    let context = context();
    for (number, order) in orders.into_iter().enumerate() {
        sleep(order.wait).await;
        let id = submitted(house, number, &order, &context).await;
        if let Wanted::Cancelled(after) = order.wanted {
            cancelling.push((number, id.clone(), Duration::from_millis(after)));
        }
        sent.push(Sent { id, order, cancelled: false });
    }
    let cancels = cancelling.into_iter().map(async |(number, id, after)| {
        sleep(after).await;
        (number, cancelled(house, &id).await)
    });
    for (number, accepted) in futures::future::join_all(cancels).await {
        sent[number].cancelled = accepted;
    }
    sent
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
    let upload = insist(house, number, "/api/v2/uploads", "", &context).await;
    let mut build = json!({
        "image": order.image,
        "source": {"type": "upload", "id": upload["id"]},
        "project": format!("p{}", number % 3),
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
    let began = Instant::now();
    loop {
        let over = over(house, sent).await;
        if over * 10 >= sent.len() * 9 || began.elapsed() > Duration::from_secs(60) {
            return over;
        }
        sleep(Duration::from_millis(500)).await;
    }
}

async fn over(house: &House, sent: &[Sent]) -> usize {
    let mut over = 0;
    for (number, one) in sent.iter().enumerate() {
        if let Some((200, build)) = find(house, number, &one.id).await {
            over += usize::from(ENDS.iter().any(|end| build["status"] == *end));
        }
    }
    over
}

/// Every build as it ended.
pub(crate) async fn ends(house: &House, sent: &[Sent], patience: Duration) -> Vec<Value> {
    let began = Instant::now();
    let mut ends = Vec::new();
    for (number, one) in sent.iter().enumerate() {
        loop {
            let build = find(house, number, &one.id).await;
            if let Some((200, build)) = &build
                && ENDS.iter().any(|end| build["status"] == *end)
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

//! API servers that are killed between their answer to a forge and the work on its delivery.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use slipway_test_support::daemon::{Daemon, Role};
use slipway_test_support::wire::Wire;

use crate::cluster::{Cluster, get, until};

const SECRET: &str = "hunter2";

/// A server with a trigger, a push that it has answered, and a wire to its database that was
/// held when `statement` wanted to pass: it is killed there, and started again over that wire.
async fn killed_at(statement: &[u8]) -> (Cluster, Wire, Daemon) {
    let (cluster, wire) = Cluster::wired_to_database().await;
    let mut api = cluster.started(Role::Api, "api").await;
    let trigger = json!({"name": "web", "forge": "github", "repository": "octo/*",
        "image": "r.example/{owner}/{repo}:{branch}", "secret": SECRET});
    let url = format!("{}/api/v2/triggers", api.url);
    let made = api.http.post(url).json(&trigger).send().await.unwrap();
    assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());

    wire.hold_requests_at(statement);
    let answered = deliver(&api).await;
    assert_eq!(answered["status"], "accepted", "{answered:#}");
    wire.held().await;
    api.kill().await.unwrap();
    // What it had begun passes now, and ends with its connection.
    wire.mend();
    api.start_again().await.unwrap();
    (cluster, wire, api)
}

/// A push, as GitHub tells it, and what was answered.
async fn deliver(api: &Daemon) -> Value {
    let commit = "4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d";
    let push = json!({"ref": "refs/heads/main", "after": commit, "deleted": false,
        "head_commit": {"id": commit, "message": "one"},
        "repository": {"full_name": "octo/app"}});
    let body = push.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let digits: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let request = api
        .http
        .post(format!("{}/webhooks/github", api.url))
        .header("X-GitHub-Event", "push")
        .header("X-GitHub-Delivery", "1")
        .header("X-Hub-Signature-256", format!("sha256={digits}"));
    let answer = request.body(body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    answer.json().await.unwrap()
}

/// The delivery was worked off in so many attempts, and there is the one build of it.
async fn built_once(api: &Daemon) {
    let path = "/api/v2/triggers/deliveries";
    let told = until(api, path, |_, told| told["deliveries"][0]["status"] == "worked").await;
    let build = &told["deliveries"][0]["triggers"][0]["build"];
    let (_, builds) = get(api, "/api/v2/builds").await;
    let builds = builds["builds"].as_array().unwrap();
    assert_eq!(builds.len(), 1, "{builds:#?}");
    assert_eq!(&builds[0]["id"], build, "{told:#}");
    // The forge was answered, and may ask again all the same.
    let again = deliver(api).await;
    assert_eq!(again["id"], told["deliveries"][0]["id"]);
    let (_, builds) = get(api, "/api/v2/builds").await;
    assert_eq!(builds["builds"].as_array().unwrap().len(), 1, "{builds:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_it_took_the_delivery_up() {
    let (cluster, wire, api) = killed_at(b"UPDATE webhook_deliveries SET attempts").await;
    built_once(&api).await;
    drop((api, wire));
    cluster.remove().await;
}

/// What the other one held is taken up half a minute later, and the build is there already.
#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_build_and_the_note_of_it() {
    let (cluster, wire, api) = killed_at(b"UPDATE webhook_deliveries SET worked_at").await;
    let (_, builds) = get(&api, "/api/v2/builds").await;
    assert_eq!(builds["builds"].as_array().unwrap().len(), 1, "{builds:#?}");
    let (_, told) = get(&api, "/api/v2/triggers/deliveries").await;
    assert_eq!(told["deliveries"][0]["status"], "waiting", "{told:#}");
    let metrics = api.http.get(format!("{}/metrics", api.url)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("\nslipway_webhook_inbox 1\n"), "{metrics}");
    built_once(&api).await;
    drop((api, wire));
    cluster.remove().await;
}

//! What becomes of deliveries that are.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use slipway_api::webhooks::work_one;
use slipway_domain::{Forge, TriggerDefinition};
use slipway_store::webhooks::claim;

use super::{COMMIT, PUSH, SECRET, builds, definition, deliver, hmac, server, signed, worked};
use crate::server::answer;

#[tokio::test]
async fn githubs_examples_become_builds() {
    let server = server(vec![(definition(), None)]).await;
    let ping = deliver(&server, "ping", "0", include_str!("../../data/github/ping.json")).await;
    assert_eq!(ping.line(), "200 pong");

    let push = deliver(&server, "push", "1", PUSH).await;
    assert_eq!((push.status, &push.json()["status"]), (202, &json!("accepted")), "{push:?}");
    assert!(builds(&server).await.is_empty(), "answered first, worked later");
    let release = include_str!("../../data/github/release.json");
    assert_eq!(deliver(&server, "release", "2", release).await.status, 202);
    let opened = include_str!("../../data/github/pull_request.json");
    assert_eq!(deliver(&server, "pull_request", "3", opened).await.status, 202);
    let newer = include_str!("../../data/github/pull_request_synchronize.json");
    assert_eq!(deliver(&server, "pull_request", "4", newer).await.status, 202);
    let tag = include_str!("../../data/github/push_tag.json");
    assert_eq!(deliver(&server, "push", "5", tag).await.status, 202);

    let told = worked(&server).await;
    let lines: Vec<String> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|of| format!("{} {} {}", of["event"], of["ref"], of["status"]).replace('"', ""))
        .collect();
    assert_eq!(
        lines,
        [
            "push refs/tags/simple-tag worked",
            "pull_request refs/pull/2 worked",
            "pull_request refs/pull/2 worked",
            "release refs/tags/0.0.1 worked",
            "push refs/heads/master worked",
        ]
    );
    let builds = builds(&server).await;
    let images: Vec<_> = builds.iter().map(|build| build["image"].as_str().unwrap()).collect();
    let of = |tag: &str| format!("r.example/codertocat/hello-world:{tag}");
    assert_eq!(images, [of("simple-tag"), of("2"), of("2"), of("0.0.1"), of("master")]);
    // The newer state of the pull request took the place of the older.
    assert_eq!(builds[2]["status"], "cancelled");
    assert_eq!(builds[2]["superseded_by"], builds[1]["id"]);
    let push = &builds[4];
    assert_eq!(push["id"], told[4]["triggers"][0]["build"]);
    assert_eq!(
        push["source"],
        json!({"type": "github", "owner": "Codertocat", "repo": "Hello-World", "ref": COMMIT,
            "subdir": null, "commit": null})
    );
    assert_eq!(push["metadata"]["commit"], COMMIT);
    assert_eq!(push["metadata"]["trigger"], "all");
    let all = told.to_string() + &serde_json::to_string(&builds).unwrap();
    assert!(!all.contains(SECRET) && !all.contains("t0ken"), "{all}");
}

#[tokio::test]
async fn a_secret_signs_for_its_own_trigger_alone() {
    let own = TriggerDefinition {
        name: "own".into(),
        image: "r.example/own:{branch|tag|pr}".into(),
        ..definition()
    };
    let server = server(vec![(definition(), None), (own, Some("of its own"))]).await;
    assert_eq!(answer(signed(&server, "of its own", "push", "1", PUSH)).await.status, 202);
    let told = worked(&server).await;
    assert_eq!(told[0]["triggers"].as_array().unwrap().len(), 1);
    assert_eq!(told[0]["triggers"][0]["trigger"], "own");
    let builds = builds(&server).await;
    assert_eq!(builds.len(), 1);
    assert_eq!(builds[0]["image"], "r.example/own:master");
}

#[tokio::test]
async fn a_replay_is_answered_and_not_worked() {
    let server = server(vec![(definition(), None)]).await;
    let first = deliver(&server, "push", "guid", PUSH).await;
    worked(&server).await;
    // As it came, with another body under its name, and under another name.
    let changed = PUSH.replace("Codertocat", "Mallory");
    for (id, body) in [("guid", PUSH), ("guid", &changed), ("another", PUSH)] {
        let again = deliver(&server, "push", id, body).await;
        assert_eq!((again.status, &again.text), (202, &first.text));
        assert_eq!(again.header("idempotency-replayed"), "true");
    }
    assert_eq!(worked(&server).await.as_array().unwrap().len(), 1);
    assert_eq!(builds(&server).await.len(), 1);
}

#[tokio::test]
async fn what_no_trigger_is_for_and_what_asks_for_no_build() {
    let server = server(vec![(definition(), None)]).await;
    for (event, body) in [
        ("issues", "{}"),
        ("star", "not even JSON"),
        (
            "pull_request",
            &*include_str!("../../data/github/pull_request.json")
                .replace("\"opened\"", "\"closed\""),
        ),
    ] {
        assert_eq!(deliver(&server, event, event, body).await.line(), "204 ", "{event}");
    }
    let deleted = include_str!("../../data/github/push_deleted.json");
    let ignored = deliver(&server, "push", "1", deleted).await;
    assert_eq!((ignored.status, &ignored.json()["status"]), (202, &json!("ignored")));
    let again = deliver(&server, "push", "1", deleted).await;
    assert_eq!(again.text, ignored.text);
    let mut skipped: Value = serde_json::from_str(PUSH).unwrap();
    skipped["head_commit"]["message"] = json!("docs [skip ci]");
    deliver(&server, "push", "2", &skipped.to_string()).await;

    let told = worked(&server).await;
    let reasons: Vec<_> = told.as_array().unwrap().iter().map(|of| &of["reason"]).collect();
    assert_eq!(reasons, ["the commit's message has [skip ci]", "refs/tags/simple-tag was deleted"]);
    assert!(builds(&server).await.is_empty());
}

#[tokio::test]
async fn forks_are_built_where_asked_for_and_without_the_token() {
    let forks = TriggerDefinition {
        name: "forks".into(),
        forks: true,
        image: "r.example/forks/{repo}:{tag|branch|pr}".into(),
        ..definition()
    };
    let server = server(vec![(definition(), None), (forks, None)]).await;
    let body = include_str!("../../data/github/pull_request.json");
    let mut fork: Value = serde_json::from_str(body).unwrap();
    fork["pull_request"]["head"]["repo"]["full_name"] = json!("mallory/Hello-World");
    deliver(&server, "pull_request", "1", &fork.to_string()).await;
    let told = worked(&server).await;
    let fired = &told[0]["triggers"];
    assert!(fired[0]["reason"].as_str().unwrap().contains("from a fork"), "{fired}");
    let builds = builds(&server).await;
    assert_eq!(builds.len(), 1);
    assert_eq!(builds[0]["id"], fired[1]["build"]);
    // A retry needs no secrets of a build that had none.
    let path = format!("/api/v2/builds/{}", builds[0]["id"].as_str().unwrap());
    server.post(&format!("{path}/cancel"), "").await;
    assert_eq!(server.post(&format!("{path}/retry"), "").await.status, 202);

    deliver(&server, "push", "2", PUSH).await;
    worked(&server).await;
    let own = &self::builds(&server).await[0];
    let path = format!("/api/v2/builds/{}", own["id"].as_str().unwrap());
    server.post(&format!("{path}/cancel"), "").await;
    let retry = server.post(&format!("{path}/retry"), "").await;
    assert_eq!(retry.json()["error"]["code"], "logins_erased", "its token went with its end");
}

#[tokio::test]
async fn a_ref_that_looks_like_an_option_is_a_name() {
    let server = server(vec![(definition(), None)]).await;
    let mut odd: Value = serde_json::from_str(PUSH).unwrap();
    odd["ref"] = json!("refs/heads/--upload-pack=x");
    deliver(&server, "push", "1", &odd.to_string()).await;
    worked(&server).await;
    let build = builds(&server).await.remove(0);
    assert_eq!(build["image"], "r.example/codertocat/hello-world:_-upload-pack-x");
    assert_eq!(build["source"]["ref"], COMMIT);
}

#[tokio::test]
async fn forms_and_the_other_forges() {
    let at = |forge, name: &str| TriggerDefinition {
        name: name.into(),
        forge,
        url: (forge != Forge::Github).then(|| "https://git.example".into()),
        ..definition()
    };
    let server = server(vec![
        (at(Forge::Github, "github"), None),
        (at(Forge::Gitea, "gitea"), None),
        (at(Forge::Gitlab, "gitlab"), None),
    ])
    .await;
    let encoded: String = PUSH.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let form = signed(&server, SECRET, "push", "1", &format!("payload={encoded}"))
        .header("Content-Type", "application/x-www-form-urlencoded");
    assert_eq!(answer(form).await.status, 202);

    let pushed = json!({"ref": "refs/heads/main", "after": "ab".repeat(20),
        "repository": {"full_name": "octo/app"}, "head_commit": null});
    let body = pushed.to_string();
    let gitea = |signature: String| {
        server
            .request(Method::POST, "/webhooks/gitea")
            .header("X-Gitea-Event", "push")
            .header("X-Gitea-Delivery", "1")
            .header("X-Gitea-Signature", signature)
            .body(body.clone())
    };
    assert_eq!(answer(gitea(hmac("another", body.as_bytes()))).await.status, 401);
    assert_eq!(answer(gitea(hmac(SECRET, body.as_bytes()))).await.status, 202);

    let pushed = json!({"object_kind": "push", "ref": "refs/heads/main", "after": "cd".repeat(20),
        "checkout_sha": "cd".repeat(20), "project": {"path_with_namespace": "group/sub/app"}});
    let gitlab = |token: &str| {
        server
            .request(Method::POST, "/webhooks/gitlab")
            .header("X-Gitlab-Event", "Push Hook")
            .header("X-Gitlab-Token", token)
            .body(pushed.to_string())
    };
    assert_eq!(answer(gitlab("another")).await.status, 401);
    assert_eq!(answer(gitlab(SECRET)).await.status, 202);
    // Without a name of its own a delivery is known by its body.
    assert_eq!(answer(gitlab(SECRET)).await.header("idempotency-replayed"), "true");

    worked(&server).await;
    let builds = builds(&server).await;
    assert_eq!(builds.len(), 3);
    assert_eq!(builds[0]["image"], "r.example/group/sub/app:main");
    assert_eq!(builds[0]["source"]["url"], "https://git.example/group/sub/app.git");
    assert_eq!(builds[1]["source"]["url"], "https://git.example/octo/app.git");
    assert_eq!(builds[1]["source"]["ref"], "ab".repeat(20));
    assert_eq!(builds[2]["image"], "r.example/codertocat/hello-world:master");
}

#[tokio::test]
async fn gitlab_says_the_same_of_two_pushes() {
    let gitlab = TriggerDefinition { forge: Forge::Gitlab, ..definition() };
    let server = server(vec![(gitlab, None)]).await;
    let push = |occasion: &'static str, name: &'static str, before: &str, after: &str| {
        let pushed = json!({"object_kind": "push", "ref": "refs/heads/main",
            "before": before.repeat(20), "after": after.repeat(20),
            "checkout_sha": after.repeat(20), "project": {"path_with_namespace": "octo/app"}});
        let request = server
            .request(Method::POST, "/webhooks/gitlab")
            .header("X-Gitlab-Event", "Push Hook")
            .header("X-Gitlab-Token", SECRET)
            .header("Idempotency-Key", name)
            .body(pushed.to_string());
        if occasion.is_empty() { request } else { request.header("X-Gitlab-Event-UUID", occasion) }
    };
    // There, back, and there again: what is built last is where the branch is.
    for (occasion, name, before, after) in
        [("a", "1", "ab", "cd"), ("b", "2", "cd", "ab"), ("c", "3", "ab", "cd")]
    {
        let told = answer(push(occasion, name, before, after)).await;
        assert_eq!(told.status, 202, "{name}");
        assert_eq!(told.header("idempotency-replayed"), "", "{name}");
    }
    // Another try, and the webhook of the group that heard of the same.
    for (occasion, name) in [("c", "3"), ("", "3"), ("c", "4")] {
        let told = answer(push(occasion, name, "ab", "cd")).await;
        assert_eq!(told.header("idempotency-replayed"), "true", "{occasion} {name}");
    }
    worked(&server).await;
    let builds = builds(&server).await;
    assert_eq!(builds.len(), 3);
    assert_eq!(builds[0]["source"]["ref"], "cd".repeat(20));
}

#[tokio::test]
async fn what_a_killed_server_left_is_done_by_another() {
    let server = server(vec![(definition(), None)]).await;
    deliver(&server, "push", "1", PUSH).await;
    // It took the delivery, for no time at all, and died.
    let store = &server.api.store;
    let held = claim(store, Duration::ZERO, store.now()).await.unwrap();
    assert!(held.is_some());
    assert_eq!(builds(&server).await.len(), 0);
    // Several look at once; one build comes of it.
    let all = (0..4).map(|_| work_one(&server.api));
    for worked in futures::future::join_all(all).await {
        worked.unwrap();
    }
    assert_eq!(worked(&server).await[0]["status"], "worked");
    assert_eq!(builds(&server).await.len(), 1);
}

#[tokio::test]
async fn a_repository_that_no_trigger_is_for() {
    let acme = TriggerDefinition { repository: "acme/*".into(), ..definition() };
    let server = server(vec![(acme, None)]).await;
    deliver(&server, "push", "1", PUSH).await;
    let told = worked(&server).await;
    assert_eq!(told[0]["status"], "ignored");
    assert!(told[0]["reason"].as_str().unwrap().contains("no trigger"), "{told}");
}

//! Triggers over the API: made, changed, removed, tried out, and nothing of their secrets seen.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use slipway_api::webhooks::Webhooks;
use slipway_domain::{Forge, TriggerDefinition, TriggerSecrets};

use crate::server::{Answer, Server, answer};

fn trigger(changes: Value) -> Value {
    let mut trigger = json!({
        "name": "web", "forge": "github", "repository": "octo/*",
        "image": "r.example/{owner}/{repo}:{tag|branch}", "secret": "hunter2", "token": "t0ken",
    });
    trigger.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    trigger
}

async fn send(server: &Server, method: Method, path: &str, body: &Value) -> Answer {
    let sent = answer(server.request(method, path).body(body.to_string())).await;
    assert!(!sent.text.contains("hunter2") && !sent.text.contains("t0ken"), "{sent:?}");
    sent
}

async fn make(server: &Server, changes: Value) -> Answer {
    send(server, Method::POST, "/api/v2/triggers", &trigger(changes)).await
}

/// A server whose settings file has a trigger `all`.
async fn with_one_set() -> Server {
    let image = "r.example/{owner}/{repo}:{tag|branch}";
    let set = TriggerDefinition::new("all", Forge::Github, "**", image).parse().unwrap();
    let triggers = Arc::new(vec![(set, TriggerSecrets::default())]);
    Server::with_webhooks(Webhooks { triggers, ..Webhooks::default() }).await
}

#[tokio::test]
async fn made_shown_changed_and_removed() {
    let server = Server::start().await;
    let made = make(&server, json!({})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let view = made.json();
    assert_eq!(
        made.header("location"),
        format!("/api/v2/triggers/{}", view["id"].as_str().unwrap())
    );
    assert_eq!(view["has_secret"], true);
    assert_eq!(view["has_token"], true);
    assert_eq!(view["events"], json!(["push"]));
    assert_eq!(view["kept_in"], "database");
    assert_eq!(server.get("/api/v2/triggers/web").await.json(), view);
    assert_eq!(server.get(&made.header("location")).await.json(), view);
    assert_eq!(server.get("/api/v2/triggers").await.json()["triggers"], json!([view]));

    // What is left out stays; null takes it away.
    let mut change = trigger(json!({"name": "site", "token": null, "events": ["release"],
        "image": "r.example/{repo}:{tag}"}));
    change.as_object_mut().unwrap().remove("secret");
    let changed = send(&server, Method::PUT, "/api/v2/triggers/web", &change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let view = changed.json();
    assert_eq!((&view["has_secret"], &view["has_token"]), (&json!(true), &json!(false)));
    assert_eq!(view["name"], "site");
    assert_eq!(server.get("/api/v2/triggers/web").await.status, 404);

    let gone = answer(server.request(Method::DELETE, "/api/v2/triggers/site")).await;
    assert_eq!(gone.status, 204);
    let gone = answer(server.request(Method::DELETE, "/api/v2/triggers/site")).await;
    assert_eq!((gone.status, &gone.json()["error"]["code"]), (404, &json!("no_such_trigger")));
}

#[tokio::test]
async fn names_are_had_once_and_the_settings_are_not_changed() {
    let server = with_one_set().await;
    assert_eq!(make(&server, json!({})).await.status, 201);
    for name in ["web", "all"] {
        let again = make(&server, json!({"name": name})).await;
        assert_eq!((again.status, &again.json()["error"]["code"]), (409, &json!("trigger_exists")));
    }
    for method in [Method::PUT, Method::DELETE] {
        let body = trigger(json!({"name": "all"}));
        let refused = send(&server, method, "/api/v2/triggers/all", &body).await;
        let code = &refused.json()["error"]["code"];
        assert_eq!((refused.status, code), (409, &json!("trigger_in_settings")));
    }
    let all = server.get("/api/v2/triggers").await.json();
    let names: Vec<_> = all["triggers"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    assert_eq!(names, ["all", "web"]);
    assert_eq!(server.get("/api/v2/triggers/all").await.json()["kept_in"], "settings");
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_field() {
    let server = Server::start().await;
    for (changes, field) in [
        (json!({"name": "a b"}), "name"),
        (json!({"name": "dry-run"}), "name"),
        (json!({"forge": "sourcehut"}), "forge"),
        (json!({"forge": "gitea"}), "url"),
        (json!({"repository": "octo"}), "repository"),
        (json!({"events": ["merge"]}), "events"),
        (json!({"events": []}), "events"),
        (json!({"ref": "["}), "ref"),
        (json!({"image": "r.example/{repo}:{version}"}), "image"),
        (json!({"platform": "?"}), "platform"),
        (json!({"subdir": "../x"}), "source.subdir"),
        (json!({"args": {"A B": "x"}}), "args"),
        (json!({"args": {"": "x"}}), "args"),
        (json!({"secret": ""}), "secret"),
        (json!({"token": "a b"}), "token"),
        (json!({"brunch": "main"}), "brunch"),
    ] {
        let refused = make(&server, changes.clone()).await;
        assert_eq!(refused.status, 400, "{changes}: {refused:?}");
        assert_eq!(refused.json()["error"]["field"], field, "{changes}: {refused:?}");
    }
    assert_eq!(server.get("/api/v2/triggers").await.json()["triggers"], json!([]));
}

#[tokio::test]
async fn what_would_this_push_build() {
    let server = with_one_set().await;
    make(&server, json!({"ref": "v*"})).await;
    make(&server, json!({"name": "main", "ref": "main", "project": "team/app"})).await;
    let dry = async |body: Value| {
        let dry = send(&server, Method::POST, "/api/v2/triggers/dry-run", &body).await;
        assert_eq!(dry.status, 200, "{dry:?}");
        dry.json()
    };
    let push = json!({"forge": "github", "repository": "octo/app", "ref": "main",
        "commit": "ab".repeat(20)});
    let told = dry(push).await;
    assert_eq!(
        told["builds"],
        json!([{"trigger": "main", "image": "r.example/octo/app:main",
            "source": {"type": "github", "owner": "octo", "repo": "app", "ref": "ab".repeat(20)},
            "project": "team/app", "with_token": true,
            "supersede_key": "trigger main: octo/app refs/heads/main"}])
    );
    let reasons = &told["passed_by"];
    assert_eq!(reasons[0]["trigger"], "all");
    assert!(reasons[0]["reason"].as_str().unwrap().contains("webhooks.github_secret is not set"));
    assert_eq!(reasons[1]["reason"], "\"main\" does not match \"v*\"");

    // Nobody told a commit, and none is made up.
    make(
        &server,
        json!({"name": "each", "ref": "main", "image": "r.example/{repo}:{sha}-{short_sha}"}),
    )
    .await;
    let told = dry(json!({"forge": "github", "repository": "octo/app", "ref": "main"})).await;
    let built =
        |n: usize| (told["builds"][n]["image"].clone(), told["builds"][n]["source"].clone());
    let source = json!({"type": "github", "owner": "octo", "repo": "app", "ref": "{sha}"});
    assert_eq!(built(0), (json!("r.example/app:{sha}-{short_sha}"), source.clone()));
    assert_eq!(built(1), (json!("r.example/octo/app:main"), source));

    // A pattern that matches nothing says so.
    let other = dry(json!({"forge": "github", "repository": "acme/app", "ref": "main"})).await;
    assert_eq!(other["builds"], json!([]));
    let reason = &other["passed_by"][1]["reason"];
    assert_eq!(*reason, "the repository does not match \"octo/*\"");

    // A delivery as GitHub sends it.
    let delivery: Value = serde_json::from_str(include_str!("../data/github/push.json")).unwrap();
    let told = dry(json!({"forge": "github", "event": "push", "delivery": delivery})).await;
    assert_eq!(told["passed_by"].as_array().unwrap().len(), 4);
    let deleted = include_str!("../data/github/push_deleted.json");
    let deleted: Value = serde_json::from_str(deleted).unwrap();
    let told = dry(json!({"forge": "github", "delivery": deleted})).await;
    assert_eq!(told["ignored"], "refs/tags/simple-tag was deleted");
    assert_eq!(server.get("/api/v2/builds").await.json()["builds"], json!([]));

    let odd = json!({"forge": "github", "repository": "a b", "ref": "main"});
    for (body, field) in [
        (json!({"forge": "github"}), "repository"),
        (json!({"forge": "github", "repository": "o/a"}), "ref"),
        (json!({"forge": "x", "repository": "o/a", "ref": "main"}), "forge"),
        (json!({"forge": "github", "repository": "o/a", "ref": "m", "event": "x"}), "event"),
        (odd, "repository"),
        (json!({"forge": "github", "delivery": "{}"}), "delivery"),
        (json!({"forge": "github", "delivery": {"ref": "refs/heads/main"}}), "delivery.after"),
    ] {
        let path = "/api/v2/triggers/dry-run";
        let answer = send(&server, Method::POST, path, &body).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["field"]),
            (400, &json!(field)),
            "{body}"
        );
    }
}

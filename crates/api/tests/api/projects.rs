//! How many builds of a project run at once, and builds that take each other's place.

use reqwest::Method;
use serde_json::json;

use crate::server::{Server, answer};
use crate::worker::Worker;

#[tokio::test]
async fn a_limit_is_set_shown_and_taken_away() {
    let server = Server::start().await;
    let call = async |method: &str, path: &str, body: &str| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        answer(server.request(method, path).body(body.to_owned())).await.line()
    };
    let mut table = vec![call("GET", "/api/v2/projects", "").await];
    for (method, path, body) in [
        ("GET", "/api/v2/projects/team/app", ""),
        ("PUT", "/api/v2/projects/team/app", r#"{"max_running": 2}"#),
        ("PUT", "/api/v2/projects/*", r#"{"max_running": 9}"#),
        ("GET", "/api/v2/projects", ""),
        ("GET", "/api/v2/projects/team/app", ""),
        ("GET", "/api/v2/projects/*", ""),
        ("GET", "/api/v2/projects/nobody/knows-it", ""),
        ("GET", "/api/v2/projects/-x", ""),
        ("DELETE", "/api/v2/projects/team/app", ""),
        ("GET", "/api/v2/projects/team/app", ""),
        ("PUT", "/api/v2/projects/*", r#"{"max_running": null}"#),
        ("PUT", "/api/v2/projects/x", r#"{"max_running": 0}"#),
        ("PUT", "/api/v2/projects/x", r#"{"max_running": -1}"#),
        ("PUT", "/api/v2/projects/x", r#"{"max_running": "2"}"#),
        ("PUT", "/api/v2/projects/x", r#"{"max_runing": 1}"#),
        ("PUT", "/api/v2/projects/x", "{}"),
        ("PUT", "/api/v2/projects/-x", r#"{"max_running": 1}"#),
        // As generated clients write it. What is encoded twice is another name.
        ("PUT", "/api/v2/projects/team%2Fapp", r#"{"max_running": 3}"#),
        ("GET", "/api/v2/projects/team%2fapp", ""),
        ("GET", "/api/v2/projects/team%252Fapp", ""),
    ] {
        table.push(call(method, path, body).await);
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    200 {"projects":[]}
    200 {"name":"team/app","max_running":null,"own_limit":false,"running":0}
    200 {"name":"team/app","max_running":2,"own_limit":true,"running":0}
    200 {"name":"*","max_running":9,"own_limit":true,"running":0}
    200 {"projects":[{"name":"*","max_running":9,"own_limit":true,"running":0},{"name":"team/app","max_running":2,"own_limit":true,"running":0}]}
    200 {"name":"team/app","max_running":2,"own_limit":true,"running":0}
    200 {"name":"*","max_running":9,"own_limit":true,"running":0}
    200 {"name":"nobody/knows-it","max_running":9,"own_limit":false,"running":0}
    400 {"error":{"code":"invalid_field","message":"is not a project name","field":"project","hint":"use 1 to 128 of a-z, A-Z, 0-9, dot, underscore, slash and hyphen, beginning with a letter or digit"}}
    200 {"name":"team/app","max_running":9,"own_limit":false,"running":0}
    200 {"name":"team/app","max_running":9,"own_limit":false,"running":0}
    200 {"name":"*","max_running":null,"own_limit":true,"running":0}
    400 {"error":{"code":"invalid_field","message":"must be a whole number from 1 to 2147483647","field":"max_running","hint":"null takes the limit away; to stop all builds, drain the hosts"}}
    400 {"error":{"code":"invalid_field","message":"must be a whole number from 1 to 2147483647","field":"max_running","hint":"null takes the limit away; to stop all builds, drain the hosts"}}
    400 {"error":{"code":"invalid_field","message":"must be a whole number from 1 to 2147483647, not a string","field":"max_running","hint":"null takes the limit away; to stop all builds, drain the hosts"}}
    400 {"error":{"code":"unknown_field","message":"there is no such field","field":"max_runing","hint":"the fields are max_running"}}
    200 {"name":"x","max_running":null,"own_limit":true,"running":0}
    400 {"error":{"code":"invalid_field","message":"is not a project name","field":"project","hint":"use 1 to 128 of a-z, A-Z, 0-9, dot, underscore, slash and hyphen, beginning with a letter or digit"}}
    200 {"name":"team/app","max_running":3,"own_limit":true,"running":0}
    200 {"name":"team/app","max_running":3,"own_limit":true,"running":0}
    400 {"error":{"code":"invalid_field","message":"is not a project name","field":"project","hint":"use 1 to 128 of a-z, A-Z, 0-9, dot, underscore, slash and hyphen, beginning with a letter or digit"}}
    "#);
}

#[tokio::test]
async fn a_build_says_that_its_project_has_all_it_may_have() {
    let server = Server::start().await;
    let worker = Worker::start(&server).await;
    let limit = json!({"max_running": 1}).to_string();
    let put = server.request(Method::PUT, "/api/v2/projects/team").body(limit);
    assert_eq!(answer(put).await.status, 200);
    server.submitted(json!({"project": "team"})).await;
    worker.claim().await;
    let second = server.submitted(json!({"project": "team"})).await;
    let waiting = server.get(&second).await.json()["waiting"].clone();
    assert_eq!(
        (&waiting["reason"], &waiting["position"]),
        (&json!("project limit 1 of 1"), &json!(0))
    );
}

#[tokio::test]
async fn the_newer_build_of_a_key_takes_the_older_one_s_place() {
    let server = Server::start().await;
    let keyed = json!({"supersede_key": "app/main"});
    let older = server.submitted(keyed.clone()).await;
    let newer = server.submitted(keyed).await;
    let over = server.get(&older).await.json();
    assert_eq!(over["status"], "cancelled");
    assert_eq!(format!("/api/v2/builds/{}", over["superseded_by"].as_str().unwrap()), newer);
    assert_eq!(server.get(&newer).await.json()["status"], "queued");
}

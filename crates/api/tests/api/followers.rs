//! Who is told of a build: what a request may say of them, and where they stand.

use serde_json::json;

use crate::server::Server;
use crate::worker::Worker;

#[tokio::test]
async fn followers_are_shown_without_what_is_secret() {
    let server = Server::start().await;
    let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let followers = json!({"followers": [
        {"kind": "status", "url": "https://robot:hunter2@ci.example/hook?t=hunter2", "secret": key},
        {"kind": "logs", "url": "failover(kafka://a.example:9092/t, kafka://b.example:9092/t)"},
    ]});
    let build = server.submitted(followers).await;
    let shown = server.get(&format!("{build}/followers")).await;
    assert!(!shown.text.contains("hunter2") && !shown.text.contains(key), "{}", shown.text);
    let lines: Vec<String> = shown.json()["followers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!(
                "{} {} {} {} {}",
                one["kind"], one["url"], one["transport"], one["state"], one["can_resend"]
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "status" "https://ci.example/hook" "http" "waiting" true
    "logs" "kafka://a.example:9092,b.example:9092/t" "kafka" "waiting" false
    "#);
    let none = server.get(&format!("{build}/deliveries")).await;
    assert_eq!(none.json(), json!({"deliveries": [], "next_cursor": null}));

    // A retry is told to the same, or to those that it brings.
    Worker::start(&server).await.fail().await;
    for (body, count) in [("", 2), (r#"{"followers": []}"#, 0)] {
        let again = server.post(&format!("{build}/retry"), body).await;
        assert_eq!(again.status, 202, "{again:?}");
        let shown = server.get(&format!("{}/followers", again.header("location"))).await;
        assert_eq!(shown.json()["followers"].as_array().unwrap().len(), count);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_follower_is_named() {
    let server = Server::start().await;
    let good = json!({"kind": "status", "url": "https://ci.example/"});
    let mut table = Vec::new();
    for bad in [
        json!({"kind": "status", "url": "ftp://ci.example/"}),
        json!({"kind": "logs", "url": "kafka://broker.example/t"}),
        json!({"kind": "status", "url": "https://ci.example/", "secret": "hunter2"}),
        json!({"kind": "logs", "url": "https://ci.example/", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}),
        json!({"kind": "status", "url": "http://10.1.2.3/x?token=hunter2"}),
        json!({"kind": "logs", "url": "kafka://127.0.0.1:9092/t"}),
        json!({"kind": "state", "url": "https://ci.example/"}),
        // What a parser would take for another address.
        json!({"kind": "status", "url": "http:/127.0.0.1/hunter2"}),
        json!({"kind": "status", "url": "https://a@hunter2@ci.example/"}),
        json!({"kind": "status", "url": "https://ci.example\\@hunter2.example/"}),
        json!({"kind": "status", "url": "https://ci.example:0/hunter2"}),
        json!({"kind": "status", "url": "https://ci.example/#hunter2"}),
        json!({"kind": "logs", "url": "https://ci.example/a hunter2"}),
        json!({"kind": "logs", "url": "kafka:/hunter2:9092/t"}),
        json!({"kind": "logs", "url": "kafka://a@hunter2@b:9092/t"}),
        json!({"kind": "logs", "url": "kafka://b\\hunter2:9092/t"}),
        json!({"kind": "logs", "url": "kafka://b:0/t"}),
        json!({"kind": "logs", "url": "kafka://b:9092/t#hunter2"}),
    ] {
        let answer = server.submit(json!({"followers": [good, bad]})).await;
        assert!(!answer.text.contains("hunter2"), "{}", answer.text);
        let error = &answer.json()["error"];
        table.push(format!("{} {}: {}", answer.status, error["field"], error["message"]));
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 "followers[1].url": "is neither of http, https nor of kafka"
    400 "followers[1].url": "has a broker without a host or port"
    400 "followers[1].secret": "is no signing key: write whsec_ and 24 to 64 random bytes in base64"
    400 "followers[1].secret": "signs only what is sent to a follower of kind status over http"
    400 "followers[1].url": "requests may not reach 10.1.2.3 (private network)"
    400 "followers[1].url": "requests may not reach 127.0.0.1 (loopback)"
    400 "followers[1].kind": "\"state\" is not supported"
    400 "followers[1].url": "has not two slashes after its scheme"
    400 "followers[1].url": "has more than one @ before its path"
    400 "followers[1].url": "has a backslash in it"
    400 "followers[1].url": "has a port that there is not: a port is 1 to 65535"
    400 "followers[1].url": "has a fragment, which no server is sent"
    400 "followers[1].url": "has a blank, a tab or a newline in it"
    400 "followers[1].url": "has not two slashes after its scheme"
    400 "followers[1].url": "has a login in it"
    400 "followers[1].url": "has a backslash in it"
    400 "followers[1].url": "has a port that there is not: a port is 1 to 65535"
    400 "followers[1].url": "names no topic that Kafka takes: letters, digits, dots, _ and -"
    "#);
    let many = vec![good; 17];
    let answer = server.submit(json!({"followers": many})).await;
    assert_eq!(answer.json()["error"]["field"], "followers");
}

#[tokio::test]
async fn what_cannot_be_sent_again() {
    let server = Server::start().await;
    let id = "0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
    let mut table = vec![server.post(&format!("/api/v2/deliveries/{id}/resend"), "").await.line()];
    for body in [
        json!({"since": "2026-01-01T00:00:00Z"}),
        json!({"since": "2026-01-01T00:00:00Z", "build": id}),
        json!({"since": "2026-01-01T00:00:00Z", "project": "default"}),
    ] {
        table.push(server.post("/api/v2/deliveries/resend", body.to_string()).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    404 {"error":{"code":"no_such_delivery","message":"there is no delivery 0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"}}
    400 {"error":{"code":"invalid_field","message":"give either build or project","field":"build"}}
    404 {"error":{"code":"no_such_build","message":"there is no build 0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"}}
    202 {"messages":0,"erased":0}
    "#);
}

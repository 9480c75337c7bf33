//! From the request to the image.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use slipway_test_support::env;
use slipway_test_support::web::{Answer, Web};
use uuid::Uuid;

use super::{
    SAID, arguments, context, curl, newest_over, post, pulled_and_run, settings, undeclared,
};
use crate::stack::{Stack, digest_in_registry, fresh, images_named, unique};

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_one_from_an_archive_to_a_registry_with_a_login() {
    let stack = Stack::with(&settings()).await;
    let archive = context(&undeclared());
    let web = Web::start(move |_| Answer::new(200, &archive)).await.unwrap();
    let registry = env::registry_with_login();
    let (user, password) = (registry.user.as_str(), registry.password.as_str());
    let image = format!("{}/buildshuttle/{}:1", registry.host, unique());
    let body = json!({
        "metadata": "m", "arguments": arguments(),
        "source": {"url": format!("{}/archive/main.tar.gz", web.url())},
        "destination": {"image": format!("docker://{user}:{password}@{image}")},
    });
    let ok = ("200".to_owned(), r#"{"status":"OK"}"#.to_owned());
    assert_eq!(post(&stack, "/web/1", &body).await, ok);
    let done = newest_over(&stack).await;
    let id = done["id"].as_str().unwrap();
    let log = stack.daemon.build_log(id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#} {log}");
    assert!(!log.contains("hunter2") && log.contains("***"), "{log}");
    assert_eq!(pulled_and_run(&image, Some((user, password))).await, SAID);
    stack.leaves_nothing(&[id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_one_from_the_request_itself_and_rebuilt() {
    let stack = Stack::with(&settings()).await;
    let sources = context(&undeclared());
    let (app, first, second) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    let registry = env::registry();
    let image = format!("{registry}/buildshuttle/web-{app}");
    let payload = |number: u32, uuid: Uuid, sources: String| {
        json!({
            "sha": "0123abcd", "app": "web", "space": "prod", "branch": "main", "repo": "o/web",
            "org": "o", "build_number": number, "build_uuid": uuid, "app_uuid": app,
            "sources": sources, "build_args": arguments(), "gm_registry_host": registry,
            "gm_registry_repo": "buildshuttle", "docker_registry": "",
        })
    };
    let data = format!("data:application/gzip;base64,{}", STANDARD.encode(&sources));
    let ok = ("200".to_owned(), r#"{"status":"ok"}"#.to_owned());
    let mut digests = Vec::new();
    let mut ids = Vec::new();
    for (number, uuid, sources) in
        [(1, first, data), (2, second, format!("{}/{first}", stack.daemon.url))]
    {
        assert_eq!(post(&stack, "/", &payload(number, uuid, sources)).await, ok);
        let done = newest_over(&stack).await;
        let path = format!("/web-{app}/{number}");
        let (_, log) = curl(&stack, &[], &format!("{path}/logs")).await;
        assert_eq!(done["status"], "succeeded", "{done:#} {log}");
        let opening = format!(
            "Generating build for web-prod build uuid {uuid}\n\
             Getting source code for o/web/main SHA 0123abcd...\n"
        );
        assert!(log.starts_with(&opening), "{log}");
        assert!(log.contains("\nStep 1/"), "{log}");
        assert!(!log.contains("hunter2"), "{log}");
        let (_, status) = curl(&stack, &[], &format!("{path}/status")).await;
        let expected = format!(
            r#"{{"id":{number},"building":false,"status":"succeeded","type":"buildshuttle"}}"#
        );
        assert_eq!(status, expected);
        // Both names are there, and are the same image.
        let known = done["digest"].as_str().map(str::to_owned);
        for tag in [format!("1.{number}"), "latest".to_owned()] {
            let there = digest_in_registry(&registry, &format!("{image}:{tag}")).await;
            assert_eq!(there, known, "{tag}: {log}");
        }
        digests.push(known);
        ids.push(done["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(pulled_and_run(&format!("{image}:latest"), None).await, SAID);
    assert_eq!(images_named(&app.to_string()).await, Vec::<String>::new());
    let stored = stack.daemon.http.get(format!("{}/{second}", stack.daemon.url));
    let stored = stored.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(stored, sources);
    stack.leaves_nothing(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_passed_on_from_one_login_to_another_place() {
    let stack = Stack::plain().await;
    let there = env::registry_with_login();
    let from = format!("{}/buildshuttle/{}:3", there.host, unique());
    let made = json!({
        "image": from, "source": {"type": "dockerfile", "content": fresh("echo made > /made")},
        "registry_auth": {&there.host: {"username": there.user, "password": there.password}},
    });
    let made = stack.submitted(&made).await;
    let made = stack.daemon.end(&made).await.unwrap();
    assert_eq!(made["status"], "succeeded", "{made:#}");

    let app = Uuid::new_v4();
    let mut ids = vec![made["id"].as_str().unwrap().to_owned()];
    let payload = |number: u32, changes: Value| {
        let mut payload = json!({
            "app": "web", "space": "prod", "build_number": number, "build_uuid": Uuid::new_v4(),
            "app_uuid": app, "gm_registry_host": env::registry(), "gm_registry_repo": "passed",
        });
        payload.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        payload
    };
    let (user, password) = (&there.user, &there.password);
    for (number, changes) in [
        (1, json!({"sources": format!("docker://{user}:{password}@{from}")})),
        (
            2,
            json!({"sources": "", "docker_registry": from, "docker_login": user,
            "docker_password": password}),
        ),
    ] {
        assert_eq!(post(&stack, "/", &payload(number, changes)).await.0, "200");
        let done = newest_over(&stack).await;
        assert_eq!(done["status"], "succeeded", "{done:#}");
        assert_eq!(done["digest"], made["digest"]);
        for tag in [format!("1.{number}"), "latest".to_owned()] {
            let image = format!("{}/passed/web-{app}:{tag}", env::registry());
            let known = digest_in_registry(&env::registry(), &image).await;
            assert_eq!(known.as_deref(), made["digest"].as_str(), "{tag}");
        }
        ids.push(done["id"].as_str().unwrap().to_owned());
    }
    // Without the login it cannot be had, and the log says so.
    let refused = payload(3, json!({"sources": format!("docker://{from}")}));
    assert_eq!(post(&stack, "/", &refused).await.0, "200");
    assert_eq!(newest_over(&stack).await["status"], "failed");
    let (status, log) = curl(&stack, &[], &format!("/web-{app}/3/logs")).await;
    assert_eq!(status, "200");
    assert!(log.starts_with("Generating build for web-prod") && !log.contains(password), "{log}");
    stack.leaves_nothing(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_stopped() {
    let stack = Stack::plain().await;
    let app = Uuid::new_v4();
    let data = STANDARD.encode(context(&fresh("sleep 300")));
    let payload = json!({
        "app": "web", "space": "prod", "build_number": 1, "build_uuid": Uuid::new_v4(),
        "app_uuid": app, "sources": format!("data:;base64,{data}"),
        "gm_registry_host": env::registry(), "gm_registry_repo": "stopped",
    });
    assert_eq!(post(&stack, "/", &payload).await.0, "200");
    let path = format!("/web-{app}/1");
    let ok = ("200".to_owned(), r#"{"status":"ok"}"#.to_owned());
    for _ in 0..1200 {
        if curl(&stack, &[], &format!("{path}/logs")).await.1.contains("sleep 300") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(curl(&stack, &["-X", "DELETE"], &path).await, ok);
    let done = newest_over(&stack).await;
    assert_eq!(done["status"], "cancelled", "{done:#}");
    let (_, status) = curl(&stack, &[], &format!("{path}/status")).await;
    assert!(status.contains(r#""status":"stopped""#), "{status}");
    assert_eq!(curl(&stack, &["-X", "DELETE"], &path).await, ok);
    stack.leaves_nothing(&[done["id"].as_str().unwrap()]).await;
}

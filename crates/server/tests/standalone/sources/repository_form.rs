//! The templates' service in its later form, from the repository that is named to the image.

use std::time::Duration;

use serde_json::{Value, json};
use slipway_test_support::env;

use super::git::http::{Manners, Server};
use super::git::{LOGIN, git};
use crate::stack::{Stack, digest_in_registry, remove_image, unique};

async fn submitted(stack: &Stack, request: &Value) -> String {
    let url = format!("{}/api/v1/build", stack.daemon.url);
    let answer = stack.daemon.http.post(url).body(request.to_string()).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["message"], "Build started", "{answer:#}");
    answer["build_id"].as_str().unwrap().to_owned()
}

/// Polls as a client does until the build is over.
async fn ended(stack: &Stack, id: &str) -> Value {
    for _ in 0..1800 {
        let status = stack.get(&format!("/api/v1/build/{id}/status")).await;
        if matches!(status["status"].as_str(), Some("success" | "failed")) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("build {id} does not end: {}", stack.daemon.log());
}

/// What the registry knows of an image's labels.
async fn labels(stack: &Stack, image: &str) -> Value {
    let (path, tag) = image.rsplit_once(':').unwrap();
    let (host, path) = path.split_once('/').unwrap();
    let got = async |what: String| -> Value {
        let request = stack.daemon.http.get(format!("http://{host}/v2/{path}/{what}"));
        let accepted = "application/vnd.docker.distribution.manifest.v2+json";
        request.header("Accept", accepted).send().await.unwrap().json().await.unwrap()
    };
    let manifest = got(format!("manifests/{tag}")).await;
    let config = manifest["config"]["digest"].as_str().unwrap();
    got(format!("blobs/{config}")).await["config"]["Labels"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_with_a_login_is_cloned_built_and_pushed() {
    let root = tempfile::tempdir().unwrap();
    let app = root.path().join("app.git");
    std::fs::create_dir(&app).unwrap();
    git(&app, &["init", "--quiet"]);
    std::fs::write(app.join("Dockerfile"), "FROM scratch\nCOPY app /app\n").unwrap();
    std::fs::write(app.join("app"), "app").unwrap();
    git(&app, &["add", "."]);
    git(&app, &["commit", "--quiet", "-m", "app"]);
    let commit = git(&app, &["rev-parse", "HEAD"]);
    let manners = Manners { authorization: Some(LOGIN.into()), ..Manners::default() };
    let private = Server::with(root.path(), manners).await;
    let stack = Stack::plain().await;

    let image = format!("{}/stories/{}", env::registry(), unique());
    let odd = "it's \"mine\"\nRUN touch /owned $(id)";
    let mut request = json!({
        "image_name": image, "tag": "2", "description": odd,
        "repourl": private.url("app.git").to_string(), "repousername": "u",
        "repopassword": "hunter2",
    });
    let pushed = submitted(&stack, &request).await;
    let done = ended(&stack, &pushed).await;
    assert_eq!(done["status"], "success", "{done:#}");
    let image = format!("{image}:2");
    assert_eq!(done["image_name"], image.as_str());
    let digest = digest_in_registry(&env::registry(), &image).await.expect("an image");
    assert_eq!(done["message"], format!("Build completed; the image is pushed as {digest}"));
    assert_eq!(labels(&stack, &image).await, json!({ "description": odd }));
    assert_eq!(stack.daemon.build(&pushed).await.unwrap()["source"]["commit"], commit);

    // With no registry it stays, and that is said.
    let kept = format!("stories/{}", unique());
    request["image_name"] = kept.as_str().into();
    let here = submitted(&stack, &request).await;
    let done = ended(&stack, &here).await;
    assert_eq!(done["status"], "success", "{done:#}");
    let message = done["message"].as_str().unwrap();
    assert!(message.ends_with("is not pushed, it stays on the Docker host a"), "{message}");
    remove_image(&format!("{kept}:2")).await;

    // The old service called that a success.
    request["repopassword"] = "wr0ng".into();
    let refused = submitted(&stack, &request).await;
    let done = ended(&stack, &refused).await;
    assert_eq!(done["status"], "failed", "{done:#}");
    let said = format!("{done} {}", stack.daemon.log());
    assert!(!said.contains("hunter2") && !said.contains("wr0ng"), "{said}");
    stack.leaves_nothing(&[&pushed, &here, &refused]).await;
}

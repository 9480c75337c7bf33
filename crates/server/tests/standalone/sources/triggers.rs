//! From a signed delivery to the image in the registry and the commit's status at the forge.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use slipway_test_support::env;
use slipway_test_support::web::{Answer, Web};

use super::release;
use crate::stack::{Stack, digest_in_registry, one_host, unique};

const SECRET: &str = "hunter2";
const COMMIT: &str = "4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d";

/// What of GitHub's API a push needs: the commit, its archive and its statuses. All of it wants
/// the token.
async fn github() -> Web {
    Web::start(|head| {
        let request = head.split(" HTTP/").next().unwrap_or_default().to_owned();
        if !head.to_lowercase().contains("authorization: bearer t0ken\r\n") {
            return Answer::new(404, r#"{"message":"Not Found"}"#);
        }
        match request.as_str() {
            of if of == format!("GET /repos/Octo/App/commits/{COMMIT}") => Answer::new(200, COMMIT),
            of if of == format!("GET /repos/Octo/App/tarball/{COMMIT}") => {
                Answer::new(200, release())
            }
            of if of == format!("POST /repos/Octo/App/statuses/{COMMIT}") => Answer::new(201, "{}"),
            _ => Answer::new(404, r#"{"message":"Not Found"}"#),
        }
    })
    .await
    .unwrap()
}

/// Signs a delivery and hands it in; what was answered.
async fn deliver(stack: &Stack, forge: &str, id: &str, body: &Value) -> (u16, String) {
    let body = body.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let digits: String =
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let names = match forge {
        "github" => ["X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256"],
        _ => ["X-Gitea-Event", "X-Gitea-Delivery", "X-Gitea-Signature"],
    };
    let signature = if forge == "github" { format!("sha256={digits}") } else { digits };
    let url = format!("{}/webhooks/{forge}", stack.daemon.url);
    let request = stack.daemon.http.post(url).header(names[0], "push").header(names[1], id);
    let answer = request.header(names[2], signature).body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The build that came of the newest delivery.
async fn build(stack: &Stack) -> String {
    for _ in 0..2400 {
        let told = stack.get("/api/v2/triggers/deliveries").await;
        if told["deliveries"][0]["status"] != "waiting" {
            let build = told["deliveries"][0]["triggers"][0]["build"].as_str();
            return build.unwrap_or_else(|| panic!("no build: {told:#}")).to_owned();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the delivery is not worked off: {}", stack.daemon.log());
}

fn pushed(repository: &str, commit: &str) -> Value {
    json!({"ref": "refs/heads/feature/one", "after": commit, "deleted": false,
        "head_commit": {"id": commit, "message": "one"},
        "repository": {"full_name": repository}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_at_github_is_an_image_and_a_status() {
    let web = github().await;
    let folder = unique();
    let settings = format!(
        "[http]\npublic_url = \"https://slipway.example\"\n[sources]\ngithub_api = \"{}\"\n\
         [webhooks]\ngithub_secret = \"{SECRET}\"\n[[triggers]]\nname = \"web\"\n\
         forge = \"github\"\nrepository = \"octo/*\"\ntoken = \"t0ken\"\n\
         image = \"{}/stories/{folder}/{{owner}}/{{repo}}:{{branch}}\"\n{}",
        web.url(),
        env::registry(),
        one_host(&env::docker_host())
    );
    let stack = Stack::with(&settings).await;
    let delivery = pushed("Octo/App", COMMIT);
    let (status, answered) = deliver(&stack, "github", "1", &delivery).await;
    assert_eq!(status, 202, "{answered}");
    let id = build(&stack).await;
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(done["source"]["commit"], COMMIT);
    let image = format!("{}/stories/{folder}/octo/app:feature-one", env::registry());
    assert_eq!(done["image"], image.as_str());
    let digest = digest_in_registry(&env::registry(), &image).await.unwrap();
    assert_eq!(done["digest"], digest.as_str());
    // The same delivery again is the same answer, and no other build.
    assert_eq!(deliver(&stack, "github", "1", &delivery).await, (202, answered));
    assert_eq!(stack.get("/api/v2/builds").await["builds"].as_array().unwrap().len(), 1);

    let statuses = statuses(&web).await;
    let states: Vec<_> = statuses.iter().map(|of| of["state"].as_str().unwrap()).collect();
    assert_eq!((states.first(), states.last()), (Some(&"pending"), Some(&"success")), "{states:?}");
    for status in &statuses {
        assert_eq!(status["context"], "slipway/web");
        let link = format!("https://slipway.example/api/v2/builds/{id}/logs");
        assert_eq!(status["target_url"], link.as_str());
    }
    let log = stack.daemon.build_log(&id).await.unwrap() + &stack.daemon.log();
    assert!(!log.contains(SECRET) && !log.contains("t0ken") && !log.contains("sha256="), "{log}");
    stack.leaves_nothing(&[&id]).await;
}

/// The statuses that came, up to the last one.
async fn statuses(web: &Web) -> Vec<Value> {
    for _ in 0..2400 {
        let bodies = web.asked().into_iter().filter(|asked| asked.starts_with("POST "));
        let statuses: Vec<Value> = bodies
            .map(|asked| serde_json::from_str(asked.split_once("\r\n\r\n").unwrap().1).unwrap())
            .collect();
        if statuses.last().is_some_and(|status| status["state"] != "pending") {
            return statuses;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no status of the end came: {:#?}", web.asked());
}

/// A push at a Gitea whose repositories are at `url`.
pub(super) async fn pushed_at_gitea(url: &str, commit: &str) {
    let folder = unique();
    let settings = format!(
        "[[triggers]]\nname = \"forge\"\nforge = \"gitea\"\nurl = \"{url}\"\n\
         repository = \"**\"\nsecret = \"{SECRET}\"\ndockerfile = \"plain.Dockerfile\"\n\
         image = \"{}/stories/{folder}/{{repo}}:{{short_sha}}\"\n{}",
        env::registry(),
        one_host(&env::docker_host())
    );
    let stack = Stack::with(&settings).await;
    let (status, answered) = deliver(&stack, "gitea", "1", &pushed("octo/app", commit)).await;
    assert_eq!(status, 202, "{answered}");
    let id = build(&stack).await;
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(done["source"]["commit"], commit);
    let image = format!("{}/stories/{folder}/app:{}", env::registry(), &commit[..7]);
    assert!(digest_in_registry(&env::registry(), &image).await.is_some());
    stack.leaves_nothing(&[&id]).await;
}

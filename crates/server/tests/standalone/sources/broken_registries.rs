//! Registries that mean no good, or have a bad day, while an image is copied.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use slipway_test_support::env;
use slipway_test_support::web::{Answer, Web};

use super::all_platforms::{IMAGE, INDEX, descriptor, digest};
use super::build_from;
use crate::stack::{Stack, unique};

const LAYER: &[u8] = b"a layer of some bytes, which are enough to be cut in the middle";
const CONFIG: &[u8] = br#"{"os":"linux","architecture":"amd64"}"#;
const FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";

fn manifest() -> Vec<u8> {
    let layers = [descriptor("application/vnd.oci.image.layer.v1.tar", LAYER)];
    let config = descriptor("application/vnd.oci.image.config.v1+json", CONFIG);
    let made = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers});
    made.to_string().into_bytes()
}

fn index() -> Vec<u8> {
    let listed = [descriptor(IMAGE, &manifest())];
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).to_string().into_bytes()
}

/// A registry with one good image, but for what `other` answers.
async fn registry(other: impl Fn(&str, &str) -> Option<Answer> + Send + Sync + 'static) -> Web {
    let web = Web::start(move |head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        if let Some(answer) = other(path, head) {
            return answer;
        }
        let of = |kind: &str, bytes: &[u8]| {
            Answer::with(200, &format!("content-type: {kind}\r\n"), bytes)
        };
        match path.rsplit('/').next().unwrap_or_default() {
            "1" => of(INDEX, &index()),
            name if name == digest(&manifest()) => of(IMAGE, &manifest()),
            name if name == digest(LAYER) => of("application/octet-stream", LAYER),
            name if name == digest(CONFIG) => of("application/octet-stream", CONFIG),
            _ => Answer::new(404, r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#),
        }
    });
    web.await.unwrap()
}

fn host(web: &Web) -> String {
    web.url().trim_start_matches("http://").to_owned()
}

fn copy(web: &Web) -> Value {
    let image = format!("{}/a/b:1", host(web));
    build_from(json!({"type": "image", "ref": image, "all_platforms": true}))
}

async fn end(stack: &Stack, build: &Value) -> (Value, String) {
    let id = stack.submitted(build).await;
    let done = stack.daemon.end(&id).await.unwrap();
    (done, stack.daemon.build_log(&id).await.unwrap())
}

fn is_layer(path: &str) -> bool {
    path.ends_with(&digest(LAYER))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_what_it_is_said_to_be_is_not_passed_on() {
    let stack = Stack::plain().await;
    let damaged = || [&LAYER[..LAYER.len() - 1], b"!"].concat();
    let longer = || [LAYER, b"!"].concat();
    let large = || vec![b' '; 5 << 20];
    let chunked = |bytes: &[u8]| {
        // Without a length, so that only reading tells.
        Answer::with(200, "connection: close\r\nx-", bytes)
    };
    type Odd = Box<dyn Fn(&str, &str) -> Option<Answer> + Send + Sync>;
    let odd: Vec<(&str, &str, Odd)> = vec![
        (
            "source_changed",
            "that are sha256:",
            Box::new(move |path, _| is_layer(path).then(|| Answer::new(200, damaged()))),
        ),
        (
            "source_changed",
            "of which",
            Box::new(|path, _| is_layer(path).then(|| Answer::new(200, &LAYER[1..]))),
        ),
        (
            "source_changed",
            "than the",
            Box::new(move |path, _| is_layer(path).then(|| chunked(&longer()))),
        ),
        (
            "source_changed",
            "another manifest",
            Box::new(|path, _| {
                let other = Answer::new(200, index());
                path.ends_with(&digest(&manifest())).then_some(other)
            }),
        ),
        (
            "source_changed",
            "another manifest",
            Box::new(|path, _| {
                let named = format!("docker-content-digest: {}\r\n", digest(b"other"));
                path.ends_with("/1").then(|| Answer::with(200, &named, index()))
            }),
        ),
        (
            "registry_error",
            "more than the",
            Box::new(move |path, _| path.ends_with("/1").then(|| chunked(&large()))),
        ),
        (
            "registry_error",
            "no json of a manifest",
            Box::new(|path, _| path.ends_with("/1").then(|| Answer::new(200, "<html>"))),
        ),
        (
            "registry_error",
            "no digest",
            Box::new(|path, _| {
                let text = String::from_utf8(index()).unwrap();
                let text = text.replace(&digest(&manifest()), "sha256:../../../../etc");
                path.ends_with("/1").then(|| Answer::new(200, text))
            }),
        ),
        (
            "base_image_not_found",
            "lacks",
            Box::new(|path, _| is_layer(path).then(|| Answer::new(404, ""))),
        ),
        (
            "address_refused",
            "169.254.169.254",
            Box::new(|path, _| {
                let to = "http://169.254.169.254/latest/meta-data/";
                is_layer(path).then(|| Answer::redirect(to))
            }),
        ),
        (
            "address_refused",
            "10.9.8.7",
            Box::new(|path, _| is_layer(path).then(|| Answer::redirect("http://10.9.8.7/blob"))),
        ),
        (
            "address_refused",
            "169.254.169.254",
            Box::new(|path, _| {
                let challenge =
                    "www-authenticate: Bearer realm=\"http://169.254.169.254/token\"\r\n";
                path.ends_with("/1").then(|| Answer::with(401, challenge, ""))
            }),
        ),
        (
            "base_image_denied",
            "denied: no",
            Box::new(|path, _| {
                let text = r#"{"errors":[{"code":"DENIED","message":"no"}]}"#;
                is_layer(path).then(|| Answer::new(403, text))
            }),
        ),
    ];
    for (reason, word, answer) in odd {
        let web = registry(answer).await;
        let build = copy(&web);
        let (done, log) = end(&stack, &build).await;
        assert_eq!(done["status"], "failed", "{reason}: {done:#}\n{log}");
        assert_eq!(done["failure"]["reason"], reason, "{word}: {done:#}");
        let message = done["failure"]["message"].as_str().unwrap();
        assert!(message.contains(word), "{word}: {done:#}");
        assert!(done["failure"]["hint"].is_string(), "{done:#}");
        // What a tag stands for there is still nothing.
        let image = build["image"].as_str().unwrap();
        let digest = crate::stack::digest_in_registry(&env::registry(), image).await;
        assert_eq!(digest, None, "{reason}");
    }
    stack.leaves_nothing(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_broke_off_is_tried_again_without_what_is_there() {
    let stack = Stack::plain().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let web = registry(move |path, _| {
        let first = is_layer(path) && count.fetch_add(1, Ordering::SeqCst) == 0;
        first.then(|| Answer::new(200, LAYER).cut_after(80))
    })
    .await;
    let (done, log) = end(&stack, &copy(&web)).await;
    assert_eq!(done["status"], "succeeded", "{done:#}\n{log}");
    assert_eq!(done["digest"], digest(&index()), "{done:#}");
    assert!(log.contains("broke off after") && log.contains("trying again in 1 s"), "{log}");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    stack.leaves_nothing(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_hangs_up() {
    let stack = Stack::plain().await;
    let web =
        registry(|path, _| is_layer(path).then(|| Answer::new(200, LAYER).cut_after(80).held()))
            .await;
    let id = stack.submitted(&copy(&web)).await;
    stack.daemon.until(&id, &["pushing"]).await.unwrap();
    while !web.asked().iter().any(|head| head.contains(&digest(LAYER))) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(stack.daemon.cancel(&id).await.unwrap(), 202);
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "cancelled", "{done:#}");
    stack.leaves_nothing(&[&id]).await;
}

/// A token server, a target that takes everything, and a layer that stays where it is.
#[tokio::test(flavor = "multi_thread")]
async fn by_tokens_and_without_layers_that_are_not_for_passing_on() {
    let mut made: Value = serde_json::from_slice(&manifest()).unwrap();
    let mut foreign = descriptor(FOREIGN, b"elsewhere");
    foreign["urls"] = json!(["http://169.254.169.254/layer"]);
    made["layers"].as_array_mut().unwrap().push(foreign);
    let image = made.to_string().into_bytes();
    let (whole, named) = (image.clone(), digest(&image));
    let source = registry(move |path, head| {
        let head = head.to_lowercase();
        let host = head.split_once("\r\nhost: ").and_then(|(_, rest)| rest.lines().next())?;
        if let Some(query) = path.strip_prefix("/token?") {
            // `u:hunter2`, as HTTP Basic has it, and in lowercase.
            let good = head.contains("authorization: basic dtpodw50zxiy")
                && query == "service=fake&scope=repository%3Aa%2Fb%3Apull";
            let answer =
                if good { Answer::new(200, r#"{"token": "t0ken"}"#) } else { Answer::new(401, "") };
            return Some(answer);
        }
        if !head.contains("authorization: bearer t0ken\r\n") {
            let challenge = format!(
                "www-authenticate: Bearer realm=\"http://{host}/token\",service=\"fake\"\r\n"
            );
            return Some(Answer::with(401, &challenge, ""));
        }
        path.ends_with("/1").then(|| Answer::new(200, &image))
    })
    .await;
    let target = Web::start(move |head| {
        let mut words = head.split(' ');
        match (words.next().unwrap_or_default(), words.next().unwrap_or_default()) {
            ("POST", _) => Answer::with(202, "location: /upload?state=s3cret\r\n", ""),
            ("PUT", path) if path.starts_with("/v2/") => {
                Answer::with(201, &format!("docker-content-digest: {named}\r\n"), "")
            }
            ("PUT", _) => Answer::new(201, ""),
            _ => Answer::new(404, ""),
        }
    })
    .await
    .unwrap();
    let stack = Stack::plain().await;
    let mut build = copy(&source);
    build["image"] = format!("{}/{}:1", host(&target), unique()).into();
    build["registry_auth"] = json!({host(&source): {"username": "u", "password": "hunter2"}});
    let (done, log) = end(&stack, &build).await;
    assert_eq!(done["status"], "succeeded", "{done:#}\n{log}");
    assert_eq!(done["digest"], digest(&whole), "{done:#}");
    assert!(log.contains("not for passing on"), "{log}");
    for text in [log, done.to_string(), stack.daemon.log()] {
        assert!(!text.contains("hunter2") && !text.contains("t0ken"), "{text}");
    }
    let tokens = source.asked().iter().filter(|head| head.starts_with("GET /token?")).count();
    assert!(tokens <= 2, "one to look at it, one to copy it, and not one for each blob");
    assert!(!source.asked().iter().any(|head| head.contains(&digest(b"elsewhere"))));
    let sent = target.asked();
    let uploads: Vec<&String> =
        sent.iter().filter(|head| head.starts_with("PUT /upload?")).collect();
    assert_eq!(uploads.len(), 2, "{sent:#?}");
    assert!(uploads.iter().all(|head| head.contains("state=s3cret&digest=sha256%3A")), "{sent:#?}");
    assert!(!sent.iter().any(|head| head.to_lowercase().contains("authorization:")), "{sent:#?}");

    // A login that is refused is not tried for ever.
    build["registry_auth"] = json!({host(&source): {"username": "u", "password": "wr0ng"}});
    let (done, _) = end(&stack, &build).await;
    assert_eq!(done["failure"]["reason"], "base_image_denied", "{done:#}");
    stack.leaves_nothing(&[]).await;
}

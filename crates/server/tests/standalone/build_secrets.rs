//! Secrets, an SSH key and the operator's own login are used, and nobody has seen them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use slipway_test_support::env;

use crate::stack::{Stack, build_of, one_host, unique};

fn new_key() -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    std::fs::read_to_string(path).unwrap()
}

/// Every text that must be nowhere: the values, and the lines and encodings of them.
fn never_seen(values: &[&str]) -> Vec<String> {
    let mut texts = Vec::new();
    for value in values {
        let lines = value.lines().filter(|line| !line.starts_with("-----"));
        texts.extend(lines.map(str::to_owned));
        let encoded = STANDARD.encode(value.trim_end());
        texts.push(encoded.trim_end_matches('=')[..encoded.len() - 4].to_owned());
    }
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_used_and_never_seen() {
    let registry = env::registry_with_login();
    let stack = Stack::with(&format!(
        "{}[registries.\"{}\"]\nusername = \"{}\"\npassword = \"{}\"\n",
        one_host(&env::docker_host()),
        registry.host,
        registry.user,
        registry.password
    ))
    .await;
    let token = format!("tok/{}+\"x y\"", unique());
    let key = new_key();
    let (first, second) = token.split_at(token.len() / 2);
    let dockerfile = format!(
        "FROM {}\n\
         RUN --mount=type=secret,id=npm --mount=type=secret,id=half --mount=type=secret,id=rest \
         --mount=type=ssh echo {} && test -S \"$SSH_AUTH_SOCK\" && cd /run/secrets && \
         echo plain && cat npm && echo && echo coded && base64 -w 0 <npm && echo && echo split && \
         cat half && sleep 1 && cat rest && echo && echo 'a url https://me:{}@h.example/' && \
         echo end\n",
        env::base_image(),
        unique(),
        "not-known-here"
    );
    let mut build = build_of(&dockerfile);
    // The login is the operator's.
    build["image"] = json!(format!("{}/stories/{}:1", registry.host, unique()));
    build["args"] = json!({"NPM_TOKEN": token});
    build["secrets"] = json!({"npm": token, "half": first, "rest": second});
    build["ssh"] = json!({"default": key});
    let id = stack.submitted(&build).await;
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert!(done["digest"].is_string());
    let log = stack.daemon.build_log(&id).await.unwrap();
    for line in ["plain\n***\n", "coded\n***\n", "split\n***\n", "a url https://***@h.example/\n"] {
        assert!(log.contains(line), "{line:?} is not in {log}");
    }

    let warning = "warning: the build argument NPM_TOKEN looks like a secret; arguments stay in";
    assert!(log.contains(warning), "{log}");

    // One that fails, with the secret in the words of its failure.
    let mut failing = build.clone();
    failing["source"]["content"] =
        json!(format!("FROM {}\nRUN echo '{token}' && exit 3\n", env::base_image()));
    let failed = stack.submitted(&failing).await;
    let over = stack.daemon.end(&failed).await.unwrap();
    assert_eq!(over["failure"]["reason"], "step_failed", "{over:#}");
    assert!(over["failure"]["message"].as_str().unwrap().contains("***"), "{over:#}");

    let mut seen = vec![("builds", format!("{done}{over}")), ("trace", stack.daemon.log())];
    for id in [&id, &failed] {
        seen.push(("log", stack.daemon.build_log(id).await.unwrap()));
        let events = format!("{}/api/v2/builds/{id}/events", stack.daemon.url);
        let events = stack.daemon.http.get(events).send().await.unwrap().text().await.unwrap();
        seen.push(("events", events));
    }
    for text in never_seen(&[&token, &key, &registry.password]) {
        for (place, shown) in &seen {
            // What was sent as the Dockerfile is the sender's own text, and is not shown.
            assert!(!shown.contains(&text), "the {place} shows {text}");
        }
    }
    assert!(
        seen.iter().all(|(place, text)| *place == "trace" || !text.contains("not-known-here@"))
    );
    for file in ["slipway.db", "slipway.db-wal"] {
        let bytes = std::fs::read(stack.data.path().join(file)).unwrap_or_default();
        for text in never_seen(&[&key, &registry.password]) {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{file} holds {text}");
        }
    }
    stack.leaves_nothing(&[&id, &failed]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_buildkit_builds_nothing_with_secrets() {
    let classic = format!("{}builder = \"classic\"\n", one_host(&env::docker_host()));
    let stack = Stack::with(&classic).await;
    let mut build = build_of(&format!("FROM {}\nRUN echo it ran\n", env::base_image()));
    build["secrets"] = json!({"npm": "hunter2"});
    let id = stack.submitted(&build).await;
    let done = stack.daemon.end(&id).await.unwrap();
    let failure = &done["failure"];
    assert_eq!(failure["reason"], "builder_unsupported", "{done:#}");
    assert_eq!((&failure["fault"], &failure["stage"]), (&json!("host"), &json!("preparing")));
    assert!(failure["message"].as_str().unwrap().contains("docker host a"), "{done:#}");
    assert!(!stack.daemon.build_log(&id).await.unwrap().contains("it ran"));
    stack.leaves_nothing(&[&id]).await;
}

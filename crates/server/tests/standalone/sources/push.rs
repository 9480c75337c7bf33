//! `git push` to a bare repository, whose hook signs and sends what a forge would: by curl and
//! openssl, and not by a line of ours.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use slipway_test_support::env;
use tempfile::TempDir;

use super::git::git;
use super::git::http::Server;
use crate::stack::{Stack, digest_in_registry, one_host, unique};

const HOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/git/post-receive");
/// Of more than one word, and with what a shell would do something with.
const SECRET: &str = "hunter2 \"$(id)\"";

/// A bare repository at `octo/app.git`, and a clone of it to work in.
struct Repository {
    root: TempDir,
    work: PathBuf,
}

impl Repository {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let (bare, work) = (root.path().join("octo/app.git"), root.path().join("work"));
        std::fs::create_dir_all(&bare).unwrap();
        git(&bare, &["init", "--quiet", "--bare"]);
        git(root.path(), &["clone", "--quiet", "octo/app.git", "work"]);
        std::fs::copy(HOOK, bare.join("hooks/post-receive")).unwrap();
        Self { root, work }
    }

    fn set(&self, name: &str, value: &str) {
        git(&self.root.path().join("octo/app.git"), &["config", name, value]);
    }

    fn git(&self, words: &[&str]) -> String {
        git(&self.work, words)
    }

    /// A commit that holds `text` in its image.
    fn commit(&self, text: &str, message: &str) -> String {
        write(&self.work, "Dockerfile", "FROM scratch\nCOPY app /app\n");
        write(&self.work, "app", text);
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// The newest delivery, once there are so many and it is worked off.
async fn delivery(stack: &Stack, count: usize) -> Value {
    for _ in 0..2400 {
        let told = stack.get("/api/v2/triggers/deliveries").await;
        let all = told["deliveries"].as_array().unwrap();
        if all.len() == count && all[0]["status"] != "waiting" {
            return all[0].clone();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("delivery {count} does not come: {}", stack.daemon.log());
}

/// What the registry has once the build of a delivery is done.
async fn built(stack: &Stack, delivery: &Value, commit: &str) -> (String, String, String) {
    let id = delivery["triggers"][0]["build"].as_str().unwrap_or_else(|| panic!("{delivery:#}"));
    let done = stack.daemon.end(id).await.unwrap();
    let log = stack.daemon.build_log(id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#} {log}");
    assert_eq!(done["source"]["commit"], commit);
    let image = done["image"].as_str().unwrap();
    let digest = digest_in_registry(&env::registry(), image).await.expect("an image");
    assert_eq!(done["digest"], digest.as_str());
    let tag = image.rsplit_once(':').unwrap().1.to_owned();
    (tag, digest, id.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_to_a_bare_repository_is_an_image() {
    let repository = Repository::new();
    let web = Server::start(repository.root.path()).await;
    let settings = format!(
        "[[triggers]]\nname = \"bare\"\nforge = \"gitea\"\nurl = \"http://{}\"\n\
         repository = \"octo/*\"\nsecret = '{SECRET}'\n\
         image = \"{}/pushed/{}/{{repo}}:{{tag|branch}}\"\n{}",
        web.address,
        env::registry(),
        unique(),
        one_host(&env::docker_host())
    );
    let stack = Stack::with(&settings).await;

    // A push is a push, though nobody is told of it.
    let first = repository.commit("one", "one");
    repository.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    repository.set("slipway.url", &stack.daemon.url);
    repository.set("slipway.repository", "octo/app");
    repository.set("slipway.secret", "another");
    repository.git(&["push", "--quiet", "origin", "HEAD:refs/heads/unsigned"]);
    assert_eq!(stack.get("/api/v2/triggers/deliveries").await["deliveries"], serde_json::json!([]));

    repository.set("slipway.secret", SECRET);
    repository.git(&["push", "--quiet", "origin", "HEAD:refs/heads/feature/one"]);
    let (tag, digest, one) = built(&stack, &delivery(&stack, 1).await, &first).await;
    assert_eq!(tag, "feature-one");

    let second = repository.commit("two", "a \"quote\", a \\, `id` $(id)\n\nand more: ü");
    repository.git(&["tag", "-a", "v1", "-m", "of the second"]);
    repository.git(&["push", "--quiet", "origin", "v1"]);
    let (tag, other, two) = built(&stack, &delivery(&stack, 2).await, &second).await;
    assert_eq!(tag, "v1");
    assert_ne!(other, digest);

    repository.commit("three", "three\n\n[skip ci]");
    repository.git(&["push", "--quiet", "origin", "HEAD:refs/heads/feature/one"]);
    let skipped = delivery(&stack, 3).await;
    assert_eq!(skipped["reason"], "the commit's message has [skip ci]");
    repository.git(&["push", "--quiet", "origin", ":refs/heads/feature/one"]);
    let deleted = delivery(&stack, 4).await;
    assert_eq!(deleted["reason"], "refs/heads/feature/one was deleted");
    // There and back again.
    repository.git(&["push", "--quiet", "origin", &format!("{first}:refs/heads/feature/one")]);
    let (tag, _, three) = built(&stack, &delivery(&stack, 5).await, &first).await;
    assert_eq!(tag, "feature-one");
    assert!(!stack.daemon.log().contains("hunter2"));
    stack.leaves_nothing(&[&one, &two, &three]).await;
}

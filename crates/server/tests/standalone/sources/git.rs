//! Repositories that git fetches.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::{build_from, failing};
use crate::stack::Stack;

#[expect(dead_code, reason = "the tests of slipway-git want more of it")]
#[path = "../../../../git/tests/git/http.rs"]
pub(super) mod http;

use http::{Manners, Server};

/// `u:hunter2`, as HTTP Basic has it.
pub(super) const LOGIN: &str = "Basic dTpodW50ZXIy";

pub(super) fn git(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("HOME", "/nonexistent")])
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t.example",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(words)
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// `app.git` with a branch, a tag with a slash, and another repository as its submodule.
fn origin() -> (TempDir, String) {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for name in ["lib.git", "app.git"] {
        std::fs::create_dir(at(name)).unwrap();
        git(&at(name), &["init", "--quiet"]);
    }
    std::fs::write(at("lib.git").join("inside"), "of the submodule\n").unwrap();
    git(&at("lib.git"), &["add", "."]);
    git(&at("lib.git"), &["commit", "--quiet", "-m", "lib"]);
    let app = at("app.git");
    std::fs::write(app.join("Dockerfile"), "FROM scratch\nCOPY . /\nCOPY lib/inside /\n").unwrap();
    std::fs::write(app.join("plain.Dockerfile"), "FROM scratch\nCOPY plain.Dockerfile /\n")
        .unwrap();
    let lib = at("lib.git").display().to_string();
    git(&app, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &lib, "lib"]);
    git(&app, &["config", "--file", ".gitmodules", "submodule.lib.url", "../lib.git"]);
    git(&app, &["add", "."]);
    git(&app, &["commit", "--quiet", "-m", "app"]);
    git(&app, &["tag", "release/v1.2"]);
    let commit = git(&app, &["rev-parse", "HEAD"]);
    (root, commit)
}

#[tokio::test(flavor = "multi_thread")]
async fn by_branch_tag_commit_and_with_submodules() {
    let (root, commit) = origin();
    let open = Server::start(root.path()).await;
    let manners = Manners { authorization: Some(LOGIN.into()), ..Manners::default() };
    let private = Server::with(root.path(), manners).await;
    let stack = Stack::plain().await;
    let mut ids = Vec::new();
    let url = open.url("app.git").to_string();
    let with_login = private.url("app.git").to_string().replace("//", "//u:hunter2@");
    for source in [
        json!({"type": "git", "url": &url, "submodules": true}),
        json!({"type": "git", "url": &url, "ref": "release/v1.2", "submodules": true}),
        json!({"type": "git", "url": &url, "ref": &commit[..10], "submodules": true}),
        json!({"type": "git", "url": with_login, "ref": "main", "submodules": true}),
        json!({"type": "git", "url": private.url("app.git").to_string(), "submodules": true,
            "auth": {"username": "u", "password": "hunter2"}}),
    ] {
        let id = stack.submitted(&build_from(source)).await;
        let done = stack.daemon.end(&id).await.unwrap();
        let log = stack.daemon.build_log(&id).await.unwrap();
        assert_eq!(done["status"], "succeeded", "{done:#}\n{log}");
        assert_eq!(done["source"]["commit"], commit, "{done:#}");
        assert!(log.contains(&commit[..12]), "{log}");
        for text in [log, done.to_string(), stack.daemon.log()] {
            assert!(!text.contains("hunter2") && !text.contains("dTpodW50ZXIy"), "{text}");
        }
        ids.push(id);
    }
    stack.leaves_nothing(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_at_a_gitea_is_cloned_from_where_the_trigger_says() {
    let (root, commit) = origin();
    std::fs::create_dir(root.path().join("octo")).unwrap();
    std::fs::rename(root.path().join("app.git"), root.path().join("octo/app.git")).unwrap();
    let gitea = Server::start(root.path()).await;
    super::triggers::pushed_at_gitea(&format!("http://{}", gitea.address), &commit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_and_what_nobody_may_reach() {
    let (root, _) = origin();
    let open = Server::start(root.path()).await;
    let manners = Manners { authorization: Some(LOGIN.into()), ..Manners::default() };
    let private = Server::with(root.path(), manners).await;
    let stack = Stack::plain().await;
    let url = open.url("app.git").to_string();
    let closed = private.url("app.git").to_string();
    for (source, reason) in [
        (json!({"type": "git", "url": &url, "ref": "mian"}), "source_not_found"),
        (json!({"type": "git", "url": open.url("none.git").to_string()}), "source_not_found"),
        (json!({"type": "git", "url": &closed}), "source_denied"),
        (json!({"type": "git", "url": &closed, "auth": {"token": "wr0ng"}}), "source_denied"),
        (json!({"type": "git", "url": "http://169.254.169.254/x.git"}), "address_refused"),
        (json!({"type": "git", "url": &url, "subdir": "none"}), "source_not_found"),
    ] {
        let shown = source.to_string();
        let (got, _, said) = failing(&stack, source).await;
        assert_eq!(got, reason, "{shown}: {said}");
        assert!(!said.contains("wr0ng"), "{said}");
    }
    for (source, field) in [
        (json!({"type": "git", "url": "file:///etc"}), "source.url"),
        (json!({"type": "git", "url": "--upload-pack=id"}), "source.url"),
        (json!({"type": "git", "url": &url, "ref": "--upload-pack=id"}), "source.ref"),
        (json!({"type": "git", "url": "git@git.example:a/b.git"}), "source.auth.ssh_key"),
        (json!({"type": "git", "url": &url, "auth": {"ssh_key": "x"}}), "source.auth.ssh_key"),
    ] {
        let answer = stack.daemon.submit(&build_from(source)).await.unwrap();
        assert_eq!(answer["error"]["field"], field, "{answer:#}");
    }
    // Nor at any level of the daemon's own log, as it is and as it travels.
    let said = stack.daemon.log();
    assert!(!said.contains("wr0ng") && !said.contains("b2F1dGgyOndyMG5n"));
    stack.leaves_nothing(&[]).await;
}

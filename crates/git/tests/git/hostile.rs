//! Repositories and requests that mean no good.

use slipway_context::{ContextError, ContextOptions};
use slipway_domain::{GitRef, GitUrl, Reason};

use crate::http::Server;
use crate::origin::Origin;
use crate::run::{Run, of, read};

#[tokio::test]
async fn trees_that_lead_out() {
    let names: [&[u8]; 6] = [b"..", b".git", b"/etc/passwd", b"a/../../x", b".", b"a/.git/config"];
    for name in names {
        let origin = Origin::new();
        let repo = origin.repo("app.git");
        let mut entries = vec![("100644", &b"Dockerfile"[..]), ("100644", name)];
        entries.sort_by_key(|(_, name)| *name);
        repo.commit_of_raw_tree("main", &entries);
        let server = Server::start(origin.path()).await;
        let failure = Run::new().failure(&of(&server.url("app.git"))).await;
        assert_eq!(failure.reason, Reason::ContextUnsafe, "{name:?}: {failure:?}");
    }
}

#[tokio::test]
async fn links_that_lead_out() {
    for target in ["/etc/passwd", "../x", "a/../../x", &"x/".repeat(4000)] {
        let origin = Origin::new();
        let repo = origin.repo_with_dockerfile("app.git");
        repo.commit("main", &[("120000:link", target)]);
        let server = Server::start(origin.path()).await;
        let run = Run::new();
        let fetched = run.fetch(&of(&server.url("app.git"))).await.unwrap();
        let refused = read(fetched, ContextOptions::default()).await;
        let Err(ContextError::Refused(failure)) = refused else { panic!("{target}: {refused:?}") };
        assert_eq!(failure.reason, Reason::ContextUnsafe);
        run.left_nothing();
    }
}

#[tokio::test]
async fn words_that_git_would_read_as_options() {
    let origin = Origin::new();
    let repo = origin.repo_with_dockerfile("app.git");
    let marker = origin.path().join("ran");
    let branch = format!("--upload-pack=touch\t{}", marker.display()).replace('\t', "${IFS}");
    repo.git(&["update-ref", "refs/heads/x", "main"]);
    // No request gets so far by its own door; a row from elsewhere might.
    let reference: GitRef = serde_json::from_value(branch.clone().into()).unwrap();
    GitRef::parse(&branch).unwrap_err();
    let server = Server::start(origin.path()).await;
    let url = server.url("app.git");
    let run = Run::new();
    let mut what = of(&url);
    what.reference = Some(reference);
    assert_eq!(run.failure(&what).await.reason, Reason::SourceNotFound);
    for address in ["ext::touch% ran", "--upload-pack=touch ran", "file:///etc"] {
        let url: GitUrl = serde_json::from_value(address.into()).unwrap();
        let failure = run.failure(&of(&url)).await;
        assert_eq!(failure.reason, Reason::AddressRefused, "{address}: {failure:?}");
    }
    assert!(!marker.exists());
}

#[tokio::test]
async fn nothing_of_the_repository_is_run() {
    let origin = Origin::new();
    let repo = origin.repo_with_dockerfile("app.git");
    let marker = origin.path().join("ran");
    let touch = format!("touch {}", marker.display());
    let settings = format!("[core]\n\tfsmonitor = {touch}\n[filter \"x\"]\n\tsmudge = {touch}\n");
    repo.commit(
        "main",
        &[
            (".gitattributes", "* filter=x\n"),
            (".gitconfig", &settings),
            ("100755:hooks/post-checkout", &format!("#!/bin/sh\n{touch}\n")),
        ],
    );
    let server = Server::start(origin.path()).await;
    let files = Run::new().files(&of(&server.url("app.git"))).await;
    assert!(files.contains_key("hooks/post-checkout"));
    assert!(!marker.exists());
}

//! Repositories on GitHub, as its API tells of them.

use serde_json::json;
use slipway_test_support::env;
use slipway_test_support::web::{Answer, Web};

use super::{build_from, failing, release};
use crate::stack::{Stack, one_host};

const COMMIT: &str = "4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d";

/// The two calls that are made, as *Get a commit* and *Download a repository archive (tar)* of
/// GitHub's documentation have them. `octo/private` wants a token.
async fn github() -> Web {
    Web::start(|head| {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let head = head.to_lowercase();
        let token = head.contains("authorization: bearer t0ken\r\n");
        let asks_for_id = head.contains("accept: application/vnd.github.sha\r\n");
        if !head.contains("user-agent: ") || !head.contains("x-github-api-version: ") {
            return Answer::new(403, "Request forbidden by administrative rules");
        }
        match path.as_str() {
            "/repos/octo/app/commits/HEAD"
            | "/repos/octo/app/commits/heads/main"
            | "/repos/octo/app/commits/feature/a-b"
                if asks_for_id =>
            {
                Answer::new(200, COMMIT)
            }
            "/repos/octo/private/commits/v1.2" if token && asks_for_id => Answer::new(200, COMMIT),
            "/repos/octo/app/commits/none" => {
                Answer::new(422, r#"{"message":"No commit found for SHA: none"}"#)
            }
            "/repos/octo/empty/commits/HEAD" => {
                Answer::new(409, r#"{"message":"Git Repository is empty."}"#)
            }
            "/repos/octo/limited/commits/HEAD" => Answer::new(403, "API rate limit exceeded"),
            path if path == format!("/repos/octo/app/tarball/{COMMIT}")
                || token && path == format!("/repos/octo/private/tarball/{COMMIT}") =>
            {
                // Elsewhere, with a token of its own.
                Answer::redirect("/codeload/app?token=AAAA")
            }
            "/codeload/app?token=AAAA" => Answer::new(200, release()),
            _ if head.contains("authorization: ") && !token => Answer::new(401, "Bad credentials"),
            _ => Answer::new(404, r#"{"message":"Not Found"}"#),
        }
    })
    .await
    .unwrap()
}

async fn stack(web: &Web) -> Stack {
    let sources = format!("[sources]\ngithub_api = \"{}\"\n", web.url());
    Stack::with(&format!("{sources}{}", one_host(&env::docker_host()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn by_branch_tag_and_token() {
    let web = github().await;
    let stack = stack(&web).await;
    let mut ids = Vec::new();
    for source in [
        json!({"type": "github", "owner": "octo", "repo": "app"}),
        json!({"type": "github", "owner": "octo", "repo": "app.git", "ref": "refs/heads/main"}),
        json!({"type": "github", "owner": "octo", "repo": "app", "ref": "feature/a-b",
            "subdir": "deep/er"}),
        json!({"type": "github", "owner": "octo", "repo": "private", "ref": "v1.2",
            "token": "t0ken"}),
    ] {
        let id = stack.submitted(&build_from(source)).await;
        let done = stack.daemon.end(&id).await.unwrap();
        assert_eq!(done["status"], "succeeded", "{done:#}");
        assert_eq!(done["source"]["commit"], COMMIT, "{done:#}");
        let log = stack.daemon.build_log(&id).await.unwrap();
        assert!(log.contains(&format!("is commit {COMMIT}")), "{log}");
        for secret in ["t0ken", "AAAA"] {
            assert!(!format!("{done} {log} {}", stack.daemon.log()).contains(secret), "{log}");
        }
        ids.push(id);
    }
    stack.leaves_nothing(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_for_everybody() {
    let web = github().await;
    let stack = stack(&web).await;
    let of = |repo: &str| json!({"type": "github", "owner": "octo", "repo": repo});
    let mut no_ref = of("app");
    no_ref["ref"] = "none".into();
    let mut wrong = of("private");
    wrong["token"] = "wr0ng".into();
    for (source, reason, word) in [
        (of("private"), "source_not_found", "source.token"),
        (wrong, "source_denied", "refuses the token"),
        (no_ref, "source_not_found", "has no none"),
        (of("empty"), "source_not_found", "is empty"),
        (of("limited"), "source_denied", "source.token"),
    ] {
        let shown = source.to_string();
        let (got, fault, said) = failing(&stack, source).await;
        assert_eq!((got.as_str(), fault.as_str()), (reason, "source"), "{shown}: {said}");
        assert!(said.contains(word), "{shown}: {said}");
        assert!(!said.contains("wr0ng"), "{shown}: {said}");
    }
    stack.leaves_nothing(&[]).await;
}

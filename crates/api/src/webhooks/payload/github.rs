//! GitHub's words, which Gitea and Forgejo speak as well. Source: *Webhook events and payloads*
//! of GitHub's documentation, and `modules/structs/hook.go` of Gitea.

use serde::Deserialize;
use slipway_domain::{Forge, Happening, RepositoryName, What};

use super::{Told, commit, skipped};
use crate::error::Error;
use crate::json;

/// New commits in a pull request, or a new one. Gitea says `synchronized`.
const ACTIONS: [&str; 4] = ["opened", "synchronize", "synchronized", "reopened"];

#[derive(Deserialize)]
struct Push {
    r#ref: String,
    after: String,
    #[serde(default)]
    deleted: bool,
    head_commit: Option<HeadCommit>,
    repository: Repository,
}

#[derive(Deserialize)]
struct HeadCommit {
    id: String,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

#[derive(Deserialize)]
struct ReleaseEvent {
    action: String,
    release: Release,
    repository: Repository,
}

#[derive(Deserialize)]
struct Release {
    tag_name: String,
}

#[derive(Deserialize)]
struct PullRequestEvent {
    action: String,
    number: u64,
    pull_request: PullRequest,
}

#[derive(Deserialize)]
struct PullRequest {
    head: Head,
    base: Base,
}

#[derive(Deserialize)]
struct Head {
    sha: String,
    /// `null` where the fork is gone.
    repo: Option<Repository>,
}

#[derive(Deserialize)]
struct Base {
    r#ref: String,
    repo: Repository,
}

pub(super) fn read(forge: Forge, event: &str, body: &[u8]) -> Result<Told, Error> {
    match event {
        "ping" => Ok(Told::Ping),
        "push" => push(forge, json::parse(body)?),
        "release" => release(forge, json::parse(body)?),
        "pull_request" | "pull_request_sync" => pull_request(forge, json::parse(body)?),
        _ => Ok(Told::Nothing),
    }
}

fn push(forge: Forge, push: Push) -> Result<Told, Error> {
    // Notes, and what else is neither branch nor tag.
    let Ok(what) = What::pushed(&push.r#ref) else { return Ok(Told::Nothing) };
    let repository = RepositoryName::parse(&push.repository.full_name)?;
    let after = commit("after", Some(&push.after))?;
    let gone = push.deleted || after.is_none();
    // `after` of an annotated tag is the tag; what it stands on is the commit.
    let (head, message) = match push.head_commit {
        Some(head) => (commit("head_commit.id", Some(&head.id))?, head.message),
        None => (None, None),
    };
    let ignored = match gone {
        true => Some(format!("{} was deleted", push.r#ref)),
        false => skipped(message.as_deref()),
    };
    let commit = head.or(after);
    Ok(Told::Happened { happening: Happening { forge, repository, what, commit }, ignored })
}

fn release(forge: Forge, event: ReleaseEvent) -> Result<Told, Error> {
    // A draft is created and then published; nothing else makes something new.
    if event.action != "published" {
        return Ok(Told::Nothing);
    }
    let repository = RepositoryName::parse(&event.repository.full_name)?;
    let what = What::Release { tag: event.release.tag_name };
    let happening = Happening { forge, repository, what, commit: None };
    Ok(Told::Happened { happening, ignored: None })
}

fn pull_request(forge: Forge, event: PullRequestEvent) -> Result<Told, Error> {
    if !ACTIONS.contains(&&*event.action) {
        return Ok(Told::Nothing);
    }
    let PullRequest { head, base } = event.pull_request;
    let repository = RepositoryName::parse(&base.repo.full_name)?;
    let own = |repo: Repository| repo.full_name.eq_ignore_ascii_case(repository.as_str());
    // A repository that is gone was not this one.
    let fork = !head.repo.is_some_and(own);
    let what = What::PullRequest { number: event.number, into: base.r#ref, fork };
    let commit = commit("pull_request.head.sha", Some(&head.sha))?;
    let happening = Happening { forge, repository, what, commit };
    Ok(Told::Happened { happening, ignored: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happened(event: &str, body: &str) -> (Happening, Option<String>) {
        match read(Forge::Github, event, body.as_bytes()).unwrap() {
            Told::Happened { happening, ignored } => (happening, ignored),
            other @ (Told::Ping | Told::Nothing) => panic!("{other:?}"),
        }
    }

    fn tells_nothing(event: &str, body: &str) -> bool {
        matches!(read(Forge::Github, event, body.as_bytes()).unwrap(), Told::Nothing)
    }

    #[test]
    fn githubs_examples() {
        let (push, ignored) =
            happened("push", include_str!("../../../tests/data/github/push.json"));
        assert_eq!((push.repository.as_str(), ignored), ("Codertocat/Hello-World", None));
        assert_eq!(push.what, What::Branch { branch: "master".into() });
        let head = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";
        assert_eq!(push.commit.unwrap().as_str(), head);

        let deleted = include_str!("../../../tests/data/github/push_deleted.json");
        let (deleted, ignored) = happened("push", deleted);
        assert_eq!(deleted.what, What::Tag { tag: "simple-tag".into() });
        assert_eq!(ignored.unwrap(), "refs/tags/simple-tag was deleted");

        let release = include_str!("../../../tests/data/github/release.json");
        assert_eq!(happened("release", release).0.what, What::Release { tag: "0.0.1".into() });
        assert!(tells_nothing("release", &release.replace("\"published\"", "\"edited\"")));

        let request = include_str!("../../../tests/data/github/pull_request.json");
        let (opened, _) = happened("pull_request", request);
        assert_eq!(
            opened.what,
            What::PullRequest { number: 2, into: "master".into(), fork: false }
        );
        assert!(tells_nothing("pull_request", &request.replace("\"opened\"", "\"closed\"")));
        assert!(matches!(read(Forge::Github, "ping", b"{}").unwrap(), Told::Ping));
        assert!(tells_nothing("issues", "not even JSON"));
    }

    #[test]
    fn from_a_fork_or_from_nowhere() {
        let request = |repo: &str| {
            format!(
                r#"{{"action": "synchronize", "number": 7, "pull_request": {{
                "head": {{"sha": "{}", "repo": {repo}}},
                "base": {{"ref": "main", "repo": {{"full_name": "octo/app"}}}}}}}}"#,
                "ab".repeat(20)
            )
        };
        for (repo, expected) in [
            (r#"{"full_name": "Octo/App"}"#, false),
            (r#"{"full_name": "mallory/app"}"#, true),
            ("null", true),
        ] {
            let (happening, _) = happened("pull_request", &request(repo));
            let What::PullRequest { fork, .. } = happening.what else { panic!() };
            assert_eq!(fork, expected, "{repo}");
        }
    }

    #[test]
    fn tags_notes_and_skipped_commits() {
        let push = |reference: &str, message: &str| {
            format!(
                r#"{{"ref": "{reference}", "after": "{}", "repository": {{"full_name": "o/a"}},
                "head_commit": {{"id": "{}", "message": "{message}"}}}}"#,
                "cd".repeat(20),
                "ab".repeat(20)
            )
        };
        let (tag, _) = happened("push", &push("refs/tags/v1", "m"));
        assert_eq!(tag.commit.unwrap().as_str(), "ab".repeat(20), "the commit, and not the tag");
        assert!(tells_nothing("push", &push("refs/notes/commits", "m")));
        let (_, ignored) = happened("push", &push("refs/heads/main", "x [skip ci]"));
        assert_eq!(ignored.unwrap(), "the commit's message has [skip ci]");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let problem =
            |body: &str| read(Forge::Github, "push", body.as_bytes()).unwrap_err().to_string();
        assert!(problem("{}").contains("missing"));
        assert!(problem("{").contains("JSON"));
        let odd =
            r#"{"ref": "refs/heads/main", "after": "x", "repository": {"full_name": "a b/../c"}}"#;
        assert!(problem(odd).contains("repository"));
    }
}

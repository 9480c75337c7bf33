//! GitLab's words. Source: *Webhook events* of GitLab's documentation.

use serde::Deserialize;
use slipway_domain::{CommitId, Forge, Happening, RepositoryName, What};

use super::{Told, commit, skipped};
use crate::error::Error;
use crate::json;

#[derive(Deserialize)]
struct Push {
    r#ref: String,
    after: String,
    /// `null` where the branch or tag is gone; of an annotated tag, its commit.
    checkout_sha: Option<String>,
    project: Project,
    #[serde(default)]
    commits: Vec<Commit>,
}

#[derive(Deserialize)]
struct Project {
    path_with_namespace: String,
}

#[derive(Deserialize)]
struct Commit {
    id: String,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Release {
    action: String,
    tag: String,
    commit: Option<Commit>,
    project: Project,
}

#[derive(Deserialize)]
struct MergeRequest {
    project: Project,
    object_attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    iid: u64,
    action: Option<String>,
    target_branch: String,
    /// `null` where the fork is gone.
    source_project_id: Option<u64>,
    target_project_id: u64,
    /// Only where there are new commits.
    oldrev: Option<String>,
    last_commit: Option<Commit>,
}

pub(super) fn read(event: &str, body: &[u8]) -> Result<Told, Error> {
    match event {
        "Push Hook" | "Tag Push Hook" => push(json::parse(body)?),
        "Release Hook" => release(json::parse(body)?),
        "Merge Request Hook" => merge_request(json::parse(body)?),
        _ => Ok(Told::Nothing),
    }
}

fn happened(
    project: &Project,
    what: What,
    commit: Option<CommitId>,
    ignored: Option<String>,
) -> Result<Told, Error> {
    let repository = RepositoryName::parse(&project.path_with_namespace)?;
    let happening = Happening { forge: Forge::Gitlab, repository, what, commit };
    Ok(Told::Happened { happening, ignored })
}

fn push(push: Push) -> Result<Told, Error> {
    let Ok(what) = What::pushed(&push.r#ref) else { return Ok(Told::Nothing) };
    let after = commit("after", Some(&push.after))?;
    let checkout = commit("checkout_sha", push.checkout_sha.as_deref())?;
    let ignored = match (&checkout, &after) {
        (None, None) | (Some(_), None) => Some(format!("{} was deleted", push.r#ref)),
        (Some(head), _) | (None, Some(head)) => {
            let head = push.commits.iter().find(|commit| commit.id == head.as_str());
            skipped(head.and_then(|commit| commit.message.as_deref()))
        }
    };
    happened(&push.project, what, checkout.or(after), ignored)
}

fn release(release: Release) -> Result<Told, Error> {
    if release.action != "create" {
        return Ok(Told::Nothing);
    }
    let head = commit("commit.id", release.commit.as_ref().map(|commit| &*commit.id))?;
    happened(&release.project, What::Release { tag: release.tag }, head, None)
}

fn merge_request(event: MergeRequest) -> Result<Told, Error> {
    let of = event.object_attributes;
    let is_new = match of.action.as_deref() {
        Some("open" | "reopen") => true,
        // Titles and labels are updates, too.
        Some("update") => of.oldrev.is_some(),
        Some(_) | None => false,
    };
    if !is_new {
        return Ok(Told::Nothing);
    }
    let fork = of.source_project_id != Some(of.target_project_id);
    let what = What::PullRequest { number: of.iid, into: of.target_branch, fork };
    let last = of.last_commit.as_ref();
    let ignored = skipped(last.and_then(|commit| commit.message.as_deref()));
    let commit = commit("object_attributes.last_commit.id", last.map(|commit| &*commit.id))?;
    happened(&event.project, what, commit, ignored)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(event: &str, body: &Value) -> Option<(What, Option<String>, Option<String>)> {
        match read(event, body.to_string().as_bytes()).unwrap() {
            Told::Happened { happening, ignored } => {
                assert_eq!(happening.repository.as_str(), "group/sub/app");
                let commit = happening.commit.map(|commit| commit.to_string());
                Some((happening.what, commit, ignored))
            }
            Told::Ping | Told::Nothing => None,
        }
    }

    fn push(checkout: Value) -> Value {
        json!({"object_kind": "push", "ref": "refs/heads/main", "after": "cd".repeat(20),
            "checkout_sha": checkout, "project": {"path_with_namespace": "group/sub/app"},
            "commits": [{"id": "ab".repeat(20), "message": "m [skip build]"}]})
    }

    fn request(action: &str, more: Value) -> Value {
        let mut attributes = json!({"iid": 3, "action": action, "target_branch": "main",
            "source_project_id": 1, "target_project_id": 1,
            "last_commit": {"id": "ab".repeat(20), "message": "m"}});
        attributes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"object_kind": "merge_request", "object_attributes": attributes,
            "project": {"path_with_namespace": "group/sub/app"}})
    }

    #[test]
    fn pushes_and_tags() {
        let branch = What::Branch { branch: "main".into() };
        let skipped = Some("the commit's message has [skip build]".to_owned());
        let head = "ab".repeat(20);
        assert_eq!(
            told("Push Hook", &push(json!(head))),
            Some((branch.clone(), Some(head.clone()), skipped))
        );
        let mut gone = push(Value::Null);
        gone["after"] = json!("0".repeat(40));
        let deleted = Some("refs/heads/main was deleted".to_owned());
        assert_eq!(told("Push Hook", &gone), Some((branch, None, deleted)));
        let mut tag = push(json!("ef".repeat(20)));
        tag["ref"] = json!("refs/tags/v1");
        let tagged = What::Tag { tag: "v1".into() };
        assert_eq!(told("Tag Push Hook", &tag), Some((tagged, Some("ef".repeat(20)), None)));
        assert_eq!(told("Pipeline Hook", &push(Value::Null)), None);
    }

    #[test]
    fn merge_requests_with_new_commits() {
        let fork = |body: &Value| match told("Merge Request Hook", body) {
            Some((What::PullRequest { number: 3, fork, .. }, Some(_), None)) => Some(fork),
            _ => None,
        };
        assert_eq!(fork(&request("open", json!({}))), Some(false));
        assert_eq!(fork(&request("reopen", json!({"source_project_id": 2}))), Some(true));
        assert_eq!(fork(&request("open", json!({"source_project_id": null}))), Some(true));
        assert_eq!(fork(&request("update", json!({}))), None);
        assert_eq!(fork(&request("update", json!({"oldrev": "x"}))), Some(false));
        assert_eq!(fork(&request("merge", json!({}))), None);
    }

    #[test]
    fn releases() {
        let release = |action: &str| {
            json!({"object_kind": "release", "action": action, "tag": "v1",
                "commit": {"id": "ab".repeat(20)},
                "project": {"path_with_namespace": "group/sub/app"}})
        };
        let expected = (What::Release { tag: "v1".into() }, Some("ab".repeat(20)), None);
        assert_eq!(told("Release Hook", &release("create")), Some(expected));
        assert_eq!(told("Release Hook", &release("update")), None);
    }
}

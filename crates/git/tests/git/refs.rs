//! Branches, tags, refs and commits.

use slipway_domain::Reason;

use crate::http::{Manners, Server};
use crate::origin::Origin;
use crate::run::{Run, at, file, of};

#[tokio::test]
async fn names_mean_what_they_mean_to_git() {
    let origin = Origin::new();
    let repo = origin.repo_with_dockerfile("app.git");
    let first = repo.git(&["rev-parse", "main"]);
    let release =
        repo.commit("release/v1.2", &[("Dockerfile", "FROM scratch\n"), ("at", "release")]);
    repo.git(&["tag", "v1/rc.1", &release]);
    repo.git(&["tag", "-a", "-m", "x", "v2", &release]);
    repo.git(&["tag", "-a", "-m", "x", "of-tag", "v2"]);
    // Of one name with a branch; the branch has more.
    repo.git(&["tag", "both", &first]);
    let both = repo.commit("both", &[("Dockerfile", "FROM scratch\n"), ("at", "branch")]);
    let pulled = repo.commit("gone", &[("Dockerfile", "FROM scratch\n"), ("at", "pull")]);
    repo.git(&["update-ref", "refs/pull/7/head", "gone"]);
    repo.git(&["update-ref", "-d", "refs/heads/gone"]);
    // Digits that are a name first.
    repo.git(&["tag", "deadbeef", &release]);
    let server = Server::start(origin.path()).await;
    let url = server.url("app.git");
    for (reference, commit) in [
        ("main", &first),
        ("release/v1.2", &release),
        ("refs/heads/release/v1.2", &release),
        ("heads/main", &first),
        ("v1/rc.1", &release),
        ("v2", &release),
        ("of-tag", &release),
        ("refs/tags/v2", &release),
        ("both", &both),
        ("tags/both", &first),
        ("refs/pull/7/head", &pulled),
        ("deadbeef", &release),
        ("HEAD", &first),
        (&release, &release),
        (&pulled.to_uppercase(), &pulled),
        (&first[..7], &first),
        (&release[..12], &release),
    ] {
        let run = Run::new();
        let fetched = run.fetch(&at(&url, reference)).await.unwrap();
        assert_eq!(fetched.commit(), commit, "{reference}");
        drop(fetched);
        run.left_nothing();
    }
    let run = Run::new();
    let files = run.files(&of(&url)).await;
    assert_eq!(files, [("Dockerfile".to_owned(), file("FROM scratch\n"))].into());
    let said = run.said();
    assert_eq!(said.first().unwrap(), &format!("fetching HEAD of {url}"));
    assert_eq!(said.last().unwrap(), &format!("resolved HEAD to {}", &first[..12]));
}

#[tokio::test]
async fn what_does_not_exist_is_named_with_what_does() {
    let origin = Origin::new();
    let repo = origin.repo_with_dockerfile("app.git");
    repo.git(&["branch", "maintenance", "main"]);
    repo.git(&["tag", "v1.2", "main"]);
    repo.git(&["tag", "of-tree", "main^{tree}"]);
    origin.repo("empty.git");
    let headless = origin.repo("headless.git");
    headless.commit("trunk", &[("Dockerfile", "FROM scratch\n")]);
    let server = Server::start(origin.path()).await;
    let nothing = "0123456".repeat(6);
    for (repo, reference, message, hint) in [
        ("app.git", Some("mian"), "has no branch or tag mian", "main"),
        ("app.git", Some("1.2"), "has no branch or tag 1.2", "the nearest name is v1.2"),
        ("app.git", Some("refs/heads/mainn"), "has no branch or tag refs/heads/mainn", "main"),
        (
            "app.git",
            Some("refs/pull/9/head"),
            "has no branch or tag refs/pull/9/head",
            "check the name",
        ),
        (
            "app.git",
            Some("pull/7/head"),
            "has no branch or tag pull/7/head",
            "a request to merge is known by its whole name: refs/pull/7/head",
        ),
        ("app.git", Some("merge-requests/1/head"), "has no", "refs/merge-requests/1/head"),
        ("app.git", Some("01234"), "has no branch or tag 01234", "at least 7 of its digits"),
        ("app.git", Some("0123456"), "has no commit 0123456", "check the digits"),
        ("app.git", Some(&nothing[..40]), "has no commit 0123456", "check the digits"),
        ("app.git", Some("of-tree"), "is no commit", "name a branch"),
        ("empty.git", None, "is empty", "push a commit"),
        ("empty.git", Some("main"), "is empty", "push a commit"),
        ("headless.git", None, "has no commit to take", "default branch does not exist"),
        ("none.git", None, "there is no repository at", "check the address"),
        ("none.git", Some("main"), "there is no repository at", "check the address"),
    ] {
        let url = server.url(repo);
        let what = reference.map_or_else(|| of(&url), |reference| at(&url, reference));
        let failure = Run::new().failure(&what).await;
        assert_eq!(failure.reason, Reason::SourceNotFound, "{failure:?}");
        assert!(failure.message.contains(message), "{reference:?} {failure:?}");
        assert!(failure.message.contains(url.as_str()), "{failure:?}");
        assert!(failure.hint.as_ref().unwrap().contains(hint), "{failure:?}");
    }
}

#[tokio::test]
async fn an_odd_commit_of_long_ago_keeps_nobody_from_naming_another() {
    let origin = Origin::new();
    let repo = origin.repo_with_dockerfile("app.git");
    let tree = repo.git(&["rev-parse", "main^{tree}"]);
    let commit = |before: &str, zone: &str| {
        let who = format!("A <a@h.example> 1 {zone}");
        let text = format!("tree {tree}\n{before}author {who}\ncommitter {who}\n\nx\n");
        repo.git_with(
            &["hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
            text.as_bytes(),
        )
    };
    let odd = commit("", "+051800");
    let good = commit(&format!("parent {odd}\n"), "+0000");
    repo.git(&["update-ref", "refs/heads/main", &good]);
    let server = Server::start(origin.path()).await;
    let fetched = Run::new().fetch(&at(&server.url("app.git"), &good[..8])).await.unwrap();
    assert_eq!(fetched.commit(), good);
}

#[tokio::test]
async fn digits_of_two_commits_mean_neither() {
    let origin = Origin::new();
    let repo = origin.repo_with_dockerfile("app.git");
    // Names are chance: among some thousand commits a few begin alike in seven digits of
    // which four are looked at, so the shortest that git takes is asked for.
    let mut orders = String::new();
    for number in 0..30_000 {
        orders += &format!(
            "commit refs/heads/many\ncommitter A <a@h.example> {} +0000\ndata 1\nx\n",
            1_700_000_000 + number
        );
    }
    repo.git_with(&["fast-import", "--quiet"], orders.as_bytes());
    let all = repo.git(&["rev-list", "many"]);
    let mut ids: Vec<&str> = all.lines().collect();
    ids.sort_unstable();
    let twins = ids.windows(2).find(|pair| pair[0][..7] == pair[1][..7]);
    let digits = &twins.expect("two of 30,000 that begin alike")[0][..7];
    let server = Server::start(origin.path()).await;
    let failure = Run::new().failure(&at(&server.url("app.git"), digits)).await;
    assert_eq!(failure.reason, Reason::SourceNotFound);
    assert!(failure.message.contains(&format!("begin with {digits}")), "{failure:?}");
    assert!(failure.hint.unwrap().contains(twins.unwrap()[1]));
}

#[tokio::test]
async fn old_servers_give_away_commits_with_all_the_rest() {
    let origin = Origin::new();
    let repo = origin.repo_with_dockerfile("app.git");
    let first = repo.git(&["rev-parse", "main"]);
    repo.commit("main", &[("later", "x")]);
    let server = Server::with(origin.path(), Manners { is_old: true, ..Manners::default() }).await;
    for reference in [&first, &first[..8]] {
        let run = Run::new();
        let files = run.files(&at(&server.url("app.git"), reference)).await;
        assert_eq!(files.keys().collect::<Vec<_>>(), ["Dockerfile"]);
        assert!(run.said().iter().any(|line| line.contains("fetching all branches")));
    }
    let nothing = "0123456".repeat(6);
    let failure = Run::new().failure(&at(&server.url("app.git"), &nothing[..40])).await;
    assert!(failure.message.contains("has no commit"), "{failure:?}");
}

#[tokio::test]
async fn repositories_may_name_objects_by_sha256() {
    let origin = Origin::new();
    let repo = origin.repo_of("app.git", "sha256");
    let commit = repo.commit("main", &[("Dockerfile", "FROM scratch\n")]);
    assert_eq!(commit.len(), 64);
    let server = Server::start(origin.path()).await;
    let url = server.url("app.git");
    for what in [of(&url), at(&url, "main"), at(&url, &commit), at(&url, &commit[..9])] {
        let fetched = Run::new().fetch(&what).await.unwrap();
        assert_eq!(fetched.commit(), commit);
    }
}

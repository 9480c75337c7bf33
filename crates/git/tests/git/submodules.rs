//! Repositories within repositories.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use slipway_domain::{Failure, Reason};
use slipway_git::{GitFetch, Limits};

use crate::http::{Manners, Server};
use crate::origin::{Origin, Repo};
use crate::run::{Entry, Run, file, of};

fn with_submodules(server: &Server, repo: &str) -> GitFetch {
    GitFetch { submodules: true, ..of(&server.url(repo)) }
}

/// Adds a submodule at `path` with the commit `id`, of `url`.
fn add(repo: &Repo, path: &str, id: &str, url: &str) {
    let modules = format!("[submodule \"{path}-name\"]\n\tpath = {path}\n\turl = {url}\n");
    repo.commit("main", &[(".gitmodules", &modules), (&format!("160000:{path}"), id)]);
}

#[tokio::test]
async fn each_has_its_place() {
    let origin = Origin::new();
    let inner = origin.repo("libs/inner.git");
    let inner_id = inner.commit("main", &[("inner.txt", "inner")]);
    // It went on since.
    inner.commit("main", &[("later.txt", "later")]);
    let outer = origin.repo("libs/outer.git");
    outer.commit("main", &[("100755:outer.sh", "outer")]);
    add(&outer, "deps/inner", &inner_id, "../inner.git");
    let outer_id = outer.git(&["rev-parse", "main"]);
    let app = origin.repo_with_dockerfile("app.git");
    add(&app, "vendor/outer", &outer_id, "./../libs/outer.git");
    let server = Server::start(origin.path()).await;
    let run = Run::new();
    let files = run.files(&with_submodules(&server, "app.git")).await;
    assert_eq!(files["vendor/outer/outer.sh"], Entry::File(0o755, "outer".into()));
    assert_eq!(files["vendor/outer/deps/inner/inner.txt"], file("inner"));
    assert!(!files.contains_key("vendor/outer/deps/inner/later.txt"));
    let said = run.said();
    let line = format!("fetching submodule vendor/outer-name of {}", server.url("libs/outer.git"));
    assert!(said.contains(&line), "{said:?}");

    // Unasked for, it is an empty folder.
    let files = Run::new().files(&of(&server.url("app.git"))).await;
    assert_eq!(files["vendor/outer/"], Entry::Folder);
    assert!(!files.keys().any(|path| path.contains("outer.sh")));

    // An absolute address, and one that its file says to leave.
    let app = origin.repo_with_dockerfile("absolute.git");
    let url = server.url("libs/inner.git");
    let modules = format!(
        "[submodule \"a\"]\n\tpath = a\n\turl = {url}\n\
         [submodule \"b\"]\n\tpath = b\n\turl = file:///etc\n\tupdate = none\n"
    );
    app.commit(
        "main",
        &[(".gitmodules", &modules), ("160000:a", &inner_id), ("160000:b", &inner_id)],
    );
    let files = Run::new().files(&with_submodules(&server, "absolute.git")).await;
    assert_eq!(files["a/inner.txt"], file("inner"));
    assert_eq!(files["b/"], Entry::Folder);
}

#[tokio::test]
async fn what_leads_elsewhere_is_refused_by_name() {
    let id = "0123456789".repeat(4);
    for (path, url, reason, message) in [
        ("x", "file:///etc", Reason::ContextUnsafe, "submodule x-name has a url that is not"),
        ("x", "ext::sh -c id", Reason::ContextUnsafe, "submodule x-name has a url that is not"),
        ("x", "--upload-pack=id", Reason::ContextUnsafe, "submodule x-name has a url that is not"),
        ("x", "/etc", Reason::ContextUnsafe, "submodule x-name has a url that is not"),
        ("x", "../../../../etc", Reason::ContextUnsafe, "submodule x-name has a url that leads"),
        (
            "x",
            "http://169.254.169.254/latest",
            Reason::AddressRefused,
            "submodule x-name: requests may not reach 169.254.169.254",
        ),
        ("x", "../none.git", Reason::SourceNotFound, "submodule x-name: there is no repository"),
        ("x", "./../app.git", Reason::SourceNotFound, "submodule x-name: http"),
    ] {
        let origin = Origin::new();
        let app = origin.repo_with_dockerfile("app.git");
        add(&app, path, &id, url);
        let server = Server::start(origin.path()).await;
        let failure = Run::new().failure(&with_submodules(&server, "app.git")).await;
        assert_eq!(failure.reason, reason, "{url}: {failure:?}");
        assert!(failure.message.contains(message), "{url}: {failure:?}");
        // Who does not ask for it is not held up by it.
        Run::new().files(&of(&server.url("app.git"))).await;
    }
}

#[tokio::test]
async fn paths_that_lead_out_are_refused_by_name() {
    let id = "0123456789".repeat(4);
    for path in ["../x", ".git/hooks", "a/../../x"] {
        let origin = Origin::new();
        let app = origin.repo_with_dockerfile("app.git");
        let modules = format!("[submodule \"evil\"]\n\tpath = {path}\n\turl = ../a.git\n");
        app.commit("main", &[(".gitmodules", &modules), ("160000:x", &id)]);
        let server = Server::start(origin.path()).await;
        let failure = Run::new().failure(&with_submodules(&server, "app.git")).await;
        assert_eq!(failure.reason, Reason::ContextUnsafe, "{failure:?}");
        assert!(failure.message.starts_with("the submodule evil has a path"), "{failure:?}");
    }
}

#[tokio::test]
async fn one_without_an_address() {
    let origin = Origin::new();
    let app = origin.repo_with_dockerfile("app.git");
    app.commit("main", &[("160000:x", &"0123456789".repeat(4))]);
    let server = Server::start(origin.path()).await;
    let failure = Run::new().failure(&with_submodules(&server, "app.git")).await;
    assert_eq!(failure.reason, Reason::SourceNotFound);
    assert_eq!(failure.message, "the submodule at x is not in .gitmodules");
    // A link of that name is not followed.
    app.commit("main", &[("120000:.gitmodules", "Dockerfile")]);
    let failure = Run::new().failure(&with_submodules(&server, "app.git")).await;
    assert_eq!(failure.message, "the submodule at x is not in .gitmodules");
}

async fn nested(depth: usize, limits: Limits) -> Result<(), Failure> {
    let origin = Origin::new();
    let mut id = origin.repo_with_dockerfile("r0.git").git(&["rev-parse", "main"]);
    for number in 1..=depth {
        let repo = origin.repo_with_dockerfile(&format!("r{number}.git"));
        add(&repo, "n", &id, &format!("../r{}.git", number - 1));
        id = repo.git(&["rev-parse", "main"]);
    }
    let server = Server::start(origin.path()).await;
    let run = Run::with(limits);
    let fetched = run.fetch(&with_submodules(&server, &format!("r{depth}.git"))).await?;
    let files = crate::run::read(fetched, slipway_context::ContextOptions::default()).await;
    assert!(files.unwrap().contains_key(&format!("{}Dockerfile", "n/".repeat(depth))));
    Ok(())
}

#[tokio::test]
async fn depth_and_number_have_an_end() {
    nested(8, Limits::default()).await.unwrap();
    let failure = nested(9, Limits::default()).await.unwrap_err();
    assert_eq!(failure.reason, Reason::ContextTooLarge);
    assert!(failure.message.contains("more than 8 deep"), "{failure:?}");
    let failure = nested(3, Limits { submodules: 2, ..Limits::default() }).await.unwrap_err();
    assert_eq!(failure.reason, Reason::ContextTooLarge);
    assert!(failure.message.contains("more than 2 submodules"), "{failure:?}");
}

#[tokio::test]
async fn logins_stay_with_their_server() {
    let origin = Origin::new();
    let lib = origin.repo("lib.git");
    let id = lib.commit("main", &[("lib.txt", "lib")]);
    let elsewhere = Server::start(origin.path()).await;
    let app = origin.repo_with_dockerfile("app.git");
    let modules = format!(
        "[submodule \"near\"]\n\tpath = near\n\turl = ../lib.git\n\
         [submodule \"far\"]\n\tpath = far\n\turl = {}\n",
        elsewhere.url("lib.git")
    );
    app.commit("main", &[(".gitmodules", &modules), ("160000:near", &id), ("160000:far", &id)]);
    let header = format!("Basic {}", STANDARD.encode("oauth2:t0ken"));
    let manners = Manners { authorization: Some(header), ..Manners::default() };
    let server = Server::with(origin.path(), manners).await;
    let what =
        GitFetch { token: Some("t0ken".to_owned().into()), ..with_submodules(&server, "app.git") };
    let files = Run::new().files(&what).await;
    assert_eq!((&files["near/lib.txt"], &files["far/lib.txt"]), (&file("lib"), &file("lib")));
    let asked = elsewhere.asked();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|head| !head.to_lowercase().contains("authorization")), "{asked:?}");
}

#[tokio::test]
async fn one_that_wants_a_login_elsewhere_cannot_be_given_one() {
    let origin = Origin::new();
    let id = origin.repo("lib.git").commit("main", &[("lib.txt", "lib")]);
    let wants = |login: &str| Manners {
        authorization: Some(format!("Basic {}", STANDARD.encode(login))),
        ..Manners::default()
    };
    let elsewhere = Server::with(origin.path(), wants("oauth2:other")).await;
    add(&origin.repo_with_dockerfile("far.git"), "lib", &id, elsewhere.url("lib.git").as_str());
    let server = Server::with(origin.path(), wants("oauth2:t0ken")).await;
    let token = Some("t0ken".to_owned().into());
    let what = GitFetch { token, ..with_submodules(&server, "far.git") };
    let failure = Run::new().failure(&what).await;
    assert_eq!(failure.reason, Reason::SourceDenied, "{failure:?}");
    let hint = failure.hint.unwrap();
    assert!(hint.contains("to its own server and to no other"), "{hint}");

    // At the source's own server, one can be given.
    add(&origin.repo_with_dockerfile("near.git"), "lib", &id, elsewhere.url("lib.git").as_str());
    let token = Some("wrong".to_owned().into());
    let what = GitFetch { token, ..with_submodules(&elsewhere, "near.git") };
    let hint = Run::new().failure(&what).await.hint.unwrap();
    assert!(hint.contains("check the login or token"), "{hint}");
}

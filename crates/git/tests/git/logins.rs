//! Logins go where they should, and are seen nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use slipway_domain::{Credentials, Reason};
use slipway_git::GitFetch;

use crate::http::{Manners, Server};
use crate::origin::Origin;
use crate::processes;
use crate::run::{Run, file, of};

const TOKEN: &str = "glpat-s3cret+/token";

fn wants(login: &str) -> Manners {
    let authorization = Some(format!("Basic {}", STANDARD.encode(login)));
    Manners { authorization, ..Manners::default() }
}

fn with_token(server: &Server, token: &str) -> GitFetch {
    GitFetch { token: Some(token.to_owned().into()), ..of(&server.url("app.git")) }
}

#[tokio::test]
async fn the_right_one_opens() {
    let origin = Origin::new();
    origin.repo_with_dockerfile("app.git");
    let server = Server::with(origin.path(), wants(&format!("oauth2:{TOKEN}"))).await;
    let files = Run::new().files(&with_token(&server, TOKEN)).await;
    assert_eq!(files["Dockerfile"], file("FROM scratch\n"));

    let server = Server::with(origin.path(), wants("ci:pass:word")).await;
    let login = Credentials { username: "ci".into(), password: "pass:word".to_owned().into() };
    let what = GitFetch { login: Some(login), ..of(&server.url("app.git")) };
    Run::new().files(&what).await;
}

#[tokio::test]
async fn the_wrong_one_is_refused_and_seen_nowhere() {
    let origin = Origin::new();
    origin.repo_with_dockerfile("app.git");
    let server = Server::with(origin.path(), wants("ci:other")).await;
    let run = Run::new();
    let failure = run.failure(&with_token(&server, TOKEN)).await;
    assert_eq!(failure.reason, Reason::SourceDenied, "{failure:?}");
    assert_eq!(failure.message, format!("{} refused the login", server.url("app.git")));
    let all = format!("{failure:?} {:?}", run.said());
    let header = STANDARD.encode(format!("oauth2:{TOKEN}"));
    assert!(!all.contains(TOKEN) && !all.contains(&header), "{all}");

    let failure = run.failure(&of(&server.url("app.git"))).await;
    assert_eq!(failure.reason, Reason::SourceDenied);
    assert_eq!(failure.message, format!("{} wants a login", server.url("app.git")));
}

#[tokio::test]
async fn a_server_cannot_have_it_shown() {
    let origin = Origin::new();
    let header = STANDARD.encode(format!("oauth2:{TOKEN}"));
    let answer = format!(
        "HTTP/1.1 302 X\r\nlocation: http://{TOKEN}@h.example/{header}/app.git/info/refs?x={TOKEN}"
    );
    let manners = Manners { answer: Some(answer), ..Manners::default() };
    let server = Server::with(origin.path(), manners).await;
    let failure = Run::new().failure(&with_token(&server, TOKEN)).await;
    let all = format!("{failure:?}");
    assert!(!all.contains(TOKEN) && !all.contains(&header), "{all}");
    assert!(all.contains("h.example/***/app.git"), "{all}");
}

#[tokio::test]
async fn others_on_the_machine_do_not_see_it() {
    let origin = Origin::new();
    let manners = Manners { hangs: true, ..Manners::default() };
    let server = Server::with(origin.path(), manners).await;
    let run = Run::new();
    let what = with_token(&server, TOKEN);
    let looking = async {
        while server.asked().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        // Until the helper has become what it is.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let header = STANDARD.encode(format!("oauth2:{TOKEN}"));
        let processes = processes::within(run.folder.path());
        let mut told = 0;
        for process in &processes {
            let arguments = processes::arguments(process);
            assert!(!arguments.contains(TOKEN) && !arguments.contains(&header), "{arguments}");
            let (environment, rights) = processes::environment(process);
            assert_eq!(rights, 0, "others may read it");
            assert!(!environment.contains("SLIPWAY") && !environment.contains("CARGO"));
            told += usize::from(environment.contains(&header));
        }
        // Git, and the helper that speaks http.
        assert!(told >= 2, "{processes:?}");
        processes
    };
    let processes = tokio::select! {
        fetched = run.fetch(&what) => panic!("{fetched:?}"),
        processes = looking => processes,
    };
    // Nobody waits for the fetch any more: all that it started goes, and its folder.
    run.left_nothing();
    for _ in 0..3000 {
        if processes.iter().all(|process| processes::arguments(process).is_empty()) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("still there: {:?}", processes::within(run.folder.path()));
}

//! Fetches by SSH.

use slipway_domain::Reason;
use slipway_git::GitFetch;

use crate::origin::Origin;
use crate::run::{Run, file, of};
use crate::sshd::Sshd;

#[tokio::test]
async fn with_the_right_key_to_the_right_host() {
    let origin = Origin::new();
    let repo = origin.repo_with_dockerfile("app.git");
    let sshd = Sshd::start().await;
    let what = |key: Option<&str>, known: Option<&str>| GitFetch {
        ssh_key: key.map(|key| sshd.key(key).into()),
        known_hosts: known.map(|known| sshd.known(known)),
        ..of(&sshd.url(&repo.path))
    };
    let files = Run::new().files(&what(Some("client"), Some("host"))).await;
    assert_eq!(files["Dockerfile"], file("FROM scratch\n"));
    // As forms on the web send keys.
    let mut pasted = what(Some("client"), Some("host"));
    pasted.ssh_key = Some(sshd.key("client").trim().replace('\n', "\r\n").into());
    Run::new().files(&pasted).await;

    for (key, known, reason, message) in [
        (Some("stranger"), Some("host"), Reason::SourceDenied, "refused the ssh key"),
        (None, Some("host"), Reason::SourceDenied, "wants an ssh key"),
        (Some("client"), Some("other-host"), Reason::SourceUnreachable, "is another than"),
        (Some("client"), None, Reason::SourceUnreachable, "is not known"),
        (Some("client.pub"), Some("host"), Reason::SourceDenied, "is a public key"),
    ] {
        let run = Run::new();
        let failure = run.failure(&what(key, known)).await;
        assert_eq!(failure.reason, reason, "{key:?} {known:?} {failure:?}");
        assert!(failure.message.contains(message), "{key:?} {known:?} {failure:?}");
        assert!(!format!("{failure:?} {:?}", run.said()).contains("PRIVATE KEY"));
    }
    let mut gone = what(Some("client"), Some("host"));
    gone.url = sshd.url(&origin.path().join("none.git"));
    let failure = Run::new().failure(&gone).await;
    assert_eq!(failure.reason, Reason::SourceNotFound, "{failure:?}");
}

#[tokio::test]
async fn submodules_beside_it() {
    let origin = Origin::new();
    let lib = origin.repo("lib.git");
    let id = lib.commit("main", &[("lib.txt", "lib")]);
    let app = origin.repo_with_dockerfile("app.git");
    let modules = "[submodule \"lib\"]\n\tpath = lib\n\turl = ../lib.git\n";
    app.commit("main", &[(".gitmodules", modules), ("160000:lib", &id)]);
    let sshd = Sshd::start().await;
    let what = GitFetch {
        ssh_key: Some(sshd.key("client").into()),
        known_hosts: Some(sshd.known("host")),
        submodules: true,
        ..of(&sshd.url(&app.path))
    };
    assert_eq!(Run::new().files(&what).await["lib/lib.txt"], file("lib"));
}

//! What a tree becomes.

use std::fmt::Write as _;

use slipway_context::{ContextError, ContextOptions};
use slipway_domain::Reason;

use crate::http::Server;
use crate::origin::Origin;
use crate::run::{Entry, Run, file, of, read};

#[tokio::test]
async fn modes_links_and_folders() {
    let origin = Origin::new();
    let repo = origin.repo("app.git");
    repo.commit(
        "main",
        &[
            ("Dockerfile", "FROM scratch\n"),
            ("100755:run.sh", "#!/bin/sh\n"),
            ("120000:latest", "dir/a b"),
            ("dir/a b", "text"),
            ("dir/empty", ""),
            // What would be run or made another thing of in a checkout.
            (".gitattributes", "*.txt ident eol=crlf filter=lfs\n"),
            ("id.txt", "$Id$\n"),
            ("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
        ],
    );
    let server = Server::start(origin.path()).await;
    let files = Run::new().files(&of(&server.url("app.git"))).await;
    assert_eq!(files["Dockerfile"], file("FROM scratch\n"));
    assert_eq!(files["run.sh"], Entry::File(0o755, "#!/bin/sh\n".into()));
    assert_eq!(files["latest"], Entry::Link("dir/a b".into()));
    assert_eq!(files["dir/a b"], file("text"));
    assert_eq!(files["dir/empty"], file(""));
    assert_eq!(files["id.txt"], file("$Id$\n"));
    assert!(matches!(&files["big.bin"], Entry::File(_, text) if text.starts_with("version ")));
}

#[tokio::test]
async fn a_folder_of_it_without_what_is_ignored() {
    let origin = Origin::new();
    let repo = origin.repo("app.git");
    repo.commit(
        "main",
        &[
            (".dockerignore", "*\n"),
            ("other", "x"),
            ("app/.dockerignore", "*.log\n"),
            ("app/Dockerfile", "FROM scratch\n"),
            ("app/a.log", "x"),
            ("app/b.txt", "x"),
        ],
    );
    let server = Server::start(origin.path()).await;
    let run = Run::new();
    let options =
        ContextOptions { subdir: Some("app".into()), ignore: true, ..ContextOptions::default() };
    let fetched = run.fetch(&of(&server.url("app.git"))).await.unwrap();
    let files = read(fetched, options.clone()).await.unwrap();
    assert_eq!(files.keys().collect::<Vec<_>>(), [".dockerignore", "Dockerfile", "b.txt"]);
    let fetched = run.fetch(&of(&server.url("app.git"))).await.unwrap();
    let files = read(fetched, ContextOptions { ignore: false, ..options.clone() }).await.unwrap();
    assert!(files.contains_key("a.log"));
    let fetched = run.fetch(&of(&server.url("app.git"))).await.unwrap();
    let missing = ContextOptions { subdir: Some("none".into()), ..options };
    let Err(ContextError::Refused(failure)) = read(fetched, missing).await else { panic!() };
    assert_eq!(failure.reason, Reason::DockerfileMissing, "{failure:?}");
    run.left_nothing();
}

#[tokio::test]
async fn a_hundred_thousand_files() {
    let origin = Origin::new();
    let repo = origin.repo("app.git");
    let mut orders = "M 100644 inline Dockerfile\ndata 12\nFROM scratch\n".to_owned();
    for number in 0..100_000 {
        let text = number.to_string();
        let place = format!("d{}/f{number}", number % 97);
        write!(orders, "M 100644 inline {place}\ndata {}\n{text}\n", text.len()).unwrap();
    }
    repo.import("main", &orders);
    let server = Server::start(origin.path()).await;
    let files = Run::new().files(&of(&server.url("app.git"))).await;
    assert_eq!(files.values().filter(|entry| matches!(entry, Entry::File(..))).count(), 100_001);
    for number in [0, 4711, 99_999] {
        assert_eq!(files[&format!("d{}/f{number}", number % 97)], file(&number.to_string()));
    }
}

#[tokio::test]
async fn who_takes_no_more_leaves_nothing() {
    let origin = Origin::new();
    let repo = origin.repo_with_dockerfile("app.git");
    let large = "0123456789abcdef".repeat(1 << 17);
    repo.commit("main", &[("a", &large), ("b", &large)]);
    let server = Server::start(origin.path()).await;
    let run = Run::new();
    let fetched = run.fetch(&of(&server.url("app.git"))).await.unwrap();
    let open = fetched.open(ContextOptions::default()).await.unwrap();
    drop(open.stream);
    assert_eq!(open.done.await, Err(ContextError::ReceiverGone));
    run.left_nothing();
    let processes = crate::processes::within(run.folder.path());
    assert!(processes.is_empty(), "{processes:?}");
}

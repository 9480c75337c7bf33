//! What a tree becomes.

use std::fmt::Write as _;

use slipway_context::{ContextError, ContextOptions};
use slipway_domain::Reason;
use slipway_git::GitFetch;

use crate::http::Server;
use crate::origin::Origin;
use crate::run::{Entry, Run, file, of, read, tar};

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
    assert_eq!(failure.reason, Reason::SourceNotFound, "{failure:?}");
    assert!(failure.message.contains("no folder \"none\", which subdir names"), "{failure:?}");
    run.left_nothing();
}

#[tokio::test]
async fn one_commit_is_always_the_same_bytes_with_its_own_time() {
    let origin = Origin::new();
    let lib = origin.repo("lib.git");
    let id = lib.commit("main", &[("lib.txt", "lib")]);
    let app = origin.repo_with_dockerfile("app.git");
    let modules = "[submodule \"lib\"]\n\tpath = lib\n\turl = ../lib.git\n";
    let files = [(".gitmodules", modules), ("160000:lib", &id), ("120000:l", "Dockerfile")];
    app.commit("main", &files);
    let server = Server::start(origin.path()).await;
    let with_submodules = GitFetch { submodules: true, ..of(&server.url("app.git")) };
    let tar_of = async |what: &GitFetch| {
        let run = Run::new();
        let fetched = run.fetch(what).await.unwrap();
        tar(fetched, ContextOptions::default()).await.unwrap()
    };
    for what in [of(&server.url("app.git")), with_submodules] {
        // On two machines, the folder that it is fetched into has another name.
        let first = tar_of(&what).await;
        assert!(first == tar_of(&what).await);
        let mut archive = tar::Archive::new(first.as_slice());
        let times: Vec<u64> =
            archive.entries().unwrap().map(|e| e.unwrap().header().mtime().unwrap()).collect();
        assert!(times.len() >= 4);
        assert!(times.iter().all(|time| *time == 1_700_000_000), "{times:?}");
    }
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

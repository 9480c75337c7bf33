//! Everything has an end.

use std::process::Stdio;
use std::time::{Duration, Instant};

use slipway_domain::{GitUrl, Reason};
use slipway_git::{Limits, fetch};
use slipway_outbound::{AddressPolicy, Guard};

use crate::http::{Manners, Server};
use crate::origin::Origin;
use crate::processes;
use crate::run::{Run, at, of};

/// Of incompressible text.
fn noise(bytes: usize) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(letters[usize::try_from(state % 64).unwrap()])
        })
        .collect()
}

#[tokio::test]
async fn servers_that_hang_are_left() {
    let origin = Origin::new();
    origin.repo_with_dockerfile("app.git");
    for (manners, limits, reason, message) in [
        (
            Manners { hangs: true, ..Manners::default() },
            Limits { idle: Duration::from_secs(1), ..Limits::default() },
            Reason::SourceUnreachable,
            "does not answer: nothing came for 1 s",
        ),
        (
            Manners { hangs_at_pack: true, ..Manners::default() },
            Limits { total: Duration::from_secs(1), ..Limits::default() },
            Reason::SourceError,
            "was not fetched within 1 s",
        ),
    ] {
        let server = Server::with(origin.path(), manners).await;
        let run = Run::with(limits);
        let began = Instant::now();
        let failure = run.failure(&of(&server.url("app.git"))).await;
        assert_eq!(failure.reason, reason, "{failure:?}");
        assert!(failure.message.contains(message), "{failure:?}");
        assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
        let left = processes::within(run.folder.path());
        assert!(left.iter().all(|left| processes::arguments(left).is_empty()), "{left:?}");
    }
}

/// The worker of the test below: it fetches, and is killed.
#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn somebody_who_fetches() {
    let url = GitUrl::parse(&std::env::var("SLIPWAY_TEST_FETCHED").unwrap()).unwrap().0;
    let folder = std::env::var("SLIPWAY_TEST_FOLDER").unwrap();
    let guard = Guard::new(AddressPolicy::public_only().allow_loopback(true));
    let limits = Limits::default();
    fetch(&of(&url), &guard, folder.as_ref(), &limits, &|_| ()).await.unwrap();
}

#[tokio::test]
async fn git_does_not_outlive_its_worker() {
    let origin = Origin::new();
    let manners = Manners { hangs: true, ..Manners::default() };
    let server = Server::with(origin.path(), manners).await;
    let folder = tempfile::tempdir().unwrap();
    let mut worker = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["limits::somebody_who_fetches", "--exact", "--ignored"])
        .env("SLIPWAY_TEST_FETCHED", server.url("app.git").as_str())
        .env("SLIPWAY_TEST_FOLDER", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while server.asked().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "git does not ask");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The shell, git, its helper.
    assert!(processes::within(folder.path()).len() >= 3);
    // Not a moment to tidy up.
    worker.kill().unwrap();
    worker.wait().unwrap();
    let began = Instant::now();
    loop {
        let left = processes::within(folder.path());
        if left.is_empty() {
            break;
        }
        // The server hangs, and git would wait for a minute.
        assert!(began.elapsed() < Duration::from_secs(45), "{left:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_disk_is_not_filled() {
    let origin = Origin::new();
    let repo = origin.repo_with_dockerfile("app.git");
    repo.commit("large", &[("noise", &noise(4 << 20))]);
    let server = Server::start(origin.path()).await;
    let run = Run::with(Limits { bytes: 1 << 20, ..Limits::default() });
    let failure = run.failure(&at(&server.url("app.git"), "large")).await;
    assert_eq!(failure.reason, Reason::ContextTooLarge);
    assert!(failure.message.contains("more than the 1048576 bytes"), "{failure:?}");
    run.files(&at(&server.url("app.git"), "main")).await;
}

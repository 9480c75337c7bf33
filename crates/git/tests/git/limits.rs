//! Everything has an end.

use std::time::{Duration, Instant};

use slipway_domain::Reason;
use slipway_git::Limits;

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
        assert!(began.elapsed() < Duration::from_secs(20));
        let left = processes::within(run.folder.path());
        assert!(left.iter().all(|left| processes::arguments(left).is_empty()), "{left:?}");
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

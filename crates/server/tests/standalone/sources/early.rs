//! Archives that are sent to the engine while they are fetched, and turn out to be others than
//! they began as.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use slipway_test_support::archives::{self, Tar};
use slipway_test_support::env;
use slipway_test_support::web::{Answer, Web};

use super::build_from;
use crate::stack::{Stack, one_host, unique, wired_engine};

/// More than is looked at before anything is sent.
const LARGE: usize = 20 << 20;
/// More than is kept of one that is sent while it comes.
const GIGANTIC: usize = 80 << 20;
/// What comes within this time of the rest is sent to the engine before that.
const PAUSE: Duration = Duration::from_secs(3);
/// What the worker's log says when it sends a context for the second time.
const ANEW: &str = "the context is sent anew";
/// What the build's log says when that takes another fetch.
const AGAIN: &str = "all of it is fetched again";

/// A build that says a word and what is in its context.
fn saying(word: &str) -> Vec<u8> {
    let base = env::base_image();
    let mark = unique();
    format!("FROM {base}\nCOPY . /here\nRUN echo {word} $(ls -A /here) {mark}\n").into_bytes()
}

fn large() -> Vec<u8> {
    archives::random_bytes(LARGE)
}

/// A folder with a Dockerfile and much beside it.
fn app() -> Tar {
    Tar::default().file("app/Dockerfile", &saying("inside")).file("app/large", &large())
}

/// Serves an archive whose last blocks come after a pause.
async fn late(archive: Vec<u8>) -> Web {
    let most = archive.len() - 64 * 1024;
    Web::start(move |_| Answer::new(200, &archive).pausing_after(most, PAUSE)).await.unwrap()
}

fn archive_at(web: &Web) -> Value {
    json!({"type": "archive", "url": format!("{}/app.tar", web.url())})
}

/// How often each step began, by the events.
async fn starts(stack: &Stack, id: &str) -> Vec<String> {
    let url = format!("{}/api/v2/builds/{id}/events", stack.daemon.url);
    let text = stack.daemon.http.get(url).send().await.unwrap().text().await.unwrap();
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = events.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let started = events.filter(|event| event["kind"] == "step" && event["status"] == "started");
    started.map(|event| event["name"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_at_the_end_counts_from_the_beginning() {
    for builder in ["buildkit", "classic"] {
        let settings = one_host(&env::docker_host()) + &format!("builder = \"{builder}\"\n");
        let stack = Stack::with(&settings).await;
        let mut ids = Vec::new();
        for (tar, is_anew, word, holds) in [
            (app().file("app/z", b""), false, "inside", ["Dockerfile", "large", "z"].as_slice()),
            (
                app().file("app/.dockerignore", b"large\n"),
                true,
                "inside",
                &[".dockerignore", "Dockerfile"],
            ),
            (app().file("Dockerfile", &saying("outside")), true, "outside", &["Dockerfile", "app"]),
        ] {
            // So much after what counts that the pause is before it.
            let web = late(tar.end()).await;
            let before = stack.daemon.log().matches(ANEW).count();
            let id = stack.submitted(&build_from(archive_at(&web))).await;
            let done = stack.daemon.end(&id).await.unwrap();
            assert_eq!(done["status"], "succeeded", "{builder}: {done:#}");
            let log = stack.daemon.build_log(&id).await.unwrap();
            let said = format!("{word} {} ", holds.join(" "));
            assert!(log.lines().any(|line| line.starts_with(&said)), "{builder} {said}: {log}");
            let fetched = |line: &&str| line.starts_with("fetched ") && !line.contains(" of ");
            assert_eq!(log.lines().filter(fetched).count(), 1, "{log}");
            let mut steps = starts(&stack, &id).await;
            let count = steps.len();
            steps.sort();
            steps.dedup();
            assert_eq!(steps.len(), count, "{builder}: a step began twice: {log}");
            let anew = stack.daemon.log().matches(ANEW).count() - before;
            assert_eq!(anew, usize::from(is_anew), "{builder}: {log}");
            assert_eq!(web.asked().len(), 1, "it was kept: {log}");
            ids.push(id);
        }
        stack.leaves_nothing(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}

/// A large archive that says at its end what is to be left out of it.
fn gigantic() -> Vec<u8> {
    let large = archives::random_bytes(GIGANTIC);
    let tar = Tar::default().file("app/Dockerfile", &saying("inside")).file("app/large", &large);
    tar.file("app/.dockerignore", b"large\n").end()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_kept_is_fetched_again() {
    for builder in ["buildkit", "classic"] {
        let settings = one_host(&env::docker_host()) + &format!("builder = \"{builder}\"\n");
        let stack = Stack::with(&settings).await;
        let web = late(gigantic()).await;
        let id = stack.submitted(&build_from(archive_at(&web))).await;
        let done = stack.daemon.end(&id).await.unwrap();
        assert_eq!(done["status"], "succeeded", "{builder}: {done:#}");
        let log = stack.daemon.build_log(&id).await.unwrap();
        let said = |word: &str| log.lines().any(|line| line.contains(word));
        assert!(said("inside .dockerignore Dockerfile "), "{builder}: {log}");
        assert!(said(AGAIN), "{builder}: {log}");
        assert_eq!(web.asked().len(), 2, "{builder}: {log}");
        stack.leaves_nothing(&[&id]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_when_it_is_fetched_again() {
    let stack = Stack::plain().await;
    let archive = gigantic();
    let most = archive.len() - 64 * 1024;
    let asked = AtomicUsize::new(0);
    let web = Web::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::new(200, &archive).pausing_after(most, PAUSE),
        _ => Answer::new(404, ""),
    });
    let web = web.await.unwrap();
    let id = stack.submitted(&build_from(archive_at(&web))).await;
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["failure"]["reason"], "source_not_found", "{done:#}");
    assert_eq!(done["failure"]["stage"], "preparing", "{done:#}");
    let log = stack.daemon.build_log(&id).await.unwrap();
    assert!(log.contains(AGAIN), "{log}");
    assert_eq!(web.asked().len(), 2, "{log}");
    stack.leaves_nothing(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_at_the_end_lets_nothing_be_built() {
    let stack = Stack::plain().await;
    let beside = late(app().file("README", b"").end()).await;
    let unsafe_entry = late(app().symlink("app/out", "/etc").end()).await;
    let whole = app().end();
    let changed = late(whole.clone()).await;
    let cut = {
        let answer = Answer::new(200, &whole).cut_after(LARGE);
        let most = LARGE - 1024;
        Web::start(move |_| answer.clone().pausing_after(most, PAUSE)).await.unwrap()
    };
    let no_tar = late([whole, archives::random_bytes(100_000)].concat()).await;
    let mut other_sum = archive_at(&changed);
    other_sum["sha256"] = "0".repeat(64).into();
    let mut rubbish = archive_at(&no_tar);
    rubbish["sha256"] = "1".repeat(64).into();
    for (source, reason, word) in [
        (archive_at(&beside), "dockerfile_missing", "Dockerfile"),
        (archive_at(&unsafe_entry), "context_unsafe", "/etc"),
        (other_sum, "source_changed", "sha256"),
        (rubbish, "source_changed", "sha256"),
        (archive_at(&cut), "source_error", "breaks off"),
    ] {
        let id = stack.submitted(&build_from(source)).await;
        let done = stack.daemon.end(&id).await.unwrap();
        let failure = &done["failure"];
        assert_eq!(failure["reason"], reason, "{done:#}");
        assert_eq!(failure["stage"], "preparing", "{done:#}");
        assert!(failure.to_string().contains(word), "{done:#}");
        let steps = starts(&stack, &id).await;
        let of_dockerfile = |step: &String| step.contains("FROM") || step.contains("RUN");
        assert!(!steps.iter().any(of_dockerfile), "{reason}: {steps:?}");
    }
    stack.leaves_nothing(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_cancelled_lets_go_of_both_ends() {
    let (wire, url) = wired_engine().await;
    let stack = Stack::with(&one_host(&url)).await;
    wire.hold_at(b"POST /v1.41/build");
    // The server never sends the rest: the engine is asked while it is waited for.
    let web = Web::start(|_| Answer::new(200, app().end()).cut_after(LARGE).held()).await.unwrap();
    let id = stack.submitted(&build_from(archive_at(&web))).await;
    wire.held().await;
    assert_eq!(stack.daemon.cancel(&id).await.unwrap(), 202);
    wire.mend();
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "cancelled", "{done:#}");
    let own = std::fs::read_dir(stack.data.path().join("tmp")).unwrap().next().unwrap();
    assert_eq!(std::fs::read_dir(own.unwrap().path()).unwrap().count(), 1, "its lock alone");
    stack.leaves_nothing(&[&id]).await;
}

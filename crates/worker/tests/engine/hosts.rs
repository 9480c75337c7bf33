//! Hosts: found, not there, not what they should be, gone in the middle.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use slipway_domain::{Reason, Stage};
use slipway_test_support::env;
use slipway_test_support::web::{Answer, Web};
use slipway_test_support::wire::{End, Wire};
use slipway_worker::engine::{Builder, BuilderChoice};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::support::{BOTH, SOON, context, engine, engine_at, listen, request, tar, unique};

/// A wire to the engine that can be broken.
pub(crate) async fn wire() -> Wire {
    let url = env::docker_host();
    let end = match url.strip_prefix("unix://") {
        Some(path) => End::Unix(path.into()),
        None => End::Tcp(url.trim_start_matches("tcp://").to_owned()),
    };
    Wire::to(end).await.unwrap()
}

#[tokio::test]
async fn a_probe_tells_what_is_there() {
    let info = engine_at(&env::docker_host(), BuilderChoice::Auto).probe().await.unwrap();
    assert!(info.api_version.starts_with("1."), "{info:?}");
    assert_eq!(info.builder, Builder::Buildkit);
    assert!(info.platform.as_str().starts_with("linux/"), "{info:?}");
    let chosen = engine(Builder::Classic).probe().await.unwrap();
    assert_eq!(chosen.builder, Builder::Classic);
}

#[tokio::test]
async fn one_that_answers_as_before_is_not_asked_everything() {
    let wire = wire().await;
    let engine = engine_at(&format!("tcp://{}", wire.address()), BuilderChoice::Auto);
    // The first look is a probe.
    let found = engine.look().await.unwrap();
    wire.hold_at(b"/version ");
    assert_eq!(engine.look().await.unwrap(), found);
    wire.cut();
    assert_eq!(engine.look().await.unwrap_err().reason, Reason::HostUnreachable);
    wire.mend();
}

#[tokio::test]
async fn one_that_answers_otherwise_is_asked_everything() {
    let version = Arc::new(AtomicUsize::new(20));
    let shown = Arc::clone(&version);
    // No other version of an engine is at hand.
    let web = Web::start(move |_| {
        let version = shown.load(Ordering::Relaxed);
        let json = format!(
            r#"{{"ApiVersion":"1.41","Os":"linux","Arch":"amd64","Version":"{version}.0"}}"#
        );
        Answer::with(200, &format!("server: Docker/{version}\r\n"), json.as_bytes())
    });
    let web = web.await.unwrap();
    let engine = engine_at(&web.url(), BuilderChoice::Auto);
    assert_eq!(engine.look().await.unwrap().engine_version, "20.0");
    assert_eq!(engine.look().await.unwrap().engine_version, "20.0");
    let asked = web.asked().len();
    assert_eq!(asked, 4, "three questions, and one whether it is there");
    version.store(29, Ordering::Relaxed);
    assert_eq!(engine.look().await.unwrap().engine_version, "29.0");
}

#[tokio::test]
async fn nobody_there() {
    for url in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:9"] {
        let engine = engine_at(url, BuilderChoice::Auto);
        let probe = engine.probe().await.unwrap_err();
        assert_eq!(probe.reason, Reason::HostUnreachable);
        assert!(probe.message.starts_with("docker host build-1 does not answer: "), "{probe:?}");
        assert!(!probe.message.contains("os error"), "{probe:?}");
        assert!(probe.hint.unwrap().contains("build-1"));
        let tar = tar(&[("Dockerfile", "FROM scratch\n")]);
        let told = listen(async |p| engine.build(&request(), context(tar), p).await).await;
        assert_eq!(told.result.unwrap_err().reason, Reason::HostUnreachable);
        let image = "slipway.invalid/x:1".parse().unwrap();
        let told = listen(async |p| engine.push(&image, None, p).await).await;
        assert_eq!(told.result.unwrap_err().reason, Reason::HostUnreachable);
        let failure = engine.untag("slipway.invalid/x:1").await.unwrap_err();
        assert_eq!(failure.reason, Reason::HostUnreachable);
    }
}

#[tokio::test]
async fn something_else_there() {
    let engine = engine_at(&format!("http://{}", env::registry()), BuilderChoice::Auto);
    let failure = engine.probe().await.unwrap_err();
    assert_eq!(failure.reason, Reason::HostError, "{failure:?}");
}

#[tokio::test]
async fn a_host_that_says_nothing() {
    let wire = wire().await;
    wire.hold();
    let engine = engine_at(&format!("tcp://{}", wire.address()), BuilderChoice::Auto);
    let began = Instant::now();
    let failure = engine.probe().await.unwrap_err();
    assert_eq!(failure.reason, Reason::HostUnreachable, "{failure:?}");
    assert!(began.elapsed() < SOON);
}

#[tokio::test]
async fn a_build_over_tcp() {
    let wire = wire().await;
    for choice in [BuilderChoice::Buildkit, BuilderChoice::Classic] {
        let engine = engine_at(&format!("tcp://{}", wire.address()), choice);
        let request = request();
        let tar = tar(&[("Dockerfile", &format!("FROM {}\nRUN true\n", env::base_image()))]);
        let told = listen(async |p| engine.build(&request, context(tar), p).await).await;
        told.result.unwrap();
        engine.untag(&request.tag).await.unwrap();
    }
}

#[tokio::test]
async fn a_host_that_goes_in_the_middle() {
    for choice in [BuilderChoice::Buildkit, BuilderChoice::Classic] {
        let wire = wire().await;
        let engine = engine_at(&format!("tcp://{}", wire.address()), choice);
        let dockerfile =
            format!("FROM {}\nRUN echo here; sleep 30; : {}\n", env::base_image(), unique());
        let (progress, mut news) = mpsc::channel(64);
        let request = request();
        let tar = tar(&[("Dockerfile", &dockerfile)]);
        let cutting = async {
            while let Some(item) = news.recv().await {
                if format!("{item:?}").contains("here\\n") {
                    wire.cut();
                    break;
                }
            }
            Instant::now()
        };
        let (built, cut) = tokio::join!(engine.build(&request, context(tar), progress), cutting);
        let failure = built.unwrap_err();
        // Long before the step ends, or it is noticed that nobody answers.
        assert!(cut.elapsed() < Duration::from_secs(10));
        assert_eq!(failure.reason, Reason::HostUnreachable, "{choice:?} {failure:?}");
        assert_eq!(failure.stage, Some(Stage::Building));
    }
}

/// The engine refuses a request whose context is still coming.
#[tokio::test]
async fn a_refusal_under_the_context() {
    for builder in BOTH {
        let mut request = request();
        request.tag = "NOT A TAG".to_owned();
        let endless = stream::iter([Ok::<_, io::Error>(tar(&[("Dockerfile", "FROM scratch\n")]))])
            .chain(stream::unfold((), async |()| {
                sleep(Duration::from_millis(1)).await;
                Some((Ok(Bytes::from(vec![0; 64 * 1024])), ()))
            }));
        let engine = engine(builder);
        let began = Instant::now();
        let told = listen(async |p| engine.build(&request, endless, p).await).await;
        let failure = told.result.unwrap_err();
        assert!(failure.message.contains("invalid reference format"), "{builder:?} {failure:?}");
        assert!(began.elapsed() < SOON, "{builder:?}");
    }
}

/// bollard's own session leaves a connection open for each build.
#[tokio::test]
async fn no_connection_is_left_open() {
    let wire = wire().await;
    let engine = engine_at(&format!("tcp://{}", wire.address()), BuilderChoice::Buildkit);
    for _ in 0..3 {
        let request = request();
        let tar = tar(&[("Dockerfile", &format!("FROM scratch\nLABEL a={}\n", unique()))]);
        listen(async |p| engine.build(&request, context(tar), p).await).await.result.unwrap();
        engine.untag(&request.tag).await.unwrap();
    }
    let port = wire.address().rsplit_once(':').unwrap().1.parse().unwrap();
    crate::cancelling::until("connections close", async || open_connections(port) == 0).await;
}

/// Connections of this machine to a port of loopback that are established.
fn open_connections(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let to = format!("0100007F:{port:04X}");
    table
        .lines()
        .filter(|line| {
            let mut fields = line.split_whitespace();
            let (remote, state) = (fields.nth(2), fields.next());
            remote == Some(&to) && state == Some("01")
        })
        .count()
}

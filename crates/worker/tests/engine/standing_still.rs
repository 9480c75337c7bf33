//! Engines that stand still with their connections open: whatever was asked of one is given
//! up, and says so.

use std::time::Duration;

use slipway_domain::{Failure, Reason, Stage};
use slipway_test_support::env;
use slipway_test_support::wire::Wire;
use slipway_worker::engine::{BuilderChoice, Engine};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::hosts::wire;
use crate::support::{build, context, engine_at, listen, request, tar, unique};

/// Three questions five seconds apart, each of which is waited for as long, and what it takes
/// to get there on a busy machine.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(150);

fn over(wire: &Wire, choice: BuilderChoice) -> Engine {
    engine_at(&format!("tcp://{}", wire.address()), choice)
}

/// What comes of work on an engine that stands still from now on.
async fn given_up<T>(work: impl Future<Output = Result<T, Failure>>) -> Failure {
    let began = Instant::now();
    let done = timeout(GIVEN_UP_WITHIN, work).await.expect("it waits");
    let Err(failure) = done else { panic!("it went well") };
    assert_eq!(failure.reason, Reason::HostUnreachable, "{failure:?}");
    assert_eq!(
        failure.message, "docker host build-1 broke off: no answer within 5 seconds",
        "{failure:?}"
    );
    assert!(began.elapsed() > Duration::from_secs(10), "too soon: {:?}", began.elapsed());
    failure
}

async fn in_a_build(choice: BuilderChoice) {
    let wire = wire().await;
    let engine = over(&wire, choice);
    let dockerfile =
        format!("FROM {}\nRUN echo here; sleep 300; : {}\n", env::base_image(), unique());
    let (progress, mut news) = mpsc::channel(64);
    let request = request();
    let tar = tar(&[("Dockerfile", &dockerfile)]);
    let holding = async {
        while let Some(item) = news.recv().await {
            if format!("{item:?}").contains("here\\n") {
                wire.hold();
            }
        }
    };
    let building = engine.build(&request, context(tar), progress);
    let (failure, ()) = tokio::join!(given_up(building), holding);
    assert_eq!(failure.stage, Some(Stage::Building));
}

#[tokio::test]
async fn in_a_build_of_either_builder() {
    tokio::join!(in_a_build(BuilderChoice::Buildkit), in_a_build(BuilderChoice::Classic));
}

#[tokio::test]
async fn before_it_has_the_context() {
    let wire = wire().await;
    let engine = over(&wire, BuilderChoice::Buildkit);
    engine.probe().await.unwrap();
    wire.hold_at(b"POST /v1.");
    let tar = tar(&[("Dockerfile", "FROM scratch\n")]);
    let building = listen(async |p| engine.build(&request(), context(tar), p).await);
    given_up(async { building.await.result }).await;
}

#[tokio::test]
async fn in_a_push_a_tag_and_a_purge() {
    let image = format!("{}/engine-tests/{}:1", env::registry(), unique()).parse().unwrap();
    let wires = (wire().await, wire().await, wire().await);
    let (pushing, tagging, purging) = (
        over(&wires.0, BuilderChoice::Buildkit),
        over(&wires.1, BuilderChoice::Buildkit),
        over(&wires.2, BuilderChoice::Buildkit),
    );
    wires.0.hold_at(b"/push?tag=");
    wires.1.hold_at(b"/tag?");
    wires.2.hold_at(b"DELETE ");
    let push = async { listen(async |p| pushing.push(&image, None, p).await).await.result };
    let (pushed, _, _) = tokio::join!(
        given_up(push),
        given_up(tagging.tag("slipway.invalid/x:1", &image)),
        given_up(purging.untag("slipway.invalid/x:1")),
    );
    assert_eq!(pushed.stage, Some(Stage::Pushing));
}

/// A step that prints nothing for long is no engine that stands still.
#[tokio::test]
async fn a_silent_step_is_waited_for() {
    let engine = engine_at(&env::docker_host(), BuilderChoice::Buildkit);
    let dockerfile = format!("FROM {}\nRUN sleep 32; : {}\n", env::base_image(), unique());
    build(&engine, &request(), tar(&[("Dockerfile", &dockerfile)])).await.result.unwrap();
}

//! Engines whose disk is full, or that are not the one they were.

use slipway_domain::{Next, Reason};
use slipway_test_support::engine::{Kind, PrivateEngine};
use slipway_test_support::env;
use slipway_worker::engine::BuilderChoice;

use crate::support::{build, build_dockerfile, engine_at, listen, request, tar, unique};

#[tokio::test]
async fn a_disk_that_is_full() {
    let kind = Kind { data_mib: Some(48), ..Kind::default() };
    let full = PrivateEngine::start(kind).await.unwrap();
    let megabytes = |count: usize| "x".repeat(count << 20);
    for choice in [BuilderChoice::Buildkit, BuilderChoice::Classic] {
        let engine = engine_at(&full.url(), choice);
        // One has room for the context and none for the image, one not even for that.
        for size in [20, 100] {
            let files = [("Dockerfile", "FROM scratch\nCOPY big /\n"), ("big", &megabytes(size))];
            let failure = build(&engine, &request(), tar(&files)).await.result.unwrap_err();
            assert_eq!(failure.reason, Reason::HostDiskFull, "{choice:?} {size} {failure:?}");
            assert_eq!(failure.next(), Next::RetryElsewhere);
            assert!(failure.hint.unwrap().contains("free space"), "{choice:?} {size}");
        }
    }
}

#[tokio::test]
async fn another_one_under_the_same_address() {
    let host = PrivateEngine::start(Kind::default()).await.unwrap();
    let engine = engine_at(&host.url(), BuilderChoice::Auto);
    let before = engine.probe().await.unwrap().id.expect("an identity");
    assert_eq!(engine.probe().await.unwrap().id.as_ref(), Some(&before));
    let other = engine_at(&env::docker_host(), BuilderChoice::Auto).probe().await.unwrap();
    assert_ne!(other.id.as_ref(), Some(&before));

    let (request, id) = (request(), unique());
    let dockerfile = format!("FROM {}\nRUN echo {id}\n", env::base_image());
    let context = tar(&[("Dockerfile", &dockerfile)]);
    let built =
        listen(async |p| engine.build(&request, crate::support::context(context.clone()), p).await);
    built.await.result.unwrap();
    host.replace().await.unwrap();
    assert_ne!(engine.probe().await.unwrap().id.expect("an identity"), before);

    // What was built before is not there, which is no reason to fail the build.
    let image = format!("{}/engine-tests/{id}:1", env::registry()).parse().unwrap();
    let lost = engine.tag(&request.tag, &image).await.unwrap_err();
    assert_eq!((lost.reason, lost.next()), (Reason::ImageLost, Next::RetryElsewhere), "{lost:?}");
    let lost = listen(async |p| engine.push(&image, None, p).await).await.result.unwrap_err();
    assert_eq!((lost.reason, lost.next()), (Reason::ImageLost, Next::RetryElsewhere), "{lost:?}");
    assert!(lost.message.contains("build-1 lost") && lost.hint.is_some(), "{lost:?}");
    // And it builds what it never saw.
    build_dockerfile(&engine, &request, &dockerfile).await.result.unwrap();
}

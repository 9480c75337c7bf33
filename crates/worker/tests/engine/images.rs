//! Names of images on the host.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Client;
use serde_json::json;
use slipway_domain::{Failure, Next, Reason};
use slipway_test_support::env;
use slipway_worker::engine::{BuildRequest, Builder, BuilderChoice, Engine};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::hosts::wire;
use crate::support::{PATIENCE, build, context, engine, engine_at, listen, request, tar, unique};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Makes an image in the open registry that exists for another platform only.
pub(crate) async fn index_for_another_platform() -> String {
    let base = env::base_image();
    let (repository, tag) = base.rsplit_once(':').unwrap();
    let path = repository.strip_prefix(&format!("{}/", env::registry())).unwrap();
    let manifests = format!("http://{}/v2/{path}/manifests", env::registry());
    let client = Client::new();
    let manifest = client.get(format!("{manifests}/{tag}")).header("Accept", MANIFEST);
    let manifest = manifest.send().await.unwrap();
    let digest = manifest.headers()["Docker-Content-Digest"].to_str().unwrap().to_owned();
    let size = manifest.bytes().await.unwrap().len();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [{
            "mediaType": MANIFEST, "digest": digest, "size": size,
            "platform": {"os": "linux", "architecture": "s390x"},
        }],
    });
    let tag = unique();
    let put = client.put(format!("{manifests}/{tag}")).header("Content-Type", INDEX);
    let answer = put.body(index.to_string()).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    format!("{repository}:{tag}")
}

#[tokio::test]
async fn an_image_goes_with_its_last_name() {
    let engine = engine(Builder::Buildkit);
    let request = request();
    let tar = tar(&[("Dockerfile", &format!("FROM scratch\nLABEL a={}\n", unique()))]);
    let built = listen(async |p| engine.build(&request, context(tar), p).await).await;
    let id = built.result.unwrap().id;
    assert_eq!(engine.image_id(&request.tag).await.unwrap(), Some(id.clone()));

    let second = format!("slipway.invalid/{}:2", unique()).parse().unwrap();
    engine.tag(&request.tag, &second).await.unwrap();
    engine.untag(&request.tag).await.unwrap();
    assert_eq!(engine.image_id(&request.tag).await.unwrap(), None);
    assert_eq!(engine.image(&second.to_string()).await.unwrap().unwrap().id, id);
    engine.untag(&second.to_string()).await.unwrap();
    assert_eq!(engine.image_id(&id).await.unwrap(), None);
    // Once more does no harm.
    engine.untag(&second.to_string()).await.unwrap();
}

#[tokio::test]
async fn what_is_not_there_cannot_be_named() {
    let engine = engine(Builder::Buildkit);
    let name = format!("slipway.invalid/{}:1", unique());
    let failure = engine.tag(&name, &"slipway.invalid/x:1".parse().unwrap()).await.unwrap_err();
    assert_eq!(failure.reason, Reason::ImageLost);
    assert!(failure.message.contains("lost slipway.invalid/x:1"), "{failure:?}");
}

/// Builds on an engine that loses the image between its writing and its last naming, as it does
/// when another build of the same content is purged just then: the engine waits there for
/// whoever does not listen. Gives the failure, and the id that the image had.
async fn loses(engine: &Engine, request: &BuildRequest, tar: Bytes) -> (Failure, String) {
    let wire = wire().await;
    let far = engine_at(&format!("tcp://{}", wire.address()), BuilderChoice::Buildkit);
    let (progress, mut news) = mpsc::channel(64);
    let losing = async {
        let mut id = None;
        while let Some(item) = news.recv().await {
            if id.is_some() || !format!("{item:?}").contains("here\\n") {
                continue;
            }
            wire.hold();
            let named = loop {
                if let Some(named) = engine.image_id(&request.tag).await.unwrap() {
                    break named;
                }
                sleep(Duration::from_millis(20)).await;
            };
            engine.untag(&request.tag).await.unwrap();
            assert_eq!(engine.image_id(&named).await.unwrap(), None);
            id = Some(named);
            wire.mend();
        }
        id.unwrap()
    };
    let building = far.build(request, context(tar), progress);
    let both = async { tokio::join!(building, losing) };
    let (built, id) = timeout(PATIENCE, both).await.expect("it hangs");
    (built.unwrap_err(), id)
}

#[tokio::test]
async fn a_name_that_stands_for_a_lost_image_is_freed() {
    let engine = engine(Builder::Buildkit);
    let lost = request();
    // More than there is room for on the way to whoever does not listen.
    let dockerfile = format!(
        "FROM {}\nRUN echo {}; echo here; sleep 8; \
         head -c 900000 /dev/zero | tr '\\0' x | fold -w 100\n",
        env::base_image(),
        unique()
    );
    let tar = tar(&[("Dockerfile", &dockerfile)]);
    let (failure, id) = loses(&engine, &lost, tar.clone()).await;
    assert_eq!((failure.reason, failure.next()), (Reason::ImageLost, Next::RetryElsewhere));
    assert!(failure.message.contains("lost the image while it named it"), "{failure:?}");
    assert!(failure.hint.unwrap().contains("of the same content"));
    assert_eq!(engine.image_id(&lost.tag).await.unwrap(), None);

    engine.free_name(&lost.tag).await.unwrap();
    // The same once more, and gone again with its own name.
    let again = build(&engine, &request(), tar).await.result.unwrap();
    assert_eq!(again.id, id, "it is another image");
    assert_eq!(engine.image_id(&lost.tag).await.unwrap(), None, "the name came back");
    assert_eq!(engine.image_id(&id).await.unwrap(), None);
    // There need not have been any.
    engine.free_name(&request().tag).await.unwrap();
}

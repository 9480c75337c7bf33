//! Names of images on the host.

use reqwest::Client;
use serde_json::json;
use slipway_domain::Reason;
use slipway_test_support::env;
use slipway_worker::engine::Builder;

use crate::support::{context, engine, listen, request, tar, unique};

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

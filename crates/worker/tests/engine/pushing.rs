//! Pushes that go well, and those that do not.

use reqwest::Client;
use slipway_domain::{Credentials, Failure, ImageRef, LogStream, Reason, Stage};
use slipway_test_support::env;
use slipway_worker::engine::{Builder, Pushed};

use crate::fake_registry::FakeRegistry;
use crate::support::{
    Told, context, engine, good_login, listen, request, tar, unique, wrong_login,
};

/// Builds a small image, pushes it under a name, and takes both names off the host.
async fn push(image: &ImageRef, login: Option<&Credentials>) -> Told<Pushed> {
    push_built("COPY x /", image, login).await
}

async fn push_built(
    instruction: &str,
    image: &ImageRef,
    login: Option<&Credentials>,
) -> Told<Pushed> {
    let (engine, request, unique) = (engine(Builder::Buildkit), request(), unique());
    let dockerfile = format!("FROM scratch\nLABEL a={unique}\n{instruction}\n");
    let tar = tar(&[("Dockerfile", &dockerfile), ("x", &unique)]);
    listen(async |p| engine.build(&request, context(tar), p).await).await.result.unwrap();
    engine.tag(&request.tag, image).await.unwrap();
    let told = listen(async |p| engine.push(image, login, p).await).await;
    engine.untag(&image.to_string()).await.unwrap();
    engine.untag(&request.tag).await.unwrap();
    told
}

fn image_in(registry: &str) -> ImageRef {
    format!("{registry}/engine-tests/{}:1.2", unique()).parse().unwrap()
}

/// The digest that the registry itself gives for an image.
async fn digest_in_registry(image: &ImageRef, login: Option<(String, String)>) -> String {
    let path = image.repository();
    let path = path.strip_prefix(&format!("{}/", image.registry())).unwrap();
    let url = format!("http://{}/v2/{path}/manifests/{}", image.registry(), image.tag());
    let mut head = Client::new()
        .head(url)
        .header("Accept", "application/vnd.docker.distribution.manifest.v2+json");
    if let Some((user, password)) = login {
        head = head.basic_auth(user, Some(password));
    }
    let answer = head.send().await.unwrap();
    answer.headers()["Docker-Content-Digest"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_digest_is_the_registrys() {
    let image = image_in(&env::registry());
    let told = push(&image, None).await;
    let log = told.text(LogStream::Progress);
    let pushed = told.result.unwrap();
    assert_eq!(pushed.digest, digest_in_registry(&image, None).await);
    assert!(pushed.manifest_bytes.unwrap() > 100);
    assert!(log.contains(": Pushed\n") && log.lines().count() < 20, "{log}");
}

#[tokio::test]
async fn with_a_login() {
    let registry = env::registry_with_login();
    let image = image_in(&registry.host);
    let pushed = push(&image, Some(&good_login())).await;
    let login = Some((registry.user, registry.password));
    assert_eq!(pushed.result.unwrap().digest, digest_in_registry(&image, login).await);
}

async fn failure(image: &ImageRef, login: Option<&Credentials>) -> Failure {
    // Without a layer: an engine tries to send one for 50 seconds.
    let failure = push_built("", image, login).await.result.unwrap_err();
    assert_eq!(failure.stage, Some(Stage::Pushing));
    assert!(failure.hint.is_some());
    assert!(failure.message.contains(&image.to_string()), "{failure:?}");
    assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    failure
}

#[tokio::test]
async fn with_a_wrong_login_or_none() {
    let image = image_in(&env::registry_with_login().host);
    let wrong = wrong_login();
    for login in [None, Some(&wrong)] {
        let failure = failure(&image, login).await;
        assert_eq!(failure.reason, Reason::RegistryDenied, "{login:?} {failure:?}");
    }
}

#[tokio::test]
async fn to_a_registry_that_is_not_there() {
    for registry in ["127.0.0.1:9", "registry.nowhere.invalid"] {
        let failure = failure(&image_in(registry), None).await;
        assert_eq!(failure.reason, Reason::RegistryUnreachable, "{failure:?}");
    }
}

#[tokio::test]
async fn to_a_registry_that_fails() {
    let registry = FakeRegistry::with("503 Service Unavailable").await;
    let failure = failure(&registry.image().parse().unwrap(), None).await;
    assert_eq!(failure.reason, Reason::RegistryError, "{failure:?}");
}

#[tokio::test]
async fn of_an_image_that_is_not_there() {
    let image = image_in(&env::registry());
    let engine = engine(Builder::Buildkit);
    let told = listen(async |p| engine.push(&image, None, p).await).await;
    let failure = told.result.unwrap_err();
    assert_eq!(failure.reason, Reason::ImageLost, "{failure:?}");
}

//! Images that are copied with all their platforms.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::Digest as _;
use slipway_test_support::env;

use super::{build_from, failing};
use crate::stack::{Stack, images_named, unique};

pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

pub(super) fn digest(bytes: &[u8]) -> String {
    let hex: String = sha2::Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    format!("sha256:{hex}")
}

pub(super) fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": kind, "digest": digest(bytes), "size": bytes.len()})
}

/// A repository, spoken to as itself.
struct There {
    host: String,
    path: String,
    login: Option<(String, String)>,
}

impl There {
    fn open() -> Self {
        Self { host: env::registry(), path: format!("platforms/{}", unique()), login: None }
    }

    fn with_login() -> Self {
        let there = env::registry_with_login();
        let path = format!("platforms/{}", unique());
        Self { host: there.host, path, login: Some((there.user, there.password)) }
    }

    fn named(&self, tag: &str) -> String {
        format!("{}/{}:{tag}", self.host, self.path)
    }

    async fn ask(&self, method: Method, at: &str, kind: &str, body: Vec<u8>) -> Response {
        let url = match at.strip_prefix("http") {
            Some(_) => at.to_owned(),
            None => format!("http://{}/v2/{}/{at}", self.host, self.path),
        };
        let mut request = reqwest::Client::new().request(method, url).body(body);
        if let Some((user, password)) = &self.login {
            request = request.basic_auth(user, Some(password));
        }
        let accept = [INDEX, IMAGE, LIST, DOCKER].join(", ");
        request.header("content-type", kind).header("accept", accept).send().await.unwrap()
    }

    async fn put_blob(&self, bytes: &[u8]) {
        let begun = self.ask(Method::POST, "blobs/uploads/", "", Vec::new()).await;
        let at = begun.headers()["location"].to_str().unwrap().to_owned();
        let at = format!("{at}&digest={}", digest(bytes));
        let done = self.ask(Method::PUT, &at, "application/octet-stream", bytes.to_vec()).await;
        assert_eq!(done.status(), 201);
    }

    async fn put(&self, name: &str, kind: &str, manifest: &[u8]) {
        let done = self.ask(Method::PUT, &format!("manifests/{name}"), kind, manifest.into()).await;
        let status = done.status();
        assert_eq!(status, 201, "{}", done.text().await.unwrap());
    }

    async fn get(&self, at: &str) -> Option<Vec<u8>> {
        let answer = self.ask(Method::GET, at, "", Vec::new()).await;
        let found = answer.status().is_success();
        let bytes = answer.bytes().await.unwrap().to_vec();
        found.then_some(bytes)
    }

    /// An image with a configuration and layers of its own, and one that all have.
    async fn put_image(&self, platform: &str, kind: &str, shared: &[u8]) -> Vec<u8> {
        let (os, architecture) = platform.split_once('/').unwrap();
        let config = json!({"os": os, "architecture": architecture, "rootfs": {"type": "layers"}});
        let config = config.to_string().into_bytes();
        let layer = format!("{platform} {}", unique()).repeat(10_000).into_bytes();
        for blob in [&config, &layer, shared] {
            self.put_blob(blob).await;
        }
        let (config_type, layer_type) = if kind == IMAGE {
            ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar")
        } else {
            (
                "application/vnd.docker.container.image.v1+json",
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
            )
        };
        let layers = [descriptor(layer_type, &layer), descriptor(layer_type, shared)];
        // Blanks that no serialiser would write: the bytes count.
        let manifest = format!(
            "{{ \"schemaVersion\": 2,\n  \"mediaType\": \"{kind}\",\n\t\"config\": {},  \"layers\": {}}}\n",
            descriptor(config_type, &config),
            Value::from(layers.to_vec())
        );
        self.put(&digest(manifest.as_bytes()), kind, manifest.as_bytes()).await;
        manifest.into_bytes()
    }

    /// Two platforms, what BuildKit says about one, and, in OCI's words, an index within.
    /// Its bytes, and how many manifests it has.
    async fn put_index(&self, index_kind: &str) -> (Vec<u8>, usize) {
        let image_kind = if index_kind == INDEX { IMAGE } else { DOCKER };
        let shared = unique().repeat(50_000).into_bytes();
        let mut listed = Vec::new();
        for (os, architecture) in [("linux", "amd64"), ("linux", "arm64")] {
            let made = self.put_image(&format!("{os}/{architecture}"), image_kind, &shared).await;
            let mut one = descriptor(image_kind, &made);
            one["platform"] = json!({"os": os, "architecture": architecture});
            listed.push(one);
        }
        let mut said =
            descriptor(image_kind, &self.put_image("unknown/unknown", image_kind, &shared).await);
        said["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        said["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
        listed.push(said);
        if index_kind == INDEX {
            let inner = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed[0]]});
            let inner = inner.to_string().into_bytes();
            self.put(&digest(&inner), INDEX, &inner).await;
            listed.push(descriptor(INDEX, &inner));
        }
        let count = listed.len() + 1;
        let index = json!({"schemaVersion": 2, "mediaType": index_kind, "manifests": listed});
        let index = serde_json::to_vec_pretty(&index).unwrap();
        self.put("1", index_kind, &index).await;
        (index, count)
    }

    /// Whether all that a manifest lists is there, byte for byte as its digest says.
    async fn has_all(&self, manifest: &[u8]) {
        let manifest: Value = serde_json::from_slice(manifest).unwrap();
        let of = |name: &str| manifest[name].as_array().cloned().unwrap_or_default();
        let config = manifest.get("config").cloned();
        for blob in of("layers").into_iter().chain(config) {
            let named = blob["digest"].as_str().unwrap();
            let bytes = self.get(&format!("blobs/{named}")).await.expect(named);
            assert_eq!(digest(&bytes), named);
        }
        for child in of("manifests") {
            let named = child["digest"].as_str().unwrap();
            let bytes = self.get(&format!("manifests/{named}")).await.expect(named);
            assert_eq!(digest(&bytes), named);
            Box::pin(self.has_all(&bytes)).await;
        }
    }
}

fn copy(from: &str, to: &There) -> Value {
    let mut build = build_from(json!({"type": "image", "ref": from, "all_platforms": true}));
    build["image"] = to.named("2").into();
    if let Some((username, password)) = &to.login {
        build["registry_auth"] = json!({&to.host: {"username": username, "password": password}});
    }
    build
}

async fn copied(stack: &Stack, build: &Value) -> (Value, String) {
    let id = stack.submitted(build).await;
    let done = stack.daemon.end(&id).await.unwrap();
    let log = stack.daemon.build_log(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}\n{log}");
    assert_eq!(done["source"]["all_platforms"], true, "{done:#}");
    (done, log)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_index_byte_for_byte() {
    let stack = Stack::plain().await;
    for kind in [INDEX, LIST] {
        let (from, to) = (There::open(), There::with_login());
        let (index, manifests) = from.put_index(kind).await;
        let by_digest = format!("{}/{}@{}", from.host, from.path, digest(&index));
        for (named, how) in [(from.named("1"), ": copied"), (by_digest, ": already there")] {
            let (done, log) = copied(&stack, &copy(&named, &to)).await;
            assert_eq!(done["digest"], digest(&index), "{done:#}");
            assert_eq!(to.get("manifests/2").await.unwrap(), index);
            to.has_all(&index).await;
            let expected = format!(
                "copying {named}: attestation, linux/amd64, linux/arm64; {manifests} manifests, 7 blobs, "
            );
            let blobs = log.lines().filter(|line| line.ends_with(how)).count();
            assert!(log.contains(&expected) && blobs == 7, "{log}");
            assert!(log.contains(&format!(" is {}", digest(&index))), "{log}");
            let password = &to.login.as_ref().unwrap().1;
            assert!(!format!("{log}{done}{}", stack.daemon.log()).contains(password), "{log}");
        }
        // Within one registry nothing is moved.
        let beside = There::open();
        let (done, log) = copied(&stack, &copy(&from.named("1"), &beside)).await;
        assert_eq!(done["digest"], digest(&index), "{done:#}");
        beside.has_all(&index).await;
        let mounted = format!(": mounted from {}", from.path);
        assert_eq!(log.lines().filter(|line| line.ends_with(&mounted)).count(), 7, "{log}");
        assert_eq!(images_named(&from.path).await, Vec::<String>::new());
    }
    stack.leaves_nothing(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_one_platform_is_copied_as_well() {
    let stack = Stack::plain().await;
    let (from, to) = (There::with_login(), There::open());
    let image = from.put_image("linux/amd64", DOCKER, b"shared").await;
    from.put("1", DOCKER, &image).await;
    let mut build = copy(&from.named("1"), &to);
    let (username, password) = from.login.clone().unwrap();
    build["registry_auth"] = json!({&from.host: {"username": username, "password": password}});
    let (done, log) = copied(&stack, &build).await;
    assert_eq!(done["digest"], digest(&image), "{done:#}");
    assert_eq!(to.get("manifests/2").await.unwrap(), image);
    assert!(log.contains("one image; 1 manifests, 3 blobs"), "{log}");
    to.has_all(&image).await;
    stack.leaves_nothing(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_that_are_missing_or_wrong_and_images_that_are_not_there() {
    let stack = Stack::plain().await;
    let open = There::open();
    open.put_index(INDEX).await;
    let closed = There::with_login();
    closed.put_index(INDEX).await;
    let all = |image: &str| json!({"type": "image", "ref": image, "all_platforms": true});
    for (image, reason, word) in [
        (open.named("none"), "base_image_not_found", "was not found"),
        (format!("{}/none/such:1", open.host), "base_image_not_found", "was not found"),
        (closed.named("1"), "base_image_denied", "registry_auth"),
        ("127.0.0.1:1/a/b:1".to_owned(), "registry_unreachable", "connection refused"),
        ("nowhere.invalid/a/b:1".to_owned(), "registry_unreachable", "nowhere.invalid"),
        ("169.254.169.254/a/b:1".to_owned(), "address_refused", "cloud metadata"),
        ("10.9.8.7:5000/a/b:1".to_owned(), "address_refused", "allow_private_addresses"),
    ] {
        let (got, _, said) = failing(&stack, all(&image)).await;
        assert_eq!(got, reason, "{image}: {said}");
        assert!(said.contains(word), "{image}: {said}");
    }
    let mut wrong = copy(&open.named("1"), &closed);
    wrong["registry_auth"] =
        json!({&closed.host: {"username": "slipway", "password": "not-hunter2"}});
    let id = stack.submitted(&wrong).await;
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["failure"]["reason"], "registry_denied", "{done:#}");
    assert_eq!(done["failure"]["stage"], "pushing", "{done:#}");
    assert!(!done.to_string().contains("not-hunter2"), "{done:#}");
    assert_eq!(closed.get("manifests/2").await, None);
    stack.leaves_nothing(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_it_is_refused_at_once() {
    let stack = Stack::plain().await;
    let to = There::open();
    for (field, value) in [("platform", json!("linux/arm64")), ("push", json!(false))] {
        let mut build = copy("r.example/a:1", &to);
        build[field] = value;
        let answer = stack.daemon.submit(&build).await.unwrap();
        assert_eq!(answer["error"]["field"], field, "{answer:#}");
    }
    let source = json!({"type": "upload", "id": uuid::Uuid::nil(), "all_platforms": true});
    let answer = stack.daemon.submit(&build_from(source)).await.unwrap();
    assert_eq!(answer["error"]["field"], "source.all_platforms", "{answer:#}");
    stack.leaves_nothing(&[]).await;
}

//! A large image that is copied from one registry to another.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::TryStreamExt as _;
use reqwest::{Body, Client, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::Sources;
use crate::context;
use crate::error::Error;
use crate::surroundings::Surroundings;
use crate::work::Works;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A registry, spoken to as itself.
struct Registry<'a> {
    http: Client,
    host: &'a str,
    login: Option<&'a (String, String)>,
}

impl Registry<'_> {
    async fn sent(&self, request: RequestBuilder) -> Result<Response, Error> {
        let request = match self.login {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        };
        Ok(request.send().await?.error_for_status()?)
    }

    async fn get(&self, path: &str, digest: &str) -> Result<Response, Error> {
        let url = format!("http://{}/v2/{path}/blobs/{digest}", self.host);
        self.sent(self.http.get(url)).await
    }

    async fn put(&self, path: &str, digest: &str, size: u64, body: Body) -> Result<(), Error> {
        let begin = self.http.post(format!("http://{}/v2/{path}/blobs/uploads/", self.host));
        let begun = self.sent(begin).await?;
        let at = begun.headers().get("location").and_then(|at| at.to_str().ok());
        let at = at.ok_or_else(|| Error::Unexpected("an upload without a location".into()))?;
        let put = self.http.put(format!("{at}&digest={digest}")).header("content-length", size);
        self.sent(put.header("content-type", "application/octet-stream").body(body)).await.map(drop)
    }

    async fn tag(&self, path: &str, manifest: &Value) -> Result<(), Error> {
        let url = format!("http://{}/v2/{path}/manifests/1", self.host);
        let put = self.http.put(url).header("content-type", IMAGE).body(manifest.to_string());
        self.sent(put).await.map(drop)
    }
}

fn name(digest: &[u8]) -> String {
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

impl Sources<'_> {
    /// Through Slipway, and as one stream from registry to registry.
    pub(super) async fn image(
        &mut self,
        works: &Works,
        surroundings: &Surroundings,
    ) -> Result<(), Error> {
        let mib = self.mib;
        let size = u64::try_from(mib).unwrap_or(u64::MAX) * 1024 * 1024;
        let work = works.without_base();
        let noise = || context::noise_alone(&work.dockerfile, mib);
        let mut hash = Sha256::new();
        let mut pieces = std::pin::pin!(noise());
        while let Some(piece) = pieces.try_next().await? {
            hash.update(&piece);
        }
        let layer = name(&hash.finalize());
        let from = Registry { http: Client::new(), host: &surroundings.registry, login: None };
        let path = "slipway-bench/large";
        from.put(path, &layer, size, Body::wrap_stream(noise())).await?;
        let config = "{}";
        let described = name(&Sha256::digest(config));
        from.put(path, &described, 2, config.into()).await?;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": IMAGE,
            "config": {"mediaType": CONFIG, "digest": described, "size": 2},
            "layers": [{"mediaType": LAYER, "digest": layer, "size": size}],
        });
        from.tag(path, &manifest).await?;

        let (host, (user, password)) = (&surroundings.closed_registry, &surroundings.login);
        let to = Registry { http: Client::new(), host, login: Some(&surroundings.login) };
        // What a repository has once is not sent there again.
        let turns = AtomicUsize::new(0);
        let next = || turns.fetch_add(1, Ordering::Relaxed);
        let slipway = self.slipway.clone();
        let with = async || {
            let order = json!({
                "image": format!("{host}/slipway-bench/copied-{}:1", next()),
                "source": {"type": "image", "ref": format!("{}/{path}:1", from.host),
                    "all_platforms": true},
                "registry_auth": {host: {"username": user, "password": password}},
            });
            slipway.run_order(&order).await
        };
        let without = async || {
            let passed = format!("slipway-bench/passed-{}", next());
            pass((&from, path), (&to, &passed), &layer, size).await
        };
        self.beside("image, from registry to registry", with, without).await
    }
}

async fn pass(
    (from, of): (&Registry<'_>, &str),
    (to, into): (&Registry<'_>, &str),
    layer: &str,
    size: u64,
) -> Result<Duration, Error> {
    let begun = Instant::now();
    let blob = from.get(of, layer).await?;
    to.put(into, layer, size, Body::wrap_stream(blob.bytes_stream())).await?;
    Ok(begun.elapsed())
}

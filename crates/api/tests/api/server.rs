//! A server to talk to, and what it answers.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use slipway_api::webhooks::Webhooks;
use slipway_api::{
    Api, DialectSettings, Health, Hosts, Limits, Live, Operations, Origins, Scrape, Serving,
    TemplateSettings, Templates, serve,
};
use slipway_follow::Hub;
use slipway_outbound::AddressPolicy;
use slipway_queue::Queue;
use slipway_store::Store;
use slipway_store::blobs::Blobs;
use slipway_store::seal::KeyRing;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running server with a database, a queue and a blob store of its own.
pub(crate) struct Server {
    pub(crate) api: Api,
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    pub(crate) task: JoinHandle<std::io::Result<()>>,
    client: Client,
}

/// What a client was answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with_limits(Limits::default()).await
    }

    pub(crate) async fn with_limits(limits: Limits) -> Self {
        Self::with(limits, Hosts::default()).await
    }

    pub(crate) async fn with(limits: Limits, hosts: Hosts) -> Self {
        Self::serving(limits, hosts, Serving::default()).await
    }

    pub(crate) async fn serving(limits: Limits, hosts: Hosts, serving: Serving) -> Self {
        let (dialects, templates) = Default::default();
        Self::of(limits, hosts, serving, dialects, &templates, Webhooks::default()).await
    }

    pub(crate) async fn with_dialects(dialects: DialectSettings) -> Self {
        let (limits, hosts, serving, templates) = Default::default();
        Self::of(limits, hosts, serving, dialects, &templates, Webhooks::default()).await
    }

    pub(crate) async fn with_templates(templates: &TemplateSettings) -> Self {
        let (limits, hosts, serving, dialects) = Default::default();
        Self::of(limits, hosts, serving, dialects, templates, Webhooks::default()).await
    }

    pub(crate) async fn with_webhooks(webhooks: Webhooks) -> Self {
        let (limits, hosts, serving, dialects) = Default::default();
        let templates = TemplateSettings::default();
        Self::of(limits, hosts, serving, dialects, &templates, webhooks).await
    }

    async fn of(
        limits: Limits,
        hosts: Hosts,
        serving: Serving,
        dialects: DialectSettings,
        templates: &TemplateSettings,
        webhooks: Webhooks,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/rows.db", folder.path().display());
        let store = Store::open(&url, KeyRing::from_key(&[7; 32])).await.unwrap();
        store.migrate().await.unwrap();
        let blobs = Blobs::in_folder(&folder.path().join("blobs")).unwrap();
        let store = store.with_archive(&blobs);
        let queue = Queue::open("local:").unwrap();
        let origins = Origins::parse(&["https://ui.example".to_owned()]).unwrap();
        let api = Api {
            live: Live::new(Hub::new(&store, &queue, &Handle::current()), origins),
            store,
            blobs,
            queue,
            limits,
            addresses: AddressPolicy::public_only(),
            templates: Arc::new(Templates::open(templates).unwrap()),
            dialects,
            webhooks,
            runtime: Handle::current(),
            stopping: CancellationToken::new(),
        };
        Self::listen(api, folder, hosts, serving)
    }

    /// Another server on the same rows and blobs, that remembers nothing.
    pub(crate) fn beside(&self) -> Self {
        let store = self.api.store.clone().with_archive(&self.api.blobs);
        let hub = Hub::new(&store, &self.api.queue, &Handle::current());
        let api = Api {
            live: Live::new(hub, Origins::default()),
            store,
            stopping: CancellationToken::new(),
            ..self.api.clone()
        };
        Self::listen(api, tempfile::tempdir().unwrap(), Hosts::default(), Serving::default())
    }

    fn listen(api: Api, folder: TempDir, hosts: Hosts, serving: Serving) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let health = Health {
            store: api.store.clone(),
            blobs: api.blobs.clone(),
            queue: api.queue.clone(),
            hosts,
            starting: false,
            stopping: api.stopping.clone(),
        };
        let metrics = Scrape(Arc::new(|| Box::pin(async { "a_number 1\n".to_owned() })));
        let operations = Operations { health, metrics };
        let server = serve(listener, api.clone(), operations, serving).unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { api, address, folder, task: tokio::spawn(server), client }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let redirects_shown = format!("http://{}{path}", self.address);
        self.client.request(method, redirects_shown).timeout(Duration::from_secs(60))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        answer(self.request(Method::POST, path).body(body)).await
    }

    /// Submits a build that is as small as can be, with changes.
    pub(crate) async fn submit(&self, changes: Value) -> Answer {
        self.post("/api/v2/builds", a_build(changes).to_string()).await
    }

    /// Submits a build and gives back its path.
    pub(crate) async fn submitted(&self, changes: Value) -> String {
        let answer = self.submit(changes).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.header("location")
    }

    /// Sends bytes as they are and hangs up at their end; whatever was answered by then.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut answer = Vec::new();
        // The server may hang up first: what came by then is what was answered.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Waits until nobody follows anything: a client that is gone is noticed a little later.
    pub(crate) async fn nobody_follows(&self) {
        let began = std::time::Instant::now();
        while self.api.live.followers() > 0 || self.api.live.readers() > 0 {
            assert!(began.elapsed() < Duration::from_secs(120), "somebody is still followed for");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Names of all files in the blob store. An archive that was refused is removed by a
    /// task that may still be on its way.
    pub(crate) async fn blobs_left(&self, expected: usize) -> Vec<String> {
        for _ in 0..3000 {
            let files = self.blob_files();
            if files.len() == expected {
                return files;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.blob_files()
    }

    fn blob_files(&self) -> Vec<String> {
        std::fs::read_dir(self.folder.path().join("blobs"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name != "mark")
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.api.stopping.cancel();
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    }

    /// Status and body on one line, for tables.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.status, self.text)
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

/// A request for a build that is as small as can be, with changes.
pub(crate) fn a_build(changes: Value) -> Value {
    let mut build = json!({
        "image": "registry.example/team/app:1.2",
        "source": {"type": "dockerfile", "content": "FROM scratch\n"},
    });
    let fields = build.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        fields.insert(name.clone(), value.clone());
    }
    build
}

/// A tar with one file in it, and the magic that tells it is one.
pub(crate) fn a_tar() -> Vec<u8> {
    let content = b"FROM scratch\n";
    let mut header = vec![0_u8; 512];
    header[..10].copy_from_slice(b"Dockerfile");
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[156] = b'0';
    header[257..263].copy_from_slice(b"ustar\0");
    header[263..265].copy_from_slice(b"00");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut tar = header;
    tar.extend(content);
    tar.resize(512 * 4, 0);
    tar
}

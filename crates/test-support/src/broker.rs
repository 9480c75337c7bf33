//! RabbitMQ: a virtual host per test on the broker that all share, and brokers of a test's
//! own that can be killed.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::env;

/// The queue that bells wait in.
const BELLS: &str = "slipway.bells.v1";

/// How long a broker may take to come up, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long it may take over one question.
const ANSWER: Duration = Duration::from_secs(60);

/// A virtual host: nothing in it is seen from outside. Deleted when dropped.
#[derive(Debug)]
pub struct Vhost {
    /// Its name.
    pub name: String,
    broker: String,
    api: Api,
}

/// The management API of a broker.
#[derive(Debug, Clone)]
struct Api {
    url: String,
    http: Client,
}

impl Vhost {
    /// Makes one on the broker of `AMQP_URL`, and waits for that broker to come up first.
    ///
    /// # Errors
    /// When it does not.
    pub async fn new() -> io::Result<Self> {
        Self::on(env::broker(), env::broker_api()).await
    }

    async fn on(broker: String, api: String) -> io::Result<Self> {
        let api = Api { url: api, http: Client::new() };
        api.up().await?;
        let name = format!("test-{}", Uuid::new_v4().simple());
        let user = broker.split(['/', ':']).find(|part| !part.is_empty() && *part != "amqp");
        let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
        api.ask(Method::PUT, &format!("vhosts/{name}"), &json!({})).await?;
        let user = user.unwrap_or("guest");
        api.ask(Method::PUT, &format!("permissions/{name}/{user}"), &all).await?;
        Ok(Self { name, broker, api })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.broker.trim_end_matches('/'), self.name)
    }

    /// Its URL by way of `address`, `host:port`, such as the near end of a wire.
    #[must_use]
    pub fn url_at(&self, address: &str) -> String {
        self.url().replace(&self.address(), address)
    }

    /// `host:port` of the broker.
    #[must_use]
    pub fn address(&self) -> String {
        let authority = self.broker.trim_start_matches("amqp://").trim_end_matches('/');
        authority.rsplit('@').next().unwrap_or_default().to_owned()
    }

    /// The password, which must not be seen anywhere.
    #[must_use]
    pub fn password(&self) -> String {
        let login = self.broker.trim_start_matches("amqp://").split('@').next();
        login.and_then(|login| login.split(':').nth(1)).unwrap_or_default().to_owned()
    }

    /// Puts something into the queue for bells, as it is, `times` times.
    ///
    /// # Errors
    /// When the broker does not take it.
    pub async fn put(&self, text: &str, times: usize) -> io::Result<()> {
        let path = format!("exchanges/{}/amq.default/publish", self.name);
        let message = json!({
            "properties": {}, "routing_key": BELLS,
            "payload": text, "payload_encoding": "string",
        });
        for _ in 0..times {
            self.api.ask(Method::POST, &path, &message).await?;
        }
        Ok(())
    }

    /// The messages that wait in the queue for bells and that nobody holds.
    ///
    /// # Errors
    /// When the broker does not say.
    pub async fn waiting(&self) -> io::Result<Vec<Value>> {
        let path = format!("queues/{}/{BELLS}/get", self.name);
        let look = json!({"count": 1000, "ackmode": "ack_requeue_true", "encoding": "auto"});
        let answer = self.api.ask(Method::POST, &path, &look).await?;
        answer.json().await.map_err(io::Error::other)
    }

    /// Deletes the queue for bells.
    ///
    /// # Errors
    /// When the broker does not.
    pub async fn delete_queue(&self) -> io::Result<()> {
        let path = format!("queues/{}/{BELLS}", self.name);
        self.api.ask(Method::DELETE, &path, &json!({})).await.map(drop)
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        let (api, path) = (self.api.clone(), format!("vhosts/{}", self.name));
        // On a thread of its own: here, nothing can be awaited.
        let deleting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let api = Api { http: Client::new(), ..api };
            runtime.block_on(api.ask(Method::DELETE, &path, &json!({}))).map(drop)
        });
        // A broker that was killed has nothing to delete.
        drop(deleting.join());
    }
}

impl Api {
    /// Waits until it answers.
    async fn up(&self) -> io::Result<()> {
        let begun = Instant::now();
        while let Err(error) = self.ask(Method::GET, "overview", &json!({})).await {
            if begun.elapsed() > PATIENCE {
                return Err(error);
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> io::Result<Response> {
        let url = format!("{}/{path}", self.url);
        let asked = self.http.request(method, url).timeout(ANSWER).json(body);
        let answer = asked.send().await.map_err(io::Error::other)?;
        answer.error_for_status().map_err(io::Error::other)
    }
}

/// A broker of a test's own. Killed when dropped.
#[derive(Debug)]
pub struct Broker {
    dir: PathBuf,
    _folder: TempDir,
}

impl Broker {
    /// Starts one, and waits until it answers: some five seconds.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start() -> io::Result<Self> {
        Self::start_with("[].").await
    }

    /// Starts one with settings of its own: the Erlang terms of an `advanced.config`.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_with(settings: &str) -> io::Result<Self> {
        // In the stack's directory, so that it is found and ended when this test is killed.
        let stack = std::env::var_os("SLIPWAY_STACK").map_or_else(std::env::temp_dir, Into::into);
        let folder = tempfile::Builder::new().prefix("broker-").tempdir_in(stack)?;
        let broker = Self { dir: folder.path().join("broker"), _folder: folder };
        std::fs::create_dir(&broker.dir)?;
        std::fs::write(broker.dir.join("advanced.config"), settings)?;
        broker.start_again().await?;
        Ok(broker)
    }

    /// Its URL, with the virtual host that is there from the beginning.
    ///
    /// # Errors
    /// When it was never started.
    pub fn url(&self) -> io::Result<String> {
        Ok(std::fs::read_to_string(self.dir.join("url"))?.trim().to_owned())
    }

    /// Kills it as a power cut would.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(&self) -> io::Result<()> {
        self.run("kill").await
    }

    /// Deletes all that it kept. Only once it is killed.
    ///
    /// # Errors
    /// When it cannot be deleted.
    pub async fn forget(&self) -> io::Result<()> {
        self.run("forget").await
    }

    /// Starts it once more on the same ports, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_again(&self) -> io::Result<()> {
        self.run("start").await
    }

    async fn run(&self, verb: &str) -> io::Result<()> {
        let ended = Command::new(env::broker_program()).arg(verb).arg(&self.dir).status().await?;
        if ended.success() { Ok(()) } else { Err(io::Error::other(format!("{verb}: {ended}"))) }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let mut kill = std::process::Command::new(env::broker_program());
        drop(kill.arg("kill").arg(&self.dir).status());
    }
}

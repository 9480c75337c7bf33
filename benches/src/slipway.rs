//! Slipway as a client sees it: POST, then follow to the end.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use reqwest::{Body, Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::context;
use crate::daemon::Daemon;
use crate::error::Error;
use crate::heard::Heard;
use crate::work::Work;

/// A client of one daemon.
#[derive(Debug, Clone)]
pub(crate) struct Slipway {
    http: Client,
    url: String,
}

/// A build that was accepted.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    id: String,
    events: String,
    logs: String,
}

/// How long each part took, by the build's own account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// From acceptance to the claim.
    pub(crate) in_line: Duration,
    /// From the claim to the engine's beginning.
    pub(crate) preparing: Duration,
    /// From there to the image.
    pub(crate) build: Duration,
    pub(crate) push: Duration,
    pub(crate) remove: Duration,
    /// From acceptance to the end.
    pub(crate) whole: Duration,
}

impl Slipway {
    pub(crate) fn new(daemon: &Daemon) -> Self {
        Self { http: Client::new(), url: daemon.url.clone() }
    }

    /// From the POST until the follower has read the end. Says how long.
    pub(crate) async fn run(&self, work: &Work) -> Result<(Accepted, Duration), Error> {
        let begun = Instant::now();
        let source = json!({"type": "dockerfile", "content": work.dockerfile});
        let build = self.submit(work, source).await?;
        self.follow(&build).await?;
        Ok((build, begun.elapsed()))
    }

    /// The same; gives the events' text.
    pub(crate) async fn run_and_read(&self, work: &Work) -> Result<String, Error> {
        let build = self.begin(work).await?;
        self.follow(&build).await
    }

    /// Submits.
    pub(crate) async fn begin(&self, work: &Work) -> Result<Accepted, Error> {
        self.submit(work, json!({"type": "dockerfile", "content": work.dockerfile})).await
    }

    /// Waits until a build's step runs, under this attempt.
    pub(crate) async fn until_building(&self, build: &Accepted, attempt: u32) -> Result<(), Error> {
        loop {
            let view = self.view(build).await?;
            if view["attempt"] == attempt && view["status"] == "building" {
                return Ok(());
            }
            if !view["timings"]["finished_at"].is_null() {
                return Err(Error::Unexpected(format!("a build ended too early: {view}")));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks for a build to stop.
    pub(crate) async fn cancel(&self, build: &Accepted) -> Result<(), Error> {
        let url = format!("{}/api/v2/builds/{}/cancel", self.url, build.id);
        good(self.http.post(url).send().await?).await.map(drop)
    }

    /// Whether a build has ended.
    pub(crate) async fn is_over(&self, build: &Accepted) -> Result<bool, Error> {
        Ok(!self.view(build).await?["timings"]["finished_at"].is_null())
    }

    /// The same, from an upload.
    pub(crate) async fn run_upload(&self, work: &Work, upload: &str) -> Result<Duration, Error> {
        let begun = Instant::now();
        let build = self.submit(work, json!({"type": "upload", "id": upload})).await?;
        self.follow(&build).await?;
        Ok(begun.elapsed())
    }

    /// The same, from an archive that is fetched.
    pub(crate) async fn run_archive(&self, work: &Work, url: &str) -> Result<Duration, Error> {
        self.run_source(work, json!({"type": "archive", "url": url})).await
    }

    /// The same, from any source.
    pub(crate) async fn run_source(&self, work: &Work, source: Value) -> Result<Duration, Error> {
        let begun = Instant::now();
        let build = self.submit(work, source).await?;
        self.follow(&build).await?;
        Ok(begun.elapsed())
    }

    /// The same, hearing the log as text.
    pub(crate) async fn run_heard(&self, work: &Work, heard: &mut Heard) -> Result<(), Error> {
        let source = json!({"type": "dockerfile", "content": work.dockerfile});
        let build = self.submit(work, source).await?;
        let url = format!("{}{}?follow=true", self.url, build.logs);
        let mut log = good(self.http.get(url).send().await?).await?.bytes_stream();
        while let Some(bytes) = log.try_next().await? {
            heard.hear(&bytes);
        }
        self.took(&build).await.map(drop)
    }

    /// The same, heard by nobody: from when the first of its numbers is written down until all of
    /// its output is, by the build's own account. What the engine says before the step runs is not
    /// the step's, and the bare side's clock does not run by then either.
    pub(crate) async fn run_unheard(&self, work: &Work) -> Result<Duration, Error> {
        let build = self.begin(work).await?;
        while !self.is_over(&build).await? {
            sleep(Duration::from_millis(20)).await;
        }
        let events = self.follow(&build).await?;
        let mut output = events.lines().filter_map(|line| {
            let event: Value = serde_json::from_str(line.strip_prefix("data: ")?).ok()?;
            let is_output = event["kind"] == "log" && event["stream"] == "stdout";
            let mut lines = event["text"].as_str()?.lines();
            (is_output && lines.any(|line| line.parse::<usize>().is_ok())).then_some(event)
        });
        let first = time(output.next().as_ref(), "/at")?;
        let written = time(Some(&self.view(&build).await?), "/timings/pushing_at")?;
        Ok((written - first).to_std().unwrap_or_default())
    }

    /// The events of a build, as they come.
    pub(crate) async fn events(&self, build: &Accepted) -> Result<Response, Error> {
        good(self.http.get(format!("{}{}", self.url, build.events)).send().await?).await
    }

    /// Where the same comes over a WebSocket.
    pub(crate) fn socket(&self, build: &Accepted) -> String {
        let url = self.url.replacen("http", "ws", 1);
        format!("{url}/api/v2/builds/{}/ws", build.id)
    }

    /// Sends a context with `mib` MiB of noise and gives the upload's id.
    pub(crate) async fn upload(&self, dockerfile: &str, mib: usize) -> Result<String, Error> {
        let body = Body::wrap_stream(context::with_noise(dockerfile, mib));
        let request = self.http.post(format!("{}/api/v2/uploads", self.url)).body(body);
        let answer: Value = good(request.send().await?).await?.json().await?;
        text(&answer, "/id")
    }

    /// What the build itself says of its time.
    pub(crate) async fn took(&self, build: &Accepted) -> Result<Took, Error> {
        let view = self.view(build).await?;
        if view["status"] != "succeeded" {
            return Err(Error::Unexpected(format!("a build of slipway did not succeed: {view}")));
        }
        let at = |name: &str| time(Some(&view), &format!("/timings/{name}"));
        let between = |from: &str, to: &str| -> Result<Duration, Error> {
            Ok((at(to)? - at(from)?).to_std().unwrap_or_default())
        };
        Ok(Took {
            in_line: between("created_at", "preparing_at")?,
            preparing: between("preparing_at", "building_at")?,
            build: between("building_at", "pushing_at")?,
            push: between("pushing_at", "purging_at")?,
            remove: between("purging_at", "finished_at")?,
            whole: between("created_at", "finished_at")?,
        })
    }

    pub(crate) async fn submit(&self, work: &Work, source: Value) -> Result<Accepted, Error> {
        self.order(&json!({"image": work.image, "source": source})).await
    }

    /// A whole order from the POST until the follower has read the end. Says how long.
    pub(crate) async fn run_order(&self, order: &Value) -> Result<Duration, Error> {
        let begun = Instant::now();
        let build = self.order(order).await?;
        self.follow(&build).await?;
        Ok(begun.elapsed())
    }

    /// Submits a whole order.
    pub(crate) async fn order(&self, order: &Value) -> Result<Accepted, Error> {
        let request = self.http.post(format!("{}/api/v2/builds", self.url)).json(order);
        let view: Value = good(request.send().await?).await?.json().await?;
        Ok(Accepted {
            id: text(&view, "/id")?,
            events: text(&view, "/links/events")?,
            logs: text(&view, "/links/logs")?,
        })
    }

    async fn view(&self, build: &Accepted) -> Result<Value, Error> {
        let url = format!("{}/api/v2/builds/{}", self.url, build.id);
        Ok(good(self.http.get(url).send().await?).await?.json().await?)
    }

    /// Reads the events to the last one, which must say that it went well.
    async fn follow(&self, build: &Accepted) -> Result<String, Error> {
        let request = self.http.get(format!("{}{}", self.url, build.events));
        let mut events = good(request.send().await?).await?.bytes_stream();
        let mut all = Vec::new();
        while let Some(bytes) = events.try_next().await? {
            all.extend_from_slice(&bytes);
        }
        let all = String::from_utf8_lossy(&all);
        if all.contains("\"status\":\"succeeded\"") {
            return Ok(all.into_owned());
        }
        Err(Error::Unexpected(format!("a build of slipway did not succeed:\n{all}")))
    }
}

async fn good(answer: Response) -> Result<Response, Error> {
    let status = answer.status();
    if status.is_success() && status != StatusCode::NO_CONTENT {
        return Ok(answer);
    }
    let said = answer.text().await.unwrap_or_default();
    Err(Error::Unexpected(format!("slipway answered {status}: {said}")))
}

fn time(json: Option<&Value>, pointer: &str) -> Result<DateTime<Utc>, Error> {
    let at = text(json.unwrap_or(&Value::Null), pointer)?;
    at.parse().map_err(|_| Error::Unexpected(format!("{pointer} is no time: {at}")))
}

fn text(json: &Value, pointer: &str) -> Result<String, Error> {
    let text = json.pointer(pointer).and_then(Value::as_str).map(ToOwned::to_owned);
    text.ok_or_else(|| Error::Unexpected(format!("an answer has no {pointer}: {json}")))
}

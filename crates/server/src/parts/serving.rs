//! The API's half of a build: HTTP, the relay of the outbox, those who are told of builds,
//! deadlines and lost leases, retention.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::select_all;
use slipway_api::{Api, Limits, Live, Operations};
use slipway_follow::Hub;
use slipway_queue::Relay;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::listener::Port;
use super::part::{Crash, Part};
use super::working::Company;
use super::{database, ground::Ground};
use crate::retention::Keep;
use crate::roles::Failure;
use crate::settings::Settings;
use crate::{deadlines, inbox, log_archive, retention};

/// The running parts.
pub(crate) struct Serving {
    server: Part,
    push: Part,
    /// What may be left wherever it is.
    rounds: Vec<Part>,
    /// Cancelled to send followers away and end the server.
    closing: CancellationToken,
}

impl Serving {
    /// Starts all of them.
    ///
    /// # Errors
    /// When the listener or the folder of templates cannot be used.
    pub(crate) fn start(
        port: &Port,
        ground: &Ground,
        settings: &Settings,
        operations: Operations,
        company: Company,
    ) -> Result<Self, Failure> {
        let Ground { store, blobs, queue } = ground.clone();
        let addresses = settings.limits.addresses(
            company == Company::Alone,
            // The status of its commits is set there.
            &[settings.sources.github_host()?],
        )?;
        let hub = Hub::new(&store, &queue, &Handle::current());
        let push = super::push::push(settings, ground, hub.clone(), addresses.clone())?;
        let closing = CancellationToken::new();
        let origins = settings.http.origins()?;
        let api = Api {
            live: Live::new(hub, origins),
            store: store.clone(),
            blobs: blobs.clone(),
            queue: queue.clone(),
            limits: limits(settings),
            addresses,
            templates: Arc::new(settings.templates.read()?),
            dialects: settings.dialects.for_api(settings.http.origins_of_old()?)?,
            webhooks: settings.webhooks()?,
            runtime: Handle::current(),
            stopping: closing.clone(),
        };
        let keep = Keep {
            builds: settings.retention.builds(),
            uploads: settings.blobs.keep(),
            deliveries: settings.followers.keep(),
        };
        let serving = slipway_api::Serving {
            grace: Duration::from_secs(settings.http.grace_seconds),
            ..slipway_api::Serving::default()
        };
        let relay = Relay { store: store.clone(), queue: queue.clone() };
        let keep_inbox = settings.webhooks.keep();
        let max_attempts = settings.worker.max_attempts;
        let to_blobs = settings.retention.logs_to_blobs();
        Ok(Self {
            rounds: vec![
                Part::start("inbox of webhooks", inbox::run(api.clone(), keep_inbox)),
                Part::start("outbox relay", relay.run()),
                Part::start(
                    "watch over deadlines",
                    deadlines::run(store.clone(), queue, max_attempts),
                ),
                Part::start("clock", database::keep_time(store.clone())),
                Part::start("moving of logs", log_archive::run(store.clone(), to_blobs)),
                Part::start("retention", retention::run(store, blobs, keep)),
            ],
            server: Part::start(
                "API",
                slipway_api::serve(port.listener()?, api, operations, serving)?,
            ),
            push: Part::start("telling of followers", push.run(closing.clone())),
            closing,
        })
    }

    /// Waits for a part to end by itself, which none should.
    pub(crate) async fn crashed(&mut self) -> Crash {
        let Self { server, push, rounds, .. } = self;
        let parts = [server, push].into_iter().chain(rounds);
        select_all(parts.map(|part| part.ended().boxed())).await.0
    }

    /// Stops listening, sends followers away with a hint to come back, and lets requests
    /// at hand finish within `http.grace_seconds`.
    pub(crate) async fn stop(self) {
        self.closing.cancel();
        self.server.finish().await;
        self.push.finish().await;
        for part in &self.rounds {
            part.abort();
        }
    }
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        upload_bytes: settings.limits.context_bytes,
        queue_timeout: settings.build.queue_timeout(),
        body_bytes: usize::try_from(settings.http.body_limit).unwrap_or(usize::MAX),
        ..Limits::default()
    }
}

//! The API's half of a build: HTTP, the relay of the outbox, those who are told of builds,
//! deadlines and lost leases, retention.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use slipway_api::{Api, Limits, Live, Operations};
use slipway_queue::Relay;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::listener::Port;
use super::working::Company;
use super::{database, ground::Ground};
use crate::retention::Keep;
use crate::roles::Failure;
use crate::settings::Settings;
use crate::{deadlines, inbox, log_archive, retention};

/// The running parts.
pub(crate) struct Serving {
    server: JoinHandle<io::Result<()>>,
    relay: JoinHandle<()>,
    push: JoinHandle<()>,
    deadlines: JoinHandle<()>,
    retention: JoinHandle<()>,
    log_archive: JoinHandle<()>,
    inbox: JoinHandle<()>,
    clock: JoinHandle<()>,
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
        let push = super::push::push(settings, ground, addresses.clone())?;
        let closing = CancellationToken::new();
        let origins = settings.http.origins()?;
        let api = Api {
            live: Live::new(&store, &queue, &Handle::current(), origins),
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
        Ok(Self {
            inbox: tokio::spawn(inbox::run(api.clone(), settings.webhooks.keep())),
            server: tokio::spawn(slipway_api::serve(port.listener()?, api, operations, serving)?),
            relay: tokio::spawn(Relay { store: store.clone(), queue: queue.clone() }.run()),
            push: tokio::spawn(push.run(closing.clone())),
            deadlines: tokio::spawn(deadlines::run(
                store.clone(),
                queue,
                settings.worker.max_attempts,
            )),
            clock: tokio::spawn(database::keep_time(store.clone())),
            log_archive: tokio::spawn(log_archive::run(
                store.clone(),
                settings.retention.logs_to_blobs(),
            )),
            retention: tokio::spawn(retention::run(store, blobs, keep)),
            closing,
        })
    }

    /// Waits for a part to end by itself, which none should. Says which.
    pub(crate) async fn crashed(&mut self) -> &'static str {
        tokio::select! {
            _ = &mut self.server => "API",
            _ = &mut self.relay => "outbox relay",
            _ = &mut self.push => "telling of followers",
            _ = &mut self.deadlines => "watch over deadlines",
            _ = &mut self.retention => "retention",
            _ = &mut self.log_archive => "moving of logs",
            _ = &mut self.inbox => "inbox of webhooks",
            _ = &mut self.clock => "clock",
        }
    }

    /// Stops listening, sends followers away with a hint to come back, and lets requests
    /// at hand finish within `http.grace_seconds`.
    pub(crate) async fn stop(self) {
        self.closing.cancel();
        if !self.server.is_finished() {
            let _ = self.server.await;
        }
        if !self.push.is_finished() {
            let _ = self.push.await;
        }
        self.relay.abort();
        self.deadlines.abort();
        self.retention.abort();
        self.log_archive.abort();
        self.inbox.abort();
        self.clock.abort();
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

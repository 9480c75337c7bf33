//! What a worker does to the rows, step by step, at the test's word.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use slipway_domain::{
    EventBody, Failure, HostName, LogStream, Platform, Reason, Stage, StepStatus, WorkerId, now,
};
use slipway_queue::News;
use slipway_store::builds::{self, Claimed, Ending, Offer};
use slipway_store::hosts::{self, Probe};
use slipway_store::{Lease, events};

use crate::server::Server;

pub(crate) const DIGEST: &str =
    "sha256:6f1a5bd2c1b4a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d";

/// A worker with one host.
pub(crate) struct Worker<'a> {
    server: &'a Server,
    id: WorkerId,
}

/// A host that answers.
pub(crate) fn a_host(name: &str) -> Probe {
    Probe {
        name: HostName::parse(name).unwrap(),
        slots: 2,
        platform: Some(Platform::parse("linux/amd64").unwrap()),
        platforms: Vec::new(),
        builder: Some("buildkit".into()),
        engine: None,
        problem: None,
    }
}

pub(crate) async fn report(server: &Server, probe: &Probe) {
    report_at(server, probe, now()).await;
}

pub(crate) async fn report_at(server: &Server, probe: &Probe, at: DateTime<Utc>) {
    let worker = WorkerId::from_uuid(uuid::Uuid::from_u128(7));
    hosts::report(&server.api.store, worker, probe, at).await.unwrap();
}

/// Output of a step.
pub(crate) fn line(text: &str) -> EventBody {
    EventBody::Log { step: Some(1), stream: LogStream::Stdout, text: text.into() }
}

/// A step that began or ended.
pub(crate) fn step(status: StepStatus) -> EventBody {
    let ended = status == StepStatus::Completed;
    EventBody::Step {
        step: 1,
        name: "[1/1] RUN make".into(),
        status,
        error: None,
        duration_ms: ended.then_some(1500),
    }
}

impl<'a> Worker<'a> {
    /// A worker that has reported its host `local`.
    pub(crate) async fn start(server: &'a Server) -> Self {
        report(server, &a_host("local")).await;
        Self { server, id: WorkerId::generate() }
    }

    pub(crate) async fn claim(&self) -> Claimed {
        let platforms = vec![Platform::parse("linux/amd64").unwrap()];
        let hosts = BTreeMap::from([(HostName::parse("local").unwrap(), platforms)]);
        let expires_at = now() + Duration::seconds(60);
        let offer =
            Offer { worker: self.id, hosts: &hosts, expires_at, raise_after: Duration::minutes(5) };
        let claimed = builds::claim(&self.server.api.store, &offer, |_, _, _| 0, now()).await;
        let claimed = claimed.unwrap().expect("a build in line");
        self.tell(&claimed.lease);
        claimed
    }

    pub(crate) async fn advance(&self, lease: &Lease, to: Stage) {
        let digest = (to == Stage::Purging).then_some(DIGEST);
        builds::advance(&self.server.api.store, lease, to, digest, now()).await.unwrap();
        self.tell(lease);
    }

    pub(crate) async fn say(&self, lease: &Lease, bodies: &[EventBody]) {
        events::append(&self.server.api.store, lease, now(), bodies).await.unwrap();
        self.tell(lease);
    }

    pub(crate) async fn finish(&self, lease: &Lease, ending: Ending) {
        builds::finish(&self.server.api.store, lease, ending, true, now()).await.unwrap();
        self.tell(lease);
    }

    /// From the claim to the digest, with a step and its output.
    pub(crate) async fn succeed(&self) {
        let lease = self.claim().await.lease;
        self.advance(&lease, Stage::Building).await;
        self.say(&lease, &[step(StepStatus::Started), line("hello\n")]).await;
        self.say(&lease, &[step(StepStatus::Completed)]).await;
        self.advance(&lease, Stage::Pushing).await;
        self.advance(&lease, Stage::Purging).await;
        self.finish(&lease, Ending::Succeeded).await;
    }

    /// From the claim to a step that fails.
    pub(crate) async fn fail(&self) {
        let lease = self.claim().await.lease;
        self.advance(&lease, Stage::Building).await;
        self.finish(&lease, Ending::Failed(a_failure())).await;
    }

    fn tell(&self, lease: &Lease) {
        self.server.api.queue.tell(News::Happened(lease.build()));
    }
}

pub(crate) fn a_failure() -> Failure {
    Failure::new(Reason::StepFailed, "make: exit code 2")
        .at(Stage::Building)
        .hint("see the step's output")
}

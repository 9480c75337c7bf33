//! Sending to a topic: keyed by the build, so that a partition has it in order, with the
//! number of the event in a header.

use std::time::Duration;

use futures::future::join_all;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::FutureRecord;
use slipway_domain::{BuildId, FollowerAddress, KafkaTarget};
use slipway_store::StoreError;
use slipway_store::followers::{self, Attempted, DeliveryOutcome, Ended, Next, Sent, Taken};
use tokio::time::Instant;

use super::super::courier::Push;
use super::super::log::{Dropped, LogEvents};
use super::super::schedule::later_by;
use super::super::webhook::message_id;
use super::cluster::{Cluster, Trouble};
use super::records::{self, Lines};

/// How often the place of a log is written down.
const NOTED: Duration = Duration::from_secs(1);
/// How long to wait for room in the producer.
const FULL: Duration = Duration::from_millis(50);

impl Push {
    /// Sends a log to its topic, from where it was left to the end.
    pub(in super::super) async fn log_to_kafka(&self, taken: &Taken) -> Result<(), StoreError> {
        let Some(follower) = &taken.follower else { return self.unopened(taken).await };
        let FollowerAddress::Kafka(target) = &follower.address else { return Ok(()) };
        let (at, began) = (self.store.now(), Instant::now());
        let mut told = taken.told_seq;
        let sending = self.send_log(taken, &follower.form, target, &mut told);
        let sent = match self.holding(taken, sending).await {
            Ok(Ok(sent)) => sent,
            Ok(Err(error)) | Err(Dropped::Store(error)) => return Err(error),
            Err(Dropped::Lost) => return Ok(()),
            Err(Dropped::Stopping) => {
                let now = self.store.now();
                let next = Next::Rest { seq: told, at: now, why: None };
                return followers::record(&self.store, taken, &[], &next, now).await.map(drop);
            }
        };
        let (next, outcome, error) = match sent {
            Ok(()) => {
                let next = Next::End { how: Ended::Done, seq: told, why: None };
                (next, DeliveryOutcome::Delivered, None)
            }
            Err(trouble) => {
                let next = self.after_break(taken, told, None, trouble.why.clone());
                (next, trouble.outcome(), Some(trouble.why))
            }
        };
        let tried = Attempted {
            seq: told,
            webhook_id: message_id(taken.id, taken.told_seq, 0),
            attempt: taken.attempts + 1,
            resend: false,
            at,
            took: began.elapsed(),
            outcome,
            error,
            sent: Sent::default(),
            answer: None,
        };
        self.record(taken, &[tried], &next).await.map(drop)
    }

    async fn send_log(
        &self,
        taken: &Taken,
        form: &slipway_domain::FollowerForm,
        target: &KafkaTarget,
        told: &mut i64,
    ) -> Result<Result<(), Trouble>, StoreError> {
        // Only lines need to know what came before.
        let mut lines = match Lines::of(form) {
            Some(lines) => Some((lines, self.renderer(form, taken.build, taken.told_seq).await?)),
            None => None,
        };
        let mut events = LogEvents::after(self, taken.build, taken.told_seq).await?;
        let mut noted = Instant::now();
        while let Some(part) = events.next().await? {
            let cluster = match self.clusters.reach(target).await {
                Ok(cluster) => cluster,
                Err(trouble) => return Ok(Err(trouble)),
            };
            let mut all = Vec::new();
            for event in part.events() {
                let of_event = match &mut lines {
                    Some((lines, renderer)) => lines.of_event(event, renderer),
                    None => vec![records::native(taken.build, event)],
                };
                all.extend(of_event.into_iter().map(|record| (event.seq, record)));
            }
            if let Err(trouble) = send(&cluster, target, taken.build, &all).await {
                return Ok(Err(trouble));
            }
            *told = part.last();
            if noted.elapsed() >= NOTED {
                noted = Instant::now();
                let now = self.store.now();
                let until = later_by(now, self.settings.lease());
                let next = Next::Told { seq: *told, until };
                followers::record(&self.store, taken, &[], &next, now).await?;
            }
        }
        Ok(Ok(()))
    }

    /// Sends what tells of one event to a topic.
    pub(in super::super) async fn send_to_topic(
        &self,
        target: &KafkaTarget,
        build: BuildId,
        seq: i64,
        body: &str,
    ) -> Result<(), (String, bool)> {
        let sending = async {
            let cluster = self.clusters.reach(target).await?;
            send(&cluster, target, build, &[(seq, body.to_owned())]).await
        };
        sending.await.map_err(|trouble| (trouble.why, trouble.is_refused))
    }
}

impl Trouble {
    const fn outcome(&self) -> DeliveryOutcome {
        if self.is_refused { DeliveryOutcome::Refused } else { DeliveryOutcome::Failed }
    }
}

/// Sends records in order, and returns when all replicas have all of them.
async fn send(
    cluster: &Cluster,
    target: &KafkaTarget,
    build: BuildId,
    records: &[(i64, String)],
) -> Result<(), Trouble> {
    let failed = |error: &KafkaError| {
        let is_late =
            matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut));
        let why = if is_late {
            cluster.with_complaint("no broker took it within 30 s")
        } else {
            format!("kafka: {error}")
        };
        Trouble { why, is_refused: false }
    };
    let key = build.to_string();
    let mut under_way = Vec::with_capacity(records.len());
    for (seq, record) in records {
        let number = seq.to_string();
        let headers = OwnedHeaders::new()
            .insert(Header { key: "slipway-sequence", value: Some(number.as_str()) })
            .insert(Header { key: "slipway-build", value: Some(key.as_str()) });
        let mut record = FutureRecord::to(&target.topic)
            .key(key.as_str())
            .payload(record.as_str())
            .headers(headers);
        loop {
            match cluster.producer.send_result(record) {
                Ok(sending) => {
                    under_way.push(sending);
                    break;
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    tokio::time::sleep(FULL).await;
                }
                Err((error, _)) => return Err(failed(&error)),
            }
        }
    }
    for sent in join_all(under_way).await {
        match sent {
            Ok(Ok(_)) => {}
            Ok(Err((error, _))) => return Err(failed(&error)),
            Err(_) => {
                let why = "the producer was closed".to_owned();
                return Err(Trouble { why, is_refused: false });
            }
        }
    }
    Ok(())
}

//! A log over HTTP: one long POST, held open until the end of the build.
//!
//! Nothing says how much of it the receiver has read: what was handed to the system may be on
//! its way. So a place counts as reached when it was handed over some seconds before all was
//! still well; after a break a few seconds of the log may come twice, and none of it is lost.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderName, HeaderValue};
use slipway_domain::Follower;
use slipway_outbound::{Answered, Outgoing, Post, PostError};
use slipway_store::StoreError;
use slipway_store::followers::{self, Attempted, DeliveryOutcome, Ended, Next, Sent, Taken};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::courier::Push;
use super::log::{Dropped, LogEvents};
use super::schedule::later_by;
use super::webhook::{self, message_id};

/// What was handed over so long ago has arrived, if the connection still stands.
const ARRIVED: Duration = Duration::from_secs(3);
/// A receiver that takes nothing for so long does not read; nor does it answer, when it has the
/// end of the log and says nothing to it.
const STUCK: Duration = Duration::from_secs(60);
/// How often the place is written down.
const NOTED: Duration = Duration::from_secs(5);
/// A piece of the body, in bytes.
const PIECE: usize = 32 * 1024;

/// What was answered, and whether that was after all of the log.
struct Outcome {
    answer: Result<Answered, PostError>,
    is_whole: bool,
}

/// How far a stream has got.
struct Places {
    told_seq: i64,
    handed: VecDeque<(Instant, i64)>,
    noted: Instant,
}

impl Places {
    fn new(told_seq: i64) -> Self {
        Self { told_seq, handed: VecDeque::new(), noted: Instant::now() }
    }

    fn hand_over(&mut self, seq: i64) {
        self.handed.push_back((Instant::now(), seq));
        self.settle();
    }

    /// What was handed over long enough ago is told.
    fn settle(&mut self) {
        while self.handed.front().is_some_and(|(at, _)| at.elapsed() >= ARRIVED) {
            if let Some((_, seq)) = self.handed.pop_front() {
                self.told_seq = seq;
            }
        }
        // Many small ones within the same moment: the latest speaks for them.
        if self.handed.len() > 1024 {
            self.handed.drain(..512);
        }
    }

    fn last(&self) -> i64 {
        self.handed.back().map_or(self.told_seq, |(_, seq)| *seq)
    }
}

impl Push {
    pub(super) async fn stream(&self, taken: &Taken) -> Result<(), StoreError> {
        let Some(follower) = &taken.follower else { return self.unopened(taken).await };
        let (at, began) = (self.store.now(), Instant::now());
        let id = message_id(taken.id, taken.told_seq, 0);
        let headers = headers(taken, &id);
        let mut places = Places::new(taken.told_seq);
        let streamed = self.holding(taken, self.one_stream(taken, follower, &headers, &mut places));
        let outcome = match streamed.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) | Err(Dropped::Store(error)) => return Err(error),
            Err(Dropped::Lost) => return Ok(()),
            Err(Dropped::Stopping) => {
                // Another server goes on from here.
                let now = self.store.now();
                let next = Next::Rest { seq: places.told_seq, at: now, why: None };
                return followers::record(&self.store, taken, &[], &next, now).await.map(drop);
            }
        };
        let seq = places.last();
        let (next, delivered, error, answer) = self.after_stream(taken, &mut places, outcome);
        let tried = Attempted {
            seq,
            webhook_id: id,
            attempt: taken.attempts + 1,
            resend: false,
            at,
            took: began.elapsed(),
            outcome: delivered,
            error,
            sent: Sent { headers: shown(&headers), body: String::new() },
            answer: answer.map(|answered| webhook::answer(follower, answered)),
        };
        self.record(taken, &[tried], &next).await.map(drop)
    }

    /// Posts the log from the follower's place on, until its end, an answer or a break.
    async fn one_stream(
        &self,
        taken: &Taken,
        follower: &Follower,
        headers: &[(HeaderName, HeaderValue)],
        places: &mut Places,
    ) -> Result<Outcome, StoreError> {
        let (sender, receiver) = mpsc::channel::<Bytes>(1);
        let pieces = futures::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|piece| (piece, receiver))
        });
        let url = match webhook::url(follower) {
            Ok(url) => url,
            Err(error) => return Ok(Outcome { answer: Err(error), is_whole: false }),
        };
        let post = self.fetcher.post(Post {
            url,
            headers: headers.to_vec(),
            secret_headers: webhook::secret_headers(follower.authorization.as_ref()),
            body: Outgoing::pieces(pieces.boxed()),
            connect: self.settings.connect,
            answer: STUCK,
            answer_bytes: webhook::ANSWER_BYTES,
        });
        let mut renderer = self.renderer(&follower.form, taken.build, taken.told_seq).await?;
        let mut events = LogEvents::after(self, taken.build, taken.told_seq).await?;
        let feeding = async {
            while let Some(part) = events.next().await? {
                for event in part.events() {
                    let mut text = String::new();
                    renderer.render(event, &mut text);
                    let text = Bytes::from(text);
                    for start in (0..text.len()).step_by(PIECE) {
                        let piece = text.slice(start..text.len().min(start + PIECE));
                        if sender.send(piece).await.is_err() {
                            // The post is over, and says why.
                            std::future::pending::<()>().await;
                        }
                    }
                    places.hand_over(event.seq);
                }
                self.note(taken, places).await?;
            }
            Ok::<_, StoreError>(())
        };
        tokio::pin!(post);
        tokio::select! {
            answer = &mut post => return Ok(Outcome { answer, is_whole: false }),
            fed = feeding => fed?,
        }
        // That was all: the body ends, and an answer is due.
        drop(sender);
        let answer = post.await;
        Ok(Outcome { answer, is_whole: true })
    }

    /// Writes the place down now and then, so that whoever takes over does not begin at the
    /// beginning.
    async fn note(&self, taken: &Taken, places: &mut Places) -> Result<(), StoreError> {
        places.settle();
        if places.noted.elapsed() < NOTED {
            return Ok(());
        }
        places.noted = Instant::now();
        let now = self.store.now();
        let until = later_by(now, self.settings.lease());
        let next = Next::Told { seq: places.told_seq, until };
        followers::record(&self.store, taken, &[], &next, now).await.map(drop)
    }

    fn after_stream(
        &self,
        taken: &Taken,
        places: &mut Places,
        outcome: Outcome,
    ) -> (Next, DeliveryOutcome, Option<String>, Option<Answered>) {
        places.settle();
        let told = places.told_seq;
        let failed = |told: i64, why: String, refused: bool, answer: Option<Answered>| {
            let next = self.after_break(
                taken,
                told,
                answer.as_ref().and_then(|answer| webhook::asked(answer, self.store.now())),
                why.clone(),
            );
            let outcome = if refused { DeliveryOutcome::Refused } else { DeliveryOutcome::Failed };
            (next, outcome, Some(why), answer)
        };
        let answer = match outcome.answer {
            Ok(answer) => answer,
            Err(error) => return failed(told, error.to_string(), error.is_refused(), None),
        };
        match answer.status {
            200..300 if outcome.is_whole => {
                let next = Next::End { how: Ended::Done, seq: places.last(), why: None };
                (next, DeliveryOutcome::Delivered, None, Some(answer))
            }
            410 => {
                let why = "it answered 410: it wants no more of this".to_owned();
                let how = Ended::Disabled;
                let next = Next::End { how, seq: told, why: Some(why.clone()) };
                (next, DeliveryOutcome::Failed, Some(why), Some(answer))
            }
            status => {
                // What was refused has not arrived, whenever it was handed over. A success that
                // comes too early is for what was sent by then.
                let told = if (200..300).contains(&status) { told } else { taken.told_seq };
                let early = if outcome.is_whole { "" } else { " before the log was over" };
                let why = webhook::answered_with(status, early);
                failed(told, why, false, Some(answer))
            }
        }
    }
}

fn headers(taken: &Taken, id: &str) -> Vec<(HeaderName, HeaderValue)> {
    let all = [
        ("content-type", "text/plain; charset=utf-8".to_owned()),
        ("webhook-id", id.to_owned()),
        ("slipway-build", taken.build.to_string()),
        ("slipway-sequence", taken.told_seq.to_string()),
    ];
    let readable = |(name, value): (&'static str, String)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
    };
    all.into_iter().filter_map(readable).collect()
}

fn shown(headers: &[(HeaderName, HeaderValue)]) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

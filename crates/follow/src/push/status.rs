//! A follower is told of changes of state, one after the other.

use chrono::TimeDelta;
use slipway_domain::{Event, Follower, FollowerAddress, KafkaTarget};
use slipway_store::StoreError;
use slipway_store::builds::{self, Build};
use slipway_store::followers::{self, Attempted, DeliveryOutcome, Ended, Next, Sent, Taken};

use super::courier::Push;
use super::forms::messages;
use super::schedule::{After, Later, after, later_by};
use super::webhook::{self, Try, Verdict, message_id};

/// How long a follower is left alone that cannot be opened. A key may be on its way.
const UNOPENED: TimeDelta = TimeDelta::minutes(1);

const FAILED: Verdict = Verdict::Failed { after: None };

/// What became of telling of one event.
struct Told {
    attempts: Vec<Attempted>,
    verdict: Verdict,
}

impl Push {
    /// Tells a follower of all that it does not know yet, and of what somebody wants told
    /// again.
    pub(super) async fn tell(&self, taken: &Taken) -> Result<(), StoreError> {
        let Some(follower) = &taken.follower else { return self.unopened(taken).await };
        if taken.has_resends && !self.tell_again(taken, follower).await? {
            return Ok(());
        }
        if !taken.is_waiting {
            return followers::give_back(&self.store, taken).await;
        }
        self.tell_rest(taken, follower).await
    }

    /// Leaves a follower alone that cannot be opened here.
    pub(super) async fn unopened(&self, taken: &Taken) -> Result<(), StoreError> {
        let why = "its address cannot be opened with the keys of this server".to_owned();
        let (attempts, at) = (taken.attempts, self.store.now() + UNOPENED);
        let next = Next::Retry { seq: taken.told_seq, attempts, at, why };
        self.record(taken, &[], &next).await.map(drop)
    }

    async fn tell_rest(&self, taken: &Taken, follower: &Follower) -> Result<(), StoreError> {
        let events = followers::states_after(&self.store, taken.build, taken.told_seq).await?;
        // After the events: of what came later it can be told what was not yet, but a row from
        // before them lacks what they tell of.
        let Some(build) = builds::find(&self.store, taken.build).await? else { return Ok(()) };
        let (mut attempts, mut told_seq) = (taken.attempts, taken.told_seq);
        let mut left = events.iter().peekable();
        while let Some(event) = left.next() {
            let told = self.tell_of(taken, follower, &build, event, attempts + 1, false).await;
            let is_last = left.peek().is_none();
            let seq = event.seq;
            let next = match told.verdict {
                Verdict::Taken if event.is_end() => Next::End { how: Ended::Done, seq, why: None },
                Verdict::Taken if is_last => Next::Rest { seq, at: self.store.now(), why: None },
                // Nothing was sent, and there is more to come: that says how far it has got.
                Verdict::Taken if told.attempts.is_empty() => {
                    told_seq = seq;
                    continue;
                }
                Verdict::Taken => {
                    let until = later_by(self.store.now(), self.settings.lease());
                    Next::Told { seq, until }
                }
                Verdict::Gone => {
                    let why = why(&told.attempts);
                    Next::End { how: Ended::Disabled, seq: told_seq, why: Some(why) }
                }
                Verdict::Failed { after: asked } => {
                    let later = match (is_last, event.is_end()) {
                        (false, _) => Later::Is,
                        (true, false) => Later::WillBe,
                        (true, true) => Later::Never,
                    };
                    let attempts = attempts + 1;
                    match after(&self.settings.waits, attempts, later, asked) {
                        After::Wait(wait) => {
                            let at = later_by(self.store.now(), wait);
                            Next::Retry { seq: told_seq, attempts, at, why: why(&told.attempts) }
                        }
                        After::PassBy(wait) => {
                            let at = later_by(self.store.now(), wait);
                            Next::Rest { seq, at, why: Some(why(&told.attempts)) }
                        }
                        After::GiveUp => given_up(taken, told_seq, &told.attempts),
                    }
                }
            };
            let mut tries = told.attempts;
            if let (Next::Rest { .. }, Verdict::Failed { .. }, Some(last)) =
                (&next, &told.verdict, tries.last_mut())
            {
                last.outcome = DeliveryOutcome::PassedBy;
            }
            let goes_on = matches!(next, Next::Told { .. });
            let is_ours = self.record(taken, &tries, &next).await?;
            if told.verdict == Verdict::Taken && !tries.is_empty() {
                self.measure_lag(event);
            }
            if !goes_on || !is_ours {
                return Ok(());
            }
            (attempts, told_seq) = (0, seq);
        }
        if events.is_empty() {
            return followers::give_back(&self.store, taken).await;
        }
        Ok(())
    }

    /// Once for each time that somebody asked, however it goes. Whether the follower is still this
    /// server's to tell.
    async fn tell_again(&self, taken: &Taken, follower: &Follower) -> Result<bool, StoreError> {
        for seq in followers::resends(&self.store, taken.id).await? {
            let events = followers::states_after(&self.store, taken.build, seq - 1).await?;
            let event = events.into_iter().find(|event| event.seq == seq);
            let build = builds::find(&self.store, taken.build).await?;
            let tries = match event.zip(build) {
                Some((event, build)) => {
                    self.tell_of(taken, follower, &build, &event, 1, true).await.attempts
                }
                None => Vec::new(),
            };
            self.count(&tries);
            followers::resent(&self.store, taken, seq, &tries).await?;
            if !self.keep(taken).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sends all messages of one event, up to the first that is not taken.
    async fn tell_of(
        &self,
        taken: &Taken,
        follower: &Follower,
        build: &Build,
        event: &Event,
        attempt: u32,
        resend: bool,
    ) -> Told {
        let mut told = Told { attempts: Vec::new(), verdict: Verdict::Taken };
        for (part, message) in messages(&follower.form, event, build, &self.show).iter().enumerate()
        {
            if part > 0 && !self.keep(taken).await.unwrap_or(false) {
                told.verdict = Verdict::Failed { after: None };
                break;
            }
            let id = message_id(taken.id, event.seq, part);
            let this = Try { message, id, seq: event.seq, attempt, resend };
            let (attempted, verdict) = match &follower.address {
                FollowerAddress::Http { .. } => {
                    webhook::attempt(&self.store, &self.fetcher, &self.settings, follower, this)
                        .await
                }
                FollowerAddress::Kafka(target) => self.attempt_record(taken, target, this).await,
            };
            told.attempts.push(attempted);
            told.verdict = verdict;
            if told.verdict != Verdict::Taken {
                break;
            }
        }
        told
    }

    async fn attempt_record(
        &self,
        taken: &Taken,
        target: &KafkaTarget,
        this: Try<'_>,
    ) -> (Attempted, Verdict) {
        let (at, began) = (self.store.now(), tokio::time::Instant::now());
        let body = this.message.body.clone();
        let sending = self.send_to_topic(target, taken.build, this.seq, &body);
        // Longer than the lease, if a broker takes its time.
        let sent = match self.holding(taken, sending).await {
            Ok(sent) => sent,
            Err(_) => Err(("it was left in the middle".to_owned(), false)),
        };
        let (outcome, error, verdict) = match sent {
            Ok(()) => (DeliveryOutcome::Delivered, None, Verdict::Taken),
            Err((why, true)) => (DeliveryOutcome::Refused, Some(why), FAILED),
            Err((why, false)) => (DeliveryOutcome::Failed, Some(why), FAILED),
        };
        let attempted = Attempted {
            seq: this.seq,
            webhook_id: this.id,
            attempt: this.attempt,
            resend: this.resend,
            at,
            took: began.elapsed(),
            outcome,
            error,
            sent: Sent { headers: Vec::new(), body },
            answer: None,
        };
        (attempted, verdict)
    }

    /// Holds a follower for one more try.
    pub(super) async fn keep(&self, taken: &Taken) -> Result<bool, StoreError> {
        followers::renew(&self.store, taken, self.settings.lease(), self.store.now()).await
    }

    pub(super) async fn record(
        &self,
        taken: &Taken,
        tries: &[Attempted],
        next: &Next,
    ) -> Result<bool, StoreError> {
        self.count(tries);
        followers::record(&self.store, taken, tries, next, self.store.now()).await
    }

    fn count(&self, tries: &[Attempted]) {
        for tried in tries {
            metrics::counter!("slipway_deliveries_total", "outcome" => tried.outcome.as_str())
                .increment(1);
        }
    }

    fn measure_lag(&self, event: &Event) {
        let lag = (self.store.now() - event.at).to_std().unwrap_or_default();
        metrics::histogram!("slipway_delivery_lag_seconds").record(lag.as_secs_f64());
    }
}

fn why(tries: &[Attempted]) -> String {
    tries.last().and_then(|tried| tried.error.clone()).unwrap_or_default()
}

fn given_up(taken: &Taken, told_seq: i64, tries: &[Attempted]) -> Next {
    tracing::warn!(build.id = %taken.build, follower.id = %taken.id, "a follower is given up");
    Next::End { how: Ended::GivenUp, seq: told_seq, why: Some(why(tries)) }
}

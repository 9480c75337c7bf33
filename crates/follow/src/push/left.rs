//! A try that nobody wrote down: whoever made it was killed over it, or lost the database.
//!
//! A receiver that was told twice finds both tries in the list, under one `webhook-id`.

use std::time::Duration;

use slipway_domain::{Follower, FollowerKind};
use slipway_store::StoreError;
use slipway_store::builds;
use slipway_store::followers::{self, Attempted, DeliveryOutcome, Next, Sent, Taken};

use super::courier::Push;
use super::forms::messages;
use super::schedule::later_by;
use super::webhook::message_id;

const WHY: &str =
    "whoever told it was gone before it could write down an answer; it may have arrived";

impl Push {
    /// Writes down what whoever had a follower before was about, if that one never let go of
    /// it. Says whether the follower is still in hand.
    pub(super) async fn note_left(&self, taken: &mut Taken) -> Result<bool, StoreError> {
        // With something to be told again nobody knows which of them it was.
        if !taken.was_left || !taken.is_waiting || taken.has_resends {
            return Ok(true);
        }
        let Some(follower) = &taken.follower else { return Ok(true) };
        let Some((seq, body)) = self.was_to_be_told(taken, follower).await? else {
            return Ok(true);
        };
        let attempts = taken.attempts + 1;
        let tried = Attempted {
            seq,
            webhook_id: message_id(taken.id, seq, 0),
            attempt: attempts,
            resend: false,
            // When it was found: nobody knows when it began.
            at: self.store.now(),
            took: Duration::ZERO,
            outcome: DeliveryOutcome::Failed,
            error: Some(WHY.to_owned()),
            sent: Sent { headers: Vec::new(), body },
            answer: None,
        };
        taken.attempts = attempts;
        let next =
            Next::Left { attempts, until: later_by(self.store.now(), self.settings.lease()) };
        self.record(taken, &[tried], &next).await
    }

    /// The number that goes into the id of the message, and its body; `None` where there is
    /// nothing to tell.
    async fn was_to_be_told(
        &self,
        taken: &Taken,
        follower: &Follower,
    ) -> Result<Option<(i64, String)>, StoreError> {
        if taken.lane.kind == FollowerKind::Logs {
            return Ok(Some((taken.told_seq, String::new())));
        }
        let Some(build) = builds::find(&self.store, taken.build).await? else { return Ok(None) };
        let events = followers::states_after(&self.store, taken.build, taken.told_seq).await?;
        let told = events.iter().find_map(|event| {
            let mut messages = messages(&follower.form, event, &build, &self.show).into_iter();
            messages.next().map(|message| (event.seq, message.body))
        });
        Ok(told)
    }
}

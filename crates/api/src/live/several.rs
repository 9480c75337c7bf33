//! Several builds as one stream.
//!
//! A place in it is the place in each of them, so that it is as exact as theirs: there is no
//! order between builds that could lose one whose rows were committed late.

use futures::future::select_all;
use slipway_domain::{BuildId, EventBody};
use slipway_follow::{Follower, Next};
use slipway_store::StoreError;

use super::together::Said;

/// One client's place in several builds.
#[derive(Debug)]
pub(crate) struct Several {
    places: Vec<Place>,
    /// Whose turn it is to be looked at first: one that prints a lot delays no other.
    turn: usize,
    logs: bool,
}

#[derive(Debug)]
struct Place {
    build: BuildId,
    follower: Follower,
    over: bool,
}

impl Several {
    /// Follows these builds; without their output if `logs` does not ask for it.
    pub(crate) fn new(followers: Vec<(BuildId, Follower)>, logs: bool) -> Self {
        let place = |(build, follower)| Place { build, follower, over: false };
        Self { places: followers.into_iter().map(place).collect(), turn: 0, logs }
    }

    /// The numbers of the last events that the client has, in the order of the builds.
    pub(crate) fn place(&self) -> String {
        let places = self.places.iter().map(|place| place.follower.after().to_string());
        places.collect::<Vec<_>>().join(".")
    }

    /// What is next, as soon as there is anything. May be cancelled and called again.
    ///
    /// # Errors
    /// When the database does not answer; call again to go on.
    pub(crate) async fn next(&mut self) -> Result<Said, StoreError> {
        loop {
            self.turn = (self.turn + 1) % self.places.len().max(1);
            let (before, after) = self.places.split_at_mut(self.turn);
            let open = after.iter_mut().chain(before).filter(|place| !place.over);
            let looks: Vec<_> = open
                .map(|place| {
                    Box::pin(async move {
                        let next = place.follower.next().await;
                        (place, next)
                    })
                })
                .collect();
            if looks.is_empty() {
                return Ok(Said::End);
            }
            let ((place, next), _, others) = select_all(looks).await;
            drop(others);
            match next? {
                Next::Events(part) => {
                    for event in part.events() {
                        place.follower.took(event.seq);
                        if self.logs || !matches!(event.body, EventBody::Log { .. }) {
                            return Ok(Said::Event(place.build, event.clone()));
                        }
                    }
                }
                Next::Waiting(waiting) => return Ok(Said::Waiting(place.build, waiting)),
                Next::End => place.over = true,
            }
        }
    }
}

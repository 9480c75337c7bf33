//! The names of a build's image on its host: one of its own from the beginning, and the real ones
//! while it is its turn with them.

use std::pin::pin;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Either, ready, select};
use slipway_domain::ImageRef;
use slipway_store::turns;

use tokio::time::timeout;

use super::wind_up::in_time;
use super::{Broken, Run};
use crate::purge::local_name;
use crate::turns::Turn;

/// Nobody has to be told of a wait that is shorter.
const AT_ONCE: Duration = Duration::from_secs(1);

impl Run<'_> {
    /// Builds, and gives back the wait for the turn with the image's real names. It begins when the
    /// builder has written the image, beside its answer, and not before: others of that name would
    /// wait for as long as that takes.
    pub(super) async fn build_and_ask_for_turn(&self) -> Result<BoxFuture<'_, Turn>, Broken> {
        let asking = async {
            self.exported.cancelled().await;
            self.turn().await
        };
        let turn = match select(pin!(self.build()), asking.boxed()).await {
            Either::Left((built, asking)) => built.map(|()| asking)?,
            Either::Right((turn, building)) => building.await.map(|()| ready(turn).boxed())?,
        };
        // Not every builder says so.
        self.exported.cancel();
        Ok(turn)
    }

    /// Leaves the image on the host under its real name, for builds that are not pushed.
    pub(super) async fn keep(&self, turn: impl Future<Output = Turn>) -> Result<Turn, Broken> {
        let turn = turn.await;
        self.give_real_names().await?;
        self.engine.untag(&self.local_name()).await?;
        let host = self.lease.host();
        for image in self.spec.images() {
            self.log.say(&format!("not pushed: {image} stays on host {host}")).await?;
        }
        Ok(turn)
    }

    /// Removes the image after the push, the real name first. A host that fails now cannot undo a
    /// success: the sweep finds what it left.
    pub(super) async fn purge_pushed(&self) -> bool {
        let purge = async {
            for image in self.spec.images() {
                self.engine.untag(&image.to_string()).await?;
            }
            self.engine.untag(&self.local_name()).await
        };
        in_time("the image could not be purged", purge).await.is_some()
    }

    /// Waits until this build alone may use the image's real names.
    pub(super) async fn turn(&self) -> Turn {
        self.turn_with(self.spec.images()).await
    }

    /// The same with these names.
    pub(super) async fn turn_with(&self, images: impl IntoIterator<Item = &ImageRef>) -> Turn {
        let images: Vec<&ImageRef> = images.into_iter().collect();
        let named: Vec<String> = images.iter().map(ToString::to_string).collect();
        let Self { worker, lease, log, .. } = self;
        let mut turn = pin!(worker.turns.wait_across(&worker.store, lease, images));
        if let Ok(turn) = timeout(AT_ONCE, &mut turn).await {
            return turn;
        }
        let line = format!("waiting for another build, which uses {} now", named.join(", "));
        // Where nobody can write it any more, the build is broken off elsewhere.
        let _ = log.say(&line).await;
        turn.await
    }

    pub(super) async fn give_real_names(&self) -> Result<(), Broken> {
        let local = self.local_name();
        for image in self.spec.images() {
            self.engine.tag(&local, image).await?;
        }
        Ok(())
    }

    /// Gives a turn back that the build wants no more long before its end.
    pub(super) async fn give_back(&self, turn: Turn) {
        if let Err(error) = turns::give_back(&self.worker.store, &self.lease).await {
            tracing::warn!(%error, "the turn to push lasts until the build ends");
        }
        drop(turn);
    }

    pub(super) fn local_name(&self) -> String {
        local_name(self.lease.build(), self.lease.attempt())
    }
}

//! The names of a build's image on its host: one of its own from the beginning, and the real ones
//! while it is its turn with them.

use std::pin::pin;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Either, ready, select};
use slipway_store::turns;

use super::wind_up::PURGE_LIMIT;
use super::{Broken, Run};
use crate::purge::local_name;
use crate::turns::Turn;

impl Run<'_> {
    /// Builds, and gives back the wait for the turn with the image's real names. It begins while the
    /// builder writes the image, so that the push begins without a walk to the database.
    pub(super) async fn build_and_ask_for_turn(&self) -> Result<BoxFuture<'_, Turn>, Broken> {
        let asking = async {
            self.exporting.cancelled().await;
            self.turn().await
        };
        let turn = match select(pin!(self.build()), asking.boxed()).await {
            Either::Left((built, asking)) => built.map(|()| asking)?,
            Either::Right((turn, building)) => building.await.map(|()| ready(turn).boxed())?,
        };
        // Not every builder says so.
        self.exporting.cancel();
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
        match tokio::time::timeout(PURGE_LIMIT, purge).await {
            Ok(Ok(())) => true,
            Ok(Err(failure)) => {
                tracing::warn!(%failure, "the image could not be purged; the sweep will");
                false
            }
            Err(_) => {
                tracing::warn!("the purge took too long; the sweep will see to it");
                false
            }
        }
    }

    /// Waits until this build alone may use the image's real names.
    pub(super) async fn turn(&self) -> Turn {
        let Self { worker, lease, spec, .. } = self;
        worker.turns.wait_across(&worker.store, lease, spec.images()).await
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

//! The push: a stage of its own, tried again by itself, so that a registry's bad moment
//! does not cost the whole build.

use std::time::Duration;

use slipway_domain::{ImageRef, Next, Stage};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::prepare::{forward, timed_out};
use super::{Broken, Run};
use crate::turns::Turn;

const REPORTS: usize = 16;
/// Waits between the tries of a push. A registry that restarts is back within these.
const RETRIES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(9),
    Duration::from_secs(27),
];

/// An image that the registry has, and the host still has under its real names.
pub(super) struct Pushed {
    /// The registry's digest of it.
    pub(super) digest: String,
    /// Held as long as the real names stand for this image.
    pub(super) turn: Turn,
}

impl Run<'_> {
    /// Moves the row to Pushing and pushes the image, when it is its turn.
    pub(super) async fn push(&self, turn: impl Future<Output = Turn>) -> Result<Pushed, Broken> {
        let pushing = async {
            let turn = turn.await;
            // From its turn on: what others take for theirs is not the registry's fault.
            let limit = self.worker.settings.push_timeout;
            let pushed = timeout(limit, self.push_all()).await;
            let digest = pushed.map_err(|_| timed_out(Stage::Pushing, limit))??;
            Ok(Pushed { digest, turn })
        };
        // The turn is had by none but the build's holder, and so the push does not wait for the
        // row. However it goes, it ends in the stage that the row is in.
        let entering = self.enter(Stage::Pushing, None);
        let ((), pushed) = tokio::try_join!(entering, async { Ok(pushing.await) })?;
        pushed
    }

    async fn push_all(&self) -> Result<String, Broken> {
        self.give_real_names().await?;
        let digest = self.until_through(|| self.push_once(&self.spec.image)).await?;
        // The registry has all of it now: these are names, and have the same digest.
        for image in &self.spec.also {
            self.until_through(|| self.push_once(image)).await?;
        }
        Ok(digest)
    }

    /// Tries again, as long as another try may go better.
    pub(super) async fn until_through<T, F>(&self, push: impl Fn() -> F) -> Result<T, Broken>
    where
        F: Future<Output = Result<T, Broken>>,
    {
        let mut retries = RETRIES.iter();
        loop {
            let failure = match push().await {
                Err(Broken::Failed(failure)) => failure.at(Stage::Pushing),
                other => return other,
            };
            let Some(wait) = retries.next().filter(|_| failure.next() == Next::RetryPush) else {
                return Err(Broken::Failed(failure));
            };
            metrics::counter!("slipway_push_retries_total").increment(1);
            let seconds = wait.as_secs();
            self.log.say(&format!("push failed: {failure}; trying again in {seconds} s")).await?;
            tokio::time::sleep(*wait).await;
        }
    }

    async fn push_once(&self, image: &ImageRef) -> Result<String, Broken> {
        let login = self.secrets.registry_auth.get(image.registry());
        let (progress, reports) = mpsc::channel(REPORTS);
        let push = self.engine.push(image, login, progress);
        let pushing = async { Ok(push.await) };
        let (pushed, ()) = tokio::try_join!(pushing, forward(reports, &self.log))?;
        Ok(pushed?.digest)
    }
}

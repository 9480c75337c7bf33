//! An image in place of a build context: it is pulled, and goes on as if it had been built.

use slipway_domain::{ImageRef, Stage};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::prepare::{forward, timed_out};
use super::{Broken, Run};

const REPORTS: usize = 64;

impl Run<'_> {
    /// Preparing lasts until the host has the image.
    pub(super) async fn pull(&self, image: &ImageRef) -> Result<(), Broken> {
        let limit = self.worker.settings.fetch_timeout;
        timeout(limit, self.pull_and_name(image))
            .await
            .map_err(|_| timed_out(Stage::Preparing, limit))??;
        self.enter(Stage::Building, None).await
    }

    async fn pull_and_name(&self, image: &ImageRef) -> Result<(), Broken> {
        // Nobody pushes from this name, or pulls to it, until our own name stands.
        let engine = self.engine;
        let turn = self.turn_with([image]).await;
        let name = image.to_string();
        let was_there = engine.image_id(&name).await?.is_some();
        // Where it comes from and where it goes may be one registry and two logins.
        let source = self.secrets.source.login.as_ref();
        let login = source.or_else(|| self.secrets.registry_auth.get(image.registry()));
        let (progress, reports) = mpsc::channel(REPORTS);
        let pull = engine.pull(image, self.spec.platform.as_ref(), login, progress);
        let pulling = async { Ok(pull.await) };
        let (pulled, ()) = tokio::try_join!(pulling, forward(reports, &self.log))?;
        pulled?;
        engine.tag_local(image, &self.local_name()).await?;
        // A host may be shared with people: what they had keeps its name.
        if !was_there {
            engine.untag(&name).await?;
        }
        self.give_back(turn).await;
        Ok(())
    }
}

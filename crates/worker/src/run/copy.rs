//! An image with all its platforms: the worker copies it from registry to registry. The host
//! that the build was claimed for lends its slot, and nothing else.

use std::time::Duration;

use slipway_domain::{ImageRef, Stage};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, timeout};

use super::prepare::timed_out;
use super::push::Pushed;
use super::{Broken, Run};
use crate::log::size;
use crate::registry::{Copied, Copy, Role, Tree};

/// How often the log tells how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(2);

impl Run<'_> {
    /// Preparing lasts until all is known that there is to copy, and there is nothing to build.
    pub(super) async fn copy(&self, from: &ImageRef) -> Result<Pushed, Broken> {
        let limit = self.worker.settings.fetch_timeout;
        let tree = timeout(limit, self.look_at(from))
            .await
            .map_err(|_| timed_out(Stage::Preparing, limit))??;
        self.enter(Stage::Building, None).await?;
        let limit = self.worker.settings.push_timeout;
        let turn = async { Ok(self.turn().await) };
        let ((), turn) = tokio::try_join!(self.enter(Stage::Pushing, None), turn)?;
        let digest = timeout(limit, self.copy_until_through(from, &tree))
            .await
            .map_err(|_| timed_out(Stage::Pushing, limit))??;
        Ok(Pushed { digest, turn })
    }

    async fn look_at(&self, from: &ImageRef) -> Result<Tree, Broken> {
        let Self { worker, secrets, .. } = self;
        let login = secrets.registry_auth.get(from.registry());
        let limit = worker.settings.fetch_timeout;
        let registries = &worker.reach.registries;
        let source = registries.open(from, Role::Source, login, None, limit).await?;
        let tree = Tree::of(&source).await?;
        let (manifests, blobs) = tree.counts();
        let (shown, bytes) = (tree.shown(), size(tree.bytes()));
        let line =
            format!("copying {from}: {shown}; {manifests} manifests, {blobs} blobs, {bytes}");
        self.log.say(&line).await?;
        Ok(tree)
    }

    async fn copy_until_through(&self, from: &ImageRef, tree: &Tree) -> Result<String, Broken> {
        let (say, mut said) = mpsc::unbounded_channel();
        let copy = Copy::new(tree, from, say);
        let telling = async {
            let mut tell = interval_at(Instant::now() + TOLD_EVERY, TOLD_EVERY);
            loop {
                let line = tokio::select! {
                    biased;
                    Some(line) = said.recv() => line,
                    _ = tell.tick() => copy.how_far(),
                };
                self.log.say(&line).await?;
            }
        };
        let copied = tokio::select! {
            biased;
            copied = self.until_through(|| self.copy_once(from, &copy)) => copied?,
            told = telling => return told,
        };
        while let Ok(line) = said.try_recv() {
            self.log.say(&line).await?;
        }
        self.log
            .say(&format!("{}; {} is {}", copy.how_far(), self.spec.image, copied.digest))
            .await?;
        Ok(copied.digest)
    }

    async fn copy_once(&self, from: &ImageRef, copy: &Copy<'_>) -> Result<Copied, Broken> {
        let Self { worker, secrets, spec, .. } = self;
        let registries = &worker.reach.registries;
        let limit = worker.settings.push_timeout;
        let login = |image: &ImageRef| secrets.registry_auth.get(image.registry());
        let mounting = (from.registry() == spec.image.registry()).then_some(from);
        let source = registries.open(from, Role::Source, login(from), None, limit);
        let target =
            registries.open(&spec.image, Role::Target, login(&spec.image), mounting, limit);
        let (source, target) = tokio::try_join!(source, target)?;
        Ok(copy.run(&source, &target).await?)
    }
}

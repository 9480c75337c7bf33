//! Pushes of one image take turns.
//!
//! A push needs the image under its real name on the host. Two builds of one image that
//! are pushed at once would each push whatever the name points at just then. Within this
//! process a lock orders them; across workers a row does, see [`slipway_store::turns`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use slipway_domain::ImageRef;
use slipway_store::{Lease, Store, turns};
use tokio::sync::OwnedMutexGuard;

/// How long a build waits until it asks again for a turn that another worker's build has.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Who pushes which image now, within this process.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    images: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

/// The turn of one build with the names of one image.
pub(crate) struct Turn {
    _held: Vec<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until nobody else uses the name of `image`.
    pub(crate) async fn wait(&self, image: &ImageRef) -> Turn {
        Turn { _held: vec![self.wait_for(&image.to_string()).await] }
    }

    /// The turn with the name of `image`, if nobody else has it.
    pub(crate) fn if_free(&self, image: &ImageRef) -> Option<Turn> {
        let held = self.turn_of(&image.to_string()).try_lock_owned().ok()?;
        Some(Turn { _held: vec![held] })
    }

    /// Waits until no worker uses any of the names `images`.
    pub(crate) async fn wait_across(
        &self,
        store: &Store,
        lease: &Lease,
        images: impl IntoIterator<Item = &ImageRef>,
    ) -> Turn {
        // In one order for all, because who waits for one name may hold another.
        let mut images: Vec<(String, &ImageRef)> =
            images.into_iter().map(|image| (image.to_string(), image)).collect();
        images.sort_by(|(a, _), (b, _)| a.cmp(b));
        images.dedup_by(|(a, _), (b, _)| a == b);
        let mut held = Vec::with_capacity(images.len());
        for (name, image) in images {
            held.push(self.wait_for(&name).await);
            wait_for_row(store, lease, image).await;
        }
        Turn { _held: held }
    }

    async fn wait_for(&self, name: &str) -> OwnedMutexGuard<()> {
        self.turn_of(name).lock_owned().await
    }

    fn turn_of(&self, image: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        images.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = images.get(image).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::default();
        images.insert(image.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

async fn wait_for_row(store: &Store, lease: &Lease, image: &ImageRef) {
    loop {
        match turns::take(store, lease, image).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the push waits for the database"),
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

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

/// The turn of one build with one image's name.
pub(crate) struct Turn {
    _held: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits until nobody else uses the name of `image`.
    pub(crate) async fn wait(&self, image: &ImageRef) -> Turn {
        let turn = self.turn_of(&image.to_string());
        Turn { _held: turn.lock_owned().await }
    }

    /// Waits until no worker uses the name of `image`.
    pub(crate) async fn wait_across(&self, store: &Store, lease: &Lease, image: &ImageRef) -> Turn {
        let turn = self.wait(image).await;
        loop {
            match turns::take(store, lease, image).await {
                Ok(true) => return turn,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the push waits for the database"),
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
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

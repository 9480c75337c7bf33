//! Pushes of one image take turns.
//!
//! A push needs the image under its real name on the host. Two builds of one image that
//! are pushed at once would each push whatever the name points at just then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use slipway_domain::ImageRef;
use tokio::sync::OwnedMutexGuard;

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

//! The log of a build as far as it goes by now: for older services' clients, who ask again rather
//! than follow.

use slipway_domain::Event;
use slipway_follow::{Follower, Hub, Part};
use slipway_store::StoreError;
use slipway_store::builds::Build;

/// What is still to come of one log. It may be longer than memory, so it is read a batch at a time.
pub(crate) struct Past(Follower);

impl Past {
    /// From its beginning to where `build` was when it was found.
    pub(crate) fn of(hub: &Hub, build: &Build) -> Self {
        Self(hub.read(build, 0))
    }

    /// The next events.
    ///
    /// # Errors
    /// When the database does not answer, or the rest is gone.
    pub(crate) async fn next(&mut self) -> Result<Option<Part>, StoreError> {
        self.0.take_next().await
    }

    /// The next text that `render` makes of them, never an empty one: an empty chunk would end the
    /// answer.
    ///
    /// # Errors
    /// As of [`Past::next`].
    pub(crate) async fn next_text(
        &mut self,
        mut render: impl FnMut(&[Event]) -> String,
    ) -> Result<Option<String>, StoreError> {
        while let Some(part) = self.next().await? {
            let text = render(part.events());
            if !text.is_empty() {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }
}

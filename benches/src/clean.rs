//! Nothing of a run stays on the engine, however the run went. What the registry has got
//! stays there, and so does the build cache: neither can be told apart by its owner.

use crate::bare::Bare;
use crate::work::Works;

/// Removes what may be left of images, and the base image where this run brought it.
pub(crate) async fn images(bare: &Bare, works: &Works, base: Option<&str>) {
    for image in works.images().chain(base.map(ToOwned::to_owned)) {
        if let Err(error) = bare.remove(&image).await {
            eprintln!("{image} may be left on the engine: {}", error.with_causes());
        }
    }
}

//! `slipwayd mark-blobs`: takes the blob store of the settings for this installation's own, in
//! place of the one that was used before. It may run beside the daemons, and twice.

use slipway_store::blobs::Blobs;
use slipway_store::mark::{self, Taken};

use super::Failure;
use crate::parts::database;
use crate::settings::Settings;
use crate::stdout;

/// Marks it, and says in one line what it did.
///
/// # Errors
/// When the database does not answer or has another schema, the blob store does not answer or
/// refuses, or the line cannot be written.
pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    let store = database::of_the_daemons(&settings, "mark-blobs").await?;
    let blobs = Blobs::open(&settings.blobs.url_in(&settings.data_dir), &settings.blobs.access())?;
    let taken = mark::take(&store, &blobs).await?;
    store.close().await;
    Ok(stdout::say(in_words(taken))?)
}

const fn in_words(taken: Taken) -> &'static str {
    match taken {
        Taken::Already => "nothing to do: the blob store is this installation's",
        Taken::AsItIs => "the blob store is this installation's from now on; it keeps its mark",
        Taken::Marked => "the blob store is this installation's from now on; it has a new mark",
    }
}

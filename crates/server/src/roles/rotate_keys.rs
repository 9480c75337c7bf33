//! `slipwayd rotate-keys`: seals once more, with the current key, what is sealed with an old
//! one. It may run beside the daemons, twice, and again after it was cut off.

use slipway_store::seal::{Rotated, rotate};

use super::Failure;
use crate::parts::database;
use crate::settings::Settings;
use crate::stdout;

/// Rotates, and says in one line what it did.
///
/// # Errors
/// When a key cannot be read, the database does not answer or has another schema, or something
/// is left that is sealed with another key, or the line cannot be written.
pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    let store = database::of_the_daemons(&settings, "rotate-keys").await?;
    let rotated = rotate(&store).await?;
    store.close().await;
    let said = stdout::say(&in_words(&rotated));
    let Rotated { left, .. } = rotated;
    if left.is_empty() {
        return Ok(said?);
    }
    let left: Vec<String> =
        left.iter().map(|(key, builds)| format!("{builds} with {key}")).collect();
    Err(format!(
        "the secrets of some builds are sealed with a key that is not the current one: {}; give \
         that key under old_keys or old_key_files in [secrets], see that every process seals with \
         the current one, and run this again",
        left.join(", ")
    )
    .into())
}

fn in_words(rotated: &Rotated) -> String {
    match rotated.resealed {
        0 => "nothing to do: no secrets are sealed with an old key".into(),
        1 => "the secrets of 1 build were sealed with the current key".into(),
        count => format!("the secrets of {count} builds were sealed with the current key"),
    }
}

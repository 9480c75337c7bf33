//! `slipwayd rotate-keys`: seals once more, with the current key, what is sealed with an old
//! one. It may run beside the daemons, twice, and again after it was cut off.

use slipway_store::seal::{Rotated, rotate};
use slipway_store::{MigrationState, Store};

use super::Failure;
use crate::settings::Settings;
use crate::stdout;

/// Rotates, and says in one line what it did.
///
/// # Errors
/// When a key cannot be read, the database does not answer or has another schema, or something
/// is left that is sealed with another key, or the line cannot be written.
pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    let store = open(&settings, "rotate-keys").await?;
    if let MigrationState::Pending { count } = store.migration_state().await? {
        return Err(format!(
            "{count} migrations are pending on database.url; start this release on it first"
        )
        .into());
    }
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

/// The database that the daemons use, which has to be there. `role` is who asks.
///
/// # Errors
/// When a setting is missing, or the database does not answer.
pub(super) async fn open(settings: &Settings, role: &str) -> Result<Store, Failure> {
    let url = settings.database.url_in(&settings.data_dir);
    if settings.database.is_shared() {
        return Ok(Store::open(&url, settings.shared_keys(role)?).await?);
    }
    // A database that is not there would be made.
    let path = url.trim_start_matches("sqlite://").split('?').next().unwrap_or_default();
    if !std::path::Path::new(path).exists() {
        return Err(format!("there is no database at {path}; name its --data-dir").into());
    }
    Ok(Store::open(&url, settings.own_keys_of_before()?).await?)
}

fn in_words(rotated: &Rotated) -> String {
    match rotated.resealed {
        0 => "nothing to do: no secrets are sealed with an old key".into(),
        1 => "the secrets of 1 build were sealed with the current key".into(),
        count => format!("the secrets of {count} builds were sealed with the current key"),
    }
}

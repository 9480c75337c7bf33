//! `slipwayd migrate`: brings the schema up to this release. To be run before the other
//! roles of a new release start; those of the old one go on working meanwhile.

use std::time::Duration;

use slipway_store::seal::KeyRing;
use slipway_store::{Migrated, Store};

use super::Failure;
use crate::parts::database;
use crate::settings::Settings;
use crate::stdout;

/// How long the database may take to come up. Somebody waits for the end of this command.
const PATIENCE: Duration = Duration::from_secs(60);

/// Applies what is pending, and says in one line what it did.
///
/// # Errors
/// When the database does not answer within a minute, a migration cannot be applied, or the line
/// cannot be written.
pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    settings.check_shared_database("migrate")?;
    let url = settings.database.url_in(&settings.data_dir);
    let store = Store::open_later(&url, KeyRing::empty())?;
    let answered = tokio::time::timeout(PATIENCE, database::until_it_answers(&store)).await;
    answered.map_err(|_| {
        let seconds = PATIENCE.as_secs();
        format!("the database at database.url did not answer for {seconds} s")
    })??;
    Ok(stdout::say(&in_words(store.migrate().await?))?)
}

fn in_words(migrated: Migrated) -> String {
    match migrated {
        Migrated::Applied { count: 1 } => "1 migration applied".into(),
        Migrated::Applied { count } => format!("{count} migrations applied"),
        Migrated::Nothing => "nothing to do: the schema is up to date".into(),
        Migrated::Newer => format!(
            "nothing to do: the schema is of a later release than this one ({})",
            env!("CARGO_PKG_VERSION")
        ),
    }
}

//! A database that may come up after this process, and must have our schema.

use std::time::Duration;

use slipway_store::{MigrationState, Store, StoreError};
use tokio::time::Instant;

use crate::roles::Failure;
use crate::settings::Settings;

/// How often the database's clock is read.
const KEEP_TIME: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often the log says that we still wait.
const REMINDER: Duration = Duration::from_secs(15);

/// Waits for the database to answer, and refuses a schema that lacks migrations. A schema
/// of a later release is fine: migrations only add.
///
/// # Errors
/// When migrations are pending, or the database refuses us for good.
pub(crate) async fn until_current(store: &Store) -> Result<(), Failure> {
    let state = until_it_answers(store).await?;
    store.read_clock().await?;
    if !matches!(state, MigrationState::Pending { .. }) {
        store.settle_places().await?;
    }
    match state {
        MigrationState::Current => Ok(()),
        MigrationState::Newer => {
            tracing::info!("the database's schema is of a later release; going on with it");
            Ok(())
        }
        MigrationState::Pending { count } => Err(format!(
            "migrations are pending on database.url ({count}); apply them with `slipwayd migrate`, \
             then start this again"
        )
        .into()),
    }
}

/// The database that the daemons use, with our schema: nothing is made, and nothing migrated. `role`
/// is who asks.
///
/// # Errors
/// When a setting is missing, there is no database, it does not answer, or migrations are pending.
pub(crate) async fn of_the_daemons(settings: &Settings, role: &str) -> Result<Store, Failure> {
    let url = settings.database.url_in(&settings.data_dir);
    let keys = match Store::file_of(&url)? {
        None => settings.shared_keys(role)?,
        // One that is not there would be made.
        Some(file) if !file.exists() => {
            let file = file.display();
            return Err(format!("there is no database at {file}; name its --data-dir").into());
        }
        Some(_) => settings.own_keys_of_before()?,
    };
    let store = Store::open(&url, keys).await?;
    match store.migration_state().await? {
        MigrationState::Pending { count } => Err(format!(
            "{count} migrations are pending on database.url; start this release on it first"
        )
        .into()),
        MigrationState::Current | MigrationState::Newer => Ok(store),
    }
}

/// Reads the database's clock for ever: this process's own stands still while its machine
/// sleeps.
pub(crate) async fn keep_time(store: Store) {
    loop {
        tokio::time::sleep(KEEP_TIME).await;
        if let Err(error) = store.read_clock().await {
            tracing::debug!(%error, "the database's clock cannot be read");
        }
    }
}

/// Waits for the database to answer.
///
/// # Errors
/// When it refuses us for good: no such database, a wrong password.
pub(crate) async fn until_it_answers(store: &Store) -> Result<MigrationState, Failure> {
    let mut remind_at = Instant::now();
    loop {
        let answer = store.migration_state().await;
        if let Some(refusal) = answer.as_ref().err().and_then(StoreError::refused_login) {
            return Err(format!("the server that database.url names says: {refusal}").into());
        }
        match answer {
            Err(error) if error.is_passing() => {
                if Instant::now() >= remind_at {
                    let error = store.with_reason(error).await;
                    let cause = &error as &dyn std::error::Error;
                    tracing::warn!(error = cause, "waiting for the database to answer");
                    remind_at = Instant::now() + REMINDER;
                }
            }
            answer => return Ok(answer?),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

//! Whose blob store it is.
//!
//! A folder that is not mounted is an empty folder, which takes logs and uploads as readily as the
//! right one, and loses them. So the store has a mark, written once when it is first used, and the
//! database knows it. Nothing is written to a store with another mark or none, nothing is removed
//! from it, and what is not found there is not said to be gone. A store that is copied keeps its
//! mark; to go on with another one on purpose is said with [`take`].

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use thiserror::Error;
use uuid::Uuid;

use crate::blobs::{Blobs, Found};
use crate::db::{read, write};
use crate::{Store, StoreError, archive};

/// Why a blob store is not the one that the database knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotOurs {
    /// It has no mark, and the one that was used before has.
    #[error("it lacks the mark, or the logs, of the one that was used before")]
    Unmarked,
    /// It has a mark that the database does not know.
    #[error("it has the mark of another installation")]
    OfAnother,
}

/// What [`take`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Nothing: it was this installation's.
    Already,
    /// The mark that was in the store is this installation's from now on.
    AsItIs,
    /// The store has a new mark.
    Marked,
}

/// What the database knows.
#[derive(FromRow)]
struct Row {
    mark: Uuid,
    written_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Ours,
    /// It was never marked, or whoever did was cut off over it.
    New,
}

/// Whether this is the store that the database knows. Where it knows of none, it may be any that has
/// no mark and the logs that were moved before there were marks. Nothing is written.
///
/// # Errors
/// [`StoreError::OtherBlobs`] when it is not; when the database or the blob store does not answer.
pub async fn look(store: &Store, blobs: &Blobs) -> Result<(), StoreError> {
    standing(store, blobs).await.map(drop)
}

/// The same, and marks a store that is used for the first time. Safe to run from several
/// processes at once, and after one that was killed over it.
///
/// # Errors
/// As [`look`]; and when the store cannot be written to.
pub async fn settle(store: &Store, blobs: &Blobs) -> Result<(), StoreError> {
    if standing(store, blobs).await? == Standing::Ours {
        return Ok(());
    }
    let mark = note(store).await?;
    blobs.write_mark(mark).await?;
    // Another installation may have done the same at the same moment.
    if blobs.mark().await? != Found::Mark(mark) {
        return Err(NotOurs::OfAnother.into());
    }
    confirm(store, mark).await
}

/// Makes a store this installation's, whatever it was before: somebody has said so.
///
/// # Errors
/// When the database or the blob store does not answer, or the store cannot be written to.
pub async fn take(store: &Store, blobs: &Blobs) -> Result<Taken, StoreError> {
    const SQL: &str = "INSERT INTO blob_mark (one, mark, written_at) VALUES (1, $1, $2) \
         ON CONFLICT (one) DO UPDATE SET mark = $1, written_at = $2";
    let known = known(store).await?;
    let (mark, taken) = match blobs.mark().await? {
        Found::Mark(mark) if known.is_some_and(|row| row.mark == mark) => (mark, Taken::Already),
        Found::Mark(mark) => (mark, Taken::AsItIs),
        // A new one: what comes back with the old one is another store than this.
        Found::Nothing | Found::Other => (Uuid::now_v7(), Taken::Marked),
    };
    if taken == Taken::Marked {
        blobs.write_mark(mark).await?;
    }
    let mut tx = store.single().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(mark)
        .bind(store.now())
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await?;
    Ok(taken)
}

async fn standing(store: &Store, blobs: &Blobs) -> Result<Standing, StoreError> {
    if blobs.was_ours_just_now() {
        return Ok(Standing::Ours);
    }
    let mut found = blobs.mark().await?;
    let known = known(store).await?;
    let written = known.as_ref().is_some_and(|row| row.written_at.is_some());
    if written && found == Found::Nothing {
        // It may have been written since.
        found = blobs.mark().await?;
    }
    match found {
        Found::Nothing if written => Err(NotOurs::Unmarked.into()),
        Found::Nothing if archive::logs_are_in(store, blobs).await? => Ok(Standing::New),
        Found::Nothing => Err(NotOurs::Unmarked.into()),
        Found::Mark(mark) if known.is_some_and(|row| row.mark == mark) => {
            if !written {
                return Ok(Standing::New);
            }
            blobs.note_ours();
            Ok(Standing::Ours)
        }
        Found::Mark(_) | Found::Other => Err(NotOurs::OfAnother.into()),
    }
}

async fn known(store: &Store) -> Result<Option<Row>, StoreError> {
    const SQL: &str = "SELECT mark, written_at FROM blob_mark";
    Ok(read!(store, pool => sqlx::query_as(SQL).fetch_optional(pool).await)?)
}

/// The mark that is to be written: the same one, whoever asks.
async fn note(store: &Store) -> Result<Uuid, StoreError> {
    const SQL: &str = "INSERT INTO blob_mark (one, mark) VALUES (1, $1) ON CONFLICT DO NOTHING";
    const NOTED: &str = "SELECT mark FROM blob_mark";
    let mut tx = store.single().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(Uuid::now_v7())
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await?;
    Ok(read!(store, pool => sqlx::query_scalar(NOTED).fetch_one(pool).await)?)
}

async fn confirm(store: &Store, mark: Uuid) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE blob_mark SET written_at = $2 WHERE mark = $1";
    let mut tx = store.single().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(mark)
        .bind(store.now())
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}

//! What happens in all builds of a project, as one stream: states and steps, without output.
//!
//! Each event has a [`Place`]. It is given out before the commit, by the transaction's number, so
//! an event may become visible after others that have later places. Readers therefore stop before
//! the oldest transaction that is not over: what is before that is settled, nothing will ever come
//! in between, and a reader that remembers the last place it saw misses nothing and sees nothing
//! twice. The price is that a transaction that is left open, by whomever, holds back the stream.
//! SQLite has one writer, and places in the order of its commits.
//!
//! Places only grow: also when a build is forgotten, and when the database is moved to another
//! cluster, whose transactions are counted anew (see [`Store::settle_places`]).

use std::fmt;
use std::str::FromStr;

use slipway_domain::{BuildId, Event, Project};
use sqlx::FromRow;
use uuid::Uuid;

use crate::db::{Db, answered, read, write};
use crate::{Store, StoreError, events};

/// A place in the stream of a project: that of an event, or [`Place::START`]. As text it is what
/// followers give back, and nothing that they should look into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    place: i64,
    build: Uuid,
    seq: i64,
}

impl Place {
    /// Before all that there is.
    pub const START: Self = Self { place: 0, build: Uuid::nil(), seq: 0 };
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, build, seq } = self;
        if *self == Self::START {
            f.write_str("0")
        } else {
            std::write!(f, "{place}.{build}.{seq}")
        }
    }
}

/// A text that is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        if text == "0" {
            return Ok(Self::START);
        }
        let number = |text: &str| text.parse().ok().filter(|number| *number >= 0).ok_or(NoPlace);
        let mut words = text.split('.');
        let (Some(place), Some(build), Some(seq), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(NoPlace);
        };
        let build = Uuid::parse_str(build).map_err(|_| NoPlace)?;
        Ok(Self { place: number(place)?, build, seq: number(seq)? })
    }
}

/// An event with its build and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectEvent {
    /// Where it stands in the stream.
    pub place: Place,
    /// Whose it is.
    pub build: BuildId,
    /// What happened: never output.
    pub event: Event,
}

#[derive(FromRow)]
struct PlaceRow {
    place: i64,
    build: Uuid,
    seq: i64,
}

#[derive(FromRow)]
struct Row {
    place: i64,
    build: Uuid,
    #[sqlx(flatten)]
    event: events::Row,
}

/// The last place of a project's stream, by now. [`Place::START`] where nothing happened yet.
///
/// # Errors
/// When the database does not answer.
pub async fn end(store: &Store, project: &Project) -> Result<Place, StoreError> {
    const SQL: &str = "SELECT place, build, seq FROM events WHERE project = $1 \
         AND place < (SELECT beyond FROM settled_places) \
         ORDER BY place DESC, build DESC, seq DESC LIMIT 1";
    let last: Option<PlaceRow> = read!(store, pool => sqlx::query_as(SQL)
        .bind(project.as_str())
        .fetch_optional(pool)
        .await)?;
    Ok(last.map_or(Place::START, |PlaceRow { place, build, seq }| Place { place, build, seq }))
}

/// Whether a place is beyond all that can have been seen: of another life of the database.
///
/// # Errors
/// When the database does not answer.
pub async fn is_beyond(store: &Store, place: Place) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT beyond FROM settled_places";
    let beyond: i64 = read!(store, pool => sqlx::query_scalar(SQL).fetch_one(pool).await)?;
    Ok(place.place >= beyond)
}

/// What happened in a project after a place, in order: at most `limit` events, and no more of them
/// than hold `bytes` together; one, however large it is. Events of one build come in the order of
/// their numbers.
///
/// # Errors
/// When the database does not answer, or a row cannot be read.
pub async fn after(
    store: &Store,
    project: &Project,
    after: Place,
    limit: u16,
    bytes: u32,
) -> Result<Vec<ProjectEvent>, StoreError> {
    const SQL: &str = "SELECT place, build, seq, at, attempt, body FROM \
         (SELECT place, build, seq, at, attempt, body, \
         sum(octet_length(body)) OVER (ORDER BY place, build, seq) - octet_length(body) \
         AS bytes_before FROM (SELECT place, build, seq, at, attempt, body FROM events \
         WHERE project = $1 AND (place, build, seq) > ($2, $3, $4) \
         AND place < (SELECT beyond FROM settled_places) \
         ORDER BY place, build, seq LIMIT $5) AS following) AS measured \
         WHERE bytes_before < $6 ORDER BY place, build, seq";
    let rows: Vec<Row> = read!(store, pool => sqlx::query_as(SQL)
        .bind(project.as_str())
        .bind(after.place)
        .bind(after.build)
        .bind(after.seq)
        .bind(i64::from(limit))
        .bind(i64::from(bytes))
        .fetch_all(pool)
        .await)?;
    rows.into_iter()
        .map(|Row { place, build, event }| {
            let place = Place { place, build, seq: event.seq };
            let build = BuildId::from_uuid(build);
            Ok(ProjectEvent { place, build, event: events::from_row(build, event)? })
        })
        .collect()
}

impl Store {
    /// Sees to it that places go on growing in the cluster that the database is in. A dump that
    /// was restored into another one finds its transactions counted anew, or far ahead: places
    /// then begin anew beyond all that there can have been, so that whoever comes back with one of
    /// before gets all that happened since. Call it before anything is written. Does nothing where
    /// it was done, and nothing on SQLite.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn settle_places(&self) -> Result<(), StoreError> {
        const IS_SETTLED: &str = "SELECT count(*) FROM places WHERE cluster = \
             (SELECT system_identifier::text FROM pg_control_system())";
        // Whoever wrote by the old count is waited for.
        const ALONE: &str = "LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE";
        // 2^48 transactions are more than any cluster has seen, and places have 63 bits.
        const SETTLE: &str = "UPDATE places SET cluster = here.id, \
             base = base + CASE WHEN cluster IS NULL THEN 0 ELSE 281474976710656 END \
             FROM (SELECT system_identifier::text AS id FROM pg_control_system()) AS here \
             WHERE cluster IS DISTINCT FROM here.id";
        let Db::Postgres(pool) = &self.db else { return Ok(()) };
        let settled: i64 = answered(sqlx::query_scalar(IS_SETTLED).fetch_one(pool)).await?;
        if settled > 0 {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        write!(tx, connection => sqlx::query(ALONE).execute(connection).await.map(drop))?;
        write!(tx, connection => sqlx::query(SETTLE).execute(connection).await.map(drop))?;
        tx.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_went() {
        let build = Uuid::from_u128(0x0197_a3c4_5d6e_7f80_9a1b_2c3d_4e5f_6071);
        let place = Place { place: 281_474_976_710_700, build, seq: 12 };
        assert_eq!(place.to_string(), "281474976710700.0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071.12");
        for place in [place, Place::START] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for text in ["", "7", "-1", "0.", "1.2.3", "1.0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"] {
            assert_eq!(text.parse::<Place>(), Err(NoPlace), "{text}");
        }
        for (place, seq) in [("-1", "1"), ("1", "-1"), ("9223372036854775808", "1"), ("1", "1.1")] {
            let text = format!("{place}.{build}.{seq}");
            assert_eq!(text.parse::<Place>(), Err(NoPlace), "{text}");
        }
    }
}

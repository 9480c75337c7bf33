//! Events of a build whose log was moved.

use std::sync::Arc;

use slipway_domain::{BuildId, Event};

use super::frame::Frame;
use super::line;
use crate::db::read;
use crate::{Store, StoreError, events, mark};

/// Which events are wanted, of those after a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// At most so many.
    pub(crate) limit: u16,
    /// No more than hold so many bytes together; one, however large it is.
    pub(crate) bytes: Option<u32>,
    /// Changes of state alone.
    pub(crate) states_only: bool,
}

impl Wanted {
    pub(crate) const ALL: Self = Self { limit: u16::MAX, bytes: None, states_only: false };
}

/// The events that rows would have given: none, too, where the log was not moved. A log that is
/// lost or damaged is told of here, once.
pub(crate) async fn after(
    store: &Store,
    build: BuildId,
    after: i64,
    wanted: Wanted,
) -> Result<Vec<Event>, StoreError> {
    let found = frames_after(store, build, after, wanted).await;
    if let (Err(error), Some(archive)) = (&found, &store.archive) {
        archive.tell(error);
    }
    found
}

async fn frames_after(
    store: &Store,
    build: BuildId,
    after: i64,
    wanted: Wanted,
) -> Result<Vec<Event>, StoreError> {
    let (mut found, mut bytes, mut place) = (Vec::new(), 0, after.max(0));
    let limit = usize::from(wanted.limit);
    let most = wanted.bytes.map_or(Ok(usize::MAX), usize::try_from).unwrap_or(usize::MAX);
    while found.len() < limit {
        let Some(frame) = next(store, build, place, wanted.states_only).await? else { break };
        let Some(lines) = lines(store, build, &frame).await? else { break };
        // Without gaps: those before need not be read to be passed by.
        let passed = usize::try_from(place + 1 - frame.first_seq).unwrap_or(0);
        let first = frame.first_seq.max(place + 1);
        for (text, seq) in lines.lines().skip(passed).zip(first..) {
            let row = line::read(text).map_err(|problem| frame.damaged(build, problem))?;
            if row.seq != seq {
                return Err(frame.damaged(build, "has an event in another's place"));
            }
            if wanted.states_only && !line::is_state(&row) {
                continue;
            }
            if found.len() == limit || bytes >= most {
                return Ok(found);
            }
            bytes += row.body.len();
            found.push(events::from_row(build, row)?);
        }
        place = frame.last_seq;
    }
    Ok(found)
}

/// The frame that has what comes after a place.
async fn next(
    store: &Store,
    build: BuildId,
    place: i64,
    states_only: bool,
) -> Result<Option<Frame>, StoreError> {
    const SQL: &str = "SELECT first_seq, last_seq, start, bytes, plain_bytes, has_state \
         FROM log_frames WHERE build = $1 AND last_seq > $2 AND (has_state OR NOT $3) \
         ORDER BY last_seq LIMIT 1";
    Ok(read!(store, pool => sqlx::query_as(SQL)
        .bind(build.as_uuid())
        .bind(place)
        .bind(states_only)
        .fetch_optional(pool)
        .await)?)
}

/// What is in a frame. `None` when the build was forgotten meanwhile.
async fn lines(
    store: &Store,
    build: BuildId,
    frame: &Frame,
) -> Result<Option<Arc<str>>, StoreError> {
    let away = |why| StoreError::LogAway { build, why: Box::new(why) };
    let archive = store.archive().map_err(away)?;
    let place = (build, frame.last_seq);
    if let Some(lines) = archive.shelf().get(place) {
        return Ok(Some(lines));
    }
    let Some(bytes) = archive.blobs.read_log(build, frame.range()).await.map_err(away)? else {
        return match next(store, build, frame.first_seq - 1, false).await? {
            // Of another store's it says nothing that it is not in it.
            Some(_) => {
                mark::look(store, &archive.blobs).await.map_err(away)?;
                Err(StoreError::LogMissing(build))
            }
            None => Ok(None),
        };
    };
    let lines: Arc<str> = frame.unpack(build, &bytes)?.into();
    archive.shelf().put(place, &lines);
    Ok(Some(lines))
}

//! Submits that come at once go to PostgreSQL together.
//!
//! A commit waits for the disk, and a walk there and back for both ends to wake up. Those that
//! come while one is under way gather, and are the next one: a crowd costs little more than one
//! of them does, and one alone waits for nobody. Only submits that nothing else belongs to: one
//! with a key, a name or secrets is a transaction of its own.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::PgPool;
use tokio::sync::oneshot;

use super::given::{Given, Placed, first_event};
use crate::StoreError;
use crate::db::answered;

/// The most that go together: what fails for one is then tried for each.
const MOST: usize = 64;

/// Where submits of one process meet. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crowd {
    gathered: Arc<Mutex<Gathered>>,
}

#[derive(Debug, Default)]
struct Gathered {
    waiting: VecDeque<Waiting>,
    /// Whether somebody is writing, who takes those that wait next.
    is_writing: bool,
}

#[derive(Debug)]
struct Waiting {
    given: Given,
    answer: oneshot::Sender<Result<Placed, StoreError>>,
}

impl Crowd {
    /// Writes a row, its first event and its bell, with those of others that come meanwhile.
    ///
    /// # Errors
    /// When the database does not answer, or refuses this one.
    pub(super) async fn accept(&self, pool: &PgPool, given: Given) -> Result<Placed, StoreError> {
        let (answer, answered) = oneshot::channel();
        if self.join(Waiting { given, answer }) {
            // A task of its own: whoever asked may be gone before the others have their answer.
            let writer = Writer { crowd: self.clone(), is_done: false };
            tokio::spawn(writer.write_all(pool.clone()));
        }
        answered.await.unwrap_or_else(|gone| Err(StoreError::Unavailable(gone.into())))
    }

    /// Says whether nobody is writing, so that the caller has to.
    fn join(&self, waiting: Waiting) -> bool {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.waiting.push_back(waiting);
        !std::mem::replace(&mut gathered.is_writing, true)
    }

    /// Those that go next. Where there are none, nobody is writing from here on.
    fn next(&self) -> Vec<Waiting> {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let count = gathered.waiting.len().min(MOST);
        gathered.is_writing = count > 0;
        gathered.waiting.drain(..count).collect()
    }
}

struct Writer {
    crowd: Crowd,
    is_done: bool,
}

impl Writer {
    async fn write_all(mut self, pool: PgPool) {
        loop {
            let crowd = self.crowd.next();
            if crowd.is_empty() {
                self.is_done = true;
                return;
            }
            write(&pool, crowd).await;
        }
    }
}

/// A writer that did not get to its end leaves nobody waiting for it.
impl Drop for Writer {
    fn drop(&mut self) {
        if !self.is_done {
            let mut gathered = self.crowd.gathered.lock().unwrap_or_else(PoisonError::into_inner);
            gathered.is_writing = false;
            gathered.waiting.clear();
        }
    }
}

async fn write(pool: &PgPool, crowd: Vec<Waiting>) {
    let (given, answers): (Vec<Given>, Vec<_>) =
        crowd.into_iter().map(|one| (one.given, one.answer)).unzip();
    match insert(pool, &given).await {
        Ok(placed) => {
            for (given, answer) in given.iter().zip(answers) {
                let placed = placed.get(&given.id).copied();
                // Whoever does not listen any more finds the build all the same.
                let _ = answer.send(placed.ok_or(StoreError::Database(sqlx::Error::RowNotFound)));
            }
        }
        // What is wrong with one is not the others' fault.
        Err(StoreError::Database(_)) if given.len() > 1 => {
            for (given, answer) in given.into_iter().zip(answers) {
                let id = given.id;
                let placed = insert(pool, &[given]).await;
                let placed = placed.and_then(|placed| {
                    placed.get(&id).copied().ok_or(StoreError::Database(sqlx::Error::RowNotFound))
                });
                let _ = answer.send(placed);
            }
        }
        Err(error) => {
            let mut answers = answers.into_iter();
            let first = answers.next();
            for answer in answers {
                let _ = answer.send(Err(alike(&error)));
            }
            if let Some(first) = first {
                let _ = first.send(Err(error));
            }
        }
    }
}

/// The same error, for another of those who met it.
fn alike(error: &StoreError) -> StoreError {
    let words = error.to_string();
    if let StoreError::Full(_) = error {
        return StoreError::Full(words.into());
    }
    StoreError::Unavailable(words.into())
}

/// Writes rows, their first events and their bells. As in the submit of one: a project's rounds
/// go on after its last one that waits, and after all that were served.
async fn insert(pool: &PgPool, given: &[Given]) -> Result<HashMap<uuid::Uuid, Placed>, StoreError> {
    const SQL: &str = "WITH given AS (SELECT * FROM \
         unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], \
         $7::uuid[], $8::timestamptz[], $9::integer[], $10::integer[], $11::timestamptz[], \
         $12::text[], $13::uuid[]) WITH ORDINALITY AS given (id, project, image, repository, \
         platform, spec, retry_of, at, priority, queue_seconds, give_up_at, traceparent, bell, \
         nth)), \
         moved AS (INSERT INTO builds (id, project, image, repository, platform, spec, retry_of, \
         status, not_before, created_at, had_secrets, last_seq, priority, queue_seconds, \
         give_up_at, traceparent, place, round) \
         SELECT id, project, image, repository, platform, spec, retry_of, \
         'queued', at, at, false, 1, priority, queue_seconds, give_up_at, traceparent, \
         (SELECT next FROM next_place), (SELECT max(round) FROM (SELECT served AS round FROM lines \
         WHERE lines.priority = given.priority UNION ALL SELECT (SELECT round FROM builds \
         WHERE builds.project = given.project AND builds.priority = given.priority \
         AND status = 'queued' ORDER BY round DESC LIMIT 1)) AS before) \
         + row_number() OVER (PARTITION BY project, priority ORDER BY nth) \
         FROM given RETURNING id, attempt, last_seq, round, project, place), \
         event AS (INSERT INTO events (build, seq, at, attempt, body, project, place) \
         SELECT id, last_seq, at, attempt, $14, moved.project, place \
         FROM moved JOIN given USING (id)), \
         bell AS (INSERT INTO outbox (id, build, created_at) SELECT bell, id, at FROM given) \
         SELECT id, attempt, last_seq, round FROM moved";
    fn each<T>(given: &[Given], column: impl Fn(&Given) -> T) -> Vec<T> {
        given.iter().map(column).collect()
    }
    let asked = sqlx::query_as(SQL)
        .bind(each(given, |one| one.id))
        .bind(each(given, |one| one.project.clone()))
        .bind(each(given, |one| one.image.clone()))
        .bind(each(given, |one| one.repository.clone()))
        .bind(each(given, |one| one.platform.clone()))
        .bind(each(given, |one| one.spec.clone()))
        .bind(each(given, |one| one.retry_of))
        .bind(each(given, |one| one.at))
        .bind(each(given, |one| one.priority))
        .bind(each(given, |one| one.queue_seconds))
        .bind(each(given, |one| one.give_up_at))
        .bind(each(given, |one| one.traceparent.clone()))
        .bind(each(given, |one| one.bell))
        .bind(first_event());
    let rows: Vec<Placed> = answered(asked.fetch_all(pool)).await?;
    Ok(rows.into_iter().map(|placed| (placed.id, placed)).collect())
}

//! A long line: 100,000 builds of 1,000 projects wait, and somebody comes anew.
//!
//! Straight through the store, without a host: what is measured is the order of the line.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use futures::future::try_join_all;
use slipway_domain::{
    BuildId, BuildSpec, BuildSpecDraft, HostName, Platform, Project, Secrets, Source, WorkerId,
};
use slipway_store::Store;
use slipway_store::builds::{self, Claimed, Ending, Offer, Submission};
use slipway_store::hosts::{self, Probe};
use slipway_store::seal::KeyRing;
use tokio::time::Instant;

use crate::database::Database;
use crate::error::Error;
use crate::statistics::{median, ms, p95};
use crate::table::{Row, Table};

const WAITING: u32 = 100_000;
const PROJECTS: u32 = 1000;
const WORKERS: u32 = 4;
const LATE: u32 = 200;
const FOR: Duration = Duration::from_secs(10);
const WANTED_RATE: f64 = 300.0;
const WANTED_P95_MS: f64 = 50.0;

/// Adds the rows.
pub(crate) async fn measure(table: &mut Table, server: &str) -> Result<(), Error> {
    let database = Database::new(server, "slipway_bench_line").await?;
    let measured = on(table, &database).await;
    database.remove().await?;
    measured
}

async fn on(table: &mut Table, database: &Database) -> Result<(), Error> {
    let store = Store::open(&database.url, KeyRing::from_key(&[7; 32])).await?;
    store.migrate().await?;
    fill(database).await?;
    let workers = Worker::some(&store).await?;

    let mut waits = Vec::new();
    for number in 0..LATE {
        waits.push(ms(late_comer(&store, &workers[0], number).await?));
    }
    table.add(
        Row::new(format!("{WAITING} in line: submit to claim of a new project, median"))
            .slipway(format!("{:.1} ms", median(&waits))),
    );
    table.add(
        Row::new(format!("{WAITING} in line: submit to claim of a new project, p95"))
            .slipway(format!("{:.1} ms", p95(&waits)))
            .wanted(format!("≤ {WANTED_P95_MS} ms"), p95(&waits) <= WANTED_P95_MS),
    );
    let rate = rate(&store, &workers).await?;
    table.add(
        Row::new(format!("{WAITING} in line: claims and ends, {WORKERS} workers"))
            .slipway(format!("{rate:.0}/s"))
            .wanted(format!("≥ {WANTED_RATE}/s"), rate >= WANTED_RATE),
    );
    store.close().await;
    Ok(())
}

/// As the submits of a thousand projects would have left it.
async fn fill(database: &Database) -> Result<(), Error> {
    let spec = serde_json::to_string(&spec("template")).unwrap_or_default();
    let sql = format!(
        "INSERT INTO builds (id, project, image, repository, spec, status, not_before, \
         created_at, had_secrets, last_seq, round) \
         SELECT gen_random_uuid(), 'p' || n % {PROJECTS}, 'r.example/app:1', 'r.example/app', \
         replace('{spec}', 'template', 'p' || n % {PROJECTS}), 'queued', now(), \
         now() - interval '1 hour' + n * interval '1 millisecond', false, 1, \
         1 + n / {PROJECTS} FROM generate_series(0, {WAITING} - 1) AS n"
    );
    database.run(&sql).await?;
    database.run("VACUUM ANALYZE").await
}

fn spec(project: &str) -> BuildSpec {
    let source = Source::dockerfile("FROM scratch");
    let draft = BuildSpecDraft::new("r.example/app:1", source);
    // Both are constants of this file.
    let (Ok(spec), Ok(project)) = (draft.parse(), Project::parse(project)) else { unreachable!() };
    BuildSpec { project, ..spec }
}

struct Worker {
    id: WorkerId,
    hosts: BTreeMap<HostName, Vec<Platform>>,
}

impl Worker {
    async fn some(store: &Store) -> Result<Vec<Self>, Error> {
        let (Ok(name), Ok(platform)) = (HostName::parse("h"), Platform::parse("linux/amd64"))
        else {
            unreachable!()
        };
        let probe = Probe {
            name: name.clone(),
            slots: WORKERS,
            platform: Some(platform.clone()),
            platforms: Vec::new(),
            builder: None,
            engine: None,
            problem: None,
        };
        hosts::report(store, WorkerId::generate(), &probe, store.now()).await?;
        let hosts = BTreeMap::from([(name, vec![platform])]);
        let one = |_| Self { id: WorkerId::generate(), hosts: hosts.clone() };
        Ok((0..WORKERS).map(one).collect())
    }

    async fn claim(&self, store: &Store) -> Result<Option<Claimed>, Error> {
        let now = store.now();
        let offer = Offer {
            worker: self.id,
            hosts: &self.hosts,
            expires_at: now + TimeDelta::seconds(60),
            raise_after: TimeDelta::hours(24),
        };
        Ok(builds::claim(store, &offer, |_, _, _| 0, now).await?)
    }
}

/// A build of a project that has none in line, from its submit until it is claimed. The
/// claims of the others that go before it count, too.
async fn late_comer(store: &Store, worker: &Worker, number: u32) -> Result<Duration, Error> {
    let spec = spec(&format!("late{number}"));
    let secrets = Secrets::default();
    let submission = Submission::new(BuildId::generate(), &spec, &secrets);
    let begun = Instant::now();
    builds::submit(store, &submission, store.now()).await?;
    let claimed = worker.claim(store).await?;
    let took = begun.elapsed();
    if let Some(claimed) = claimed {
        builds::finish(store, &claimed.lease, Ending::Cancelled, true, store.now()).await?;
    }
    Ok(took)
}

/// Claims and ends a second.
async fn rate(store: &Store, workers: &[Worker]) -> Result<f64, Error> {
    let done = AtomicU32::new(0);
    let begun = Instant::now();
    try_join_all(workers.iter().map(async |worker| {
        while begun.elapsed() < FOR {
            let Some(claimed) = worker.claim(store).await? else { continue };
            builds::finish(store, &claimed.lease, Ending::Cancelled, true, store.now()).await?;
            done.fetch_add(1, Ordering::Relaxed);
        }
        Ok::<_, Error>(())
    }))
    .await?;
    Ok(f64::from(done.into_inner()) / begun.elapsed().as_secs_f64())
}

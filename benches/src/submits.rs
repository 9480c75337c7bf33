//! How many builds are accepted a second over HTTP, beside the rate at which the same
//! PostgreSQL takes the same rows in equal transactions from `pgbench`.
//!
//! No worker runs: what is measured is the way from a request to the rows.

use std::path::Path;
use std::time::Duration;

use futures::future::try_join_all;
use serde_json::json;
use tokio::process::Command;
use tokio::time::Instant;

use crate::database::Database;
use crate::error::Error;
use crate::house::House;
use crate::slipway::Slipway;
use crate::statistics::{median, ms, p95};
use crate::surroundings::Surroundings;
use crate::table::{Row, Table};
use crate::work::Work;

const CLIENTS: usize = 8;
const FOR: Duration = Duration::from_secs(8);
const ALONE: usize = 300;
const WANTED_RATIO: f64 = 0.5;
const WANTED_ALONE_MS: f64 = 5.0;

/// What one submit writes, in one transaction: the build with its place in line, its first
/// event and its bell. Columns and values as `slipway-store` sends them; numbers are made up
/// by the database, which costs it a little more than being told them. That submits which come
/// at once share a transaction is Slipway's doing: here each has its own.
const TRANSACTION: &str = "\
BEGIN;
WITH new AS (SELECT gen_random_uuid() AS id)
INSERT INTO builds (id, project, image, repository, platform, spec, upload, retry_of,
  status, not_before, created_at, had_secrets, last_seq, priority, queue_seconds,
  give_up_at, supersede_key, traceparent, round)
  SELECT id, 'default', 'r.example/app:1', 'r.example/app', NULL, 'SPEC', NULL, NULL,
  'queued', now(), now(), false, 1, 0, 86400, now() + interval '1 day', NULL, NULL,
  (SELECT 1 + max(round) FROM (SELECT served AS round FROM lines
   WHERE priority = 0 UNION ALL SELECT (SELECT round FROM builds
   WHERE project = 'default' AND priority = 0 AND status = 'queued'
   ORDER BY round DESC LIMIT 1)) AS before)
  FROM new RETURNING id \\gset
INSERT INTO events (build, seq, at, attempt, body)
  VALUES (CAST(:id AS uuid), 1, now(), 0, '{\"kind\":\"state\",\"status\":\"queued\"}');
INSERT INTO outbox (id, build, created_at) VALUES (gen_random_uuid(), CAST(:id AS uuid), now());
COMMIT;
";

/// Adds the rows.
pub(crate) async fn measure(
    table: &mut Table,
    place: (&Path, &Path),
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let engine = surroundings.docker_host.as_str();
    let house = House::open("slipway_bench_submits", place, surroundings, &[engine]).await?;
    let measured = with(table, &house, place.1).await;
    house.close().await?;
    measured
}

async fn with(table: &mut Table, house: &House, folder: &Path) -> Result<(), Error> {
    let slipway = house.client();
    let spec: String = stored_spec(&slipway, &house.database).await?;
    let mut alone = Vec::new();
    for _ in 0..ALONE {
        let begun = Instant::now();
        submit(&slipway).await?;
        alone.push(ms(begun.elapsed()));
    }
    let wanted = median(&alone) <= WANTED_ALONE_MS;
    table.add(
        Row::new("submit, one client: answer, median")
            .slipway(format!("{:.1} ms", median(&alone)))
            .wanted(format!("≤ {WANTED_ALONE_MS} ms"), wanted),
    );
    table.add(
        Row::new("submit, one client: answer, 95th percentile")
            .slipway(format!("{:.1} ms", p95(&alone))),
    );
    // In turns: whatever else the machine does meets both.
    let (mut bare, mut with) = (0.0, 0.0);
    for _ in 0..2 {
        bare += pgbench(&house.database, folder, &spec).await? / 2.0;
        with += over_http(&slipway).await? / 2.0;
    }
    let ratio = with / bare;
    table.add(
        Row::new(format!("submits, {CLIENTS} clients"))
            .bare(format!("{bare:.0}/s"))
            .slipway(format!("{with:.0}/s"))
            .ratio(ratio)
            .wanted(format!("≥ {WANTED_RATIO}×"), ratio >= WANTED_RATIO),
    );
    Ok(())
}

fn work() -> Work {
    Work { image: "r.example/app:1".into(), dockerfile: "FROM scratch\n".into() }
}

async fn submit(slipway: &Slipway) -> Result<(), Error> {
    let work = work();
    let source = json!({"type": "dockerfile", "content": work.dockerfile});
    slipway.submit(&work, source).await.map(drop)
}

/// The spec as a submit of ours is stored.
async fn stored_spec(slipway: &Slipway, database: &Database) -> Result<String, Error> {
    submit(slipway).await?;
    database.ask("SELECT spec FROM builds LIMIT 1").await
}

/// Transactions a second by as many clients.
async fn pgbench(database: &Database, folder: &Path, spec: &str) -> Result<f64, Error> {
    let script = folder.join("submit.sql");
    // A colon would be taken for a variable of pgbench's.
    let spec = spec.replace('\'', "''").replace(':', "' || chr(58) || '");
    tokio::fs::write(&script, TRANSACTION.replace("SPEC", &spec)).await?;
    let output = Command::new("bash")
        .arg("-c")
        .arg(
            "PATH=$(printf '%s:' /usr/lib/postgresql/*/bin)$PATH; \
             exec pgbench --no-vacuum --protocol prepared --client \"$1\" --jobs 2 --time \"$2\" --file \"$3\" \"$4\"",
        )
        .args(["pgbench", &CLIENTS.to_string(), &FOR.as_secs().to_string()])
        .arg(&script)
        .arg(&database.url)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
        .ok_or_else(|| {
            let complaint = String::from_utf8_lossy(&output.stderr);
            Error::Unexpected(format!("pgbench gave no rate:\n{said}{complaint}"))
        })
}

/// Accepted submits a second by as many clients.
async fn over_http(slipway: &Slipway) -> Result<f64, Error> {
    let begun = Instant::now();
    let counts = try_join_all((0..CLIENTS).map(async |_| {
        let mut count = 0_u32;
        while begun.elapsed() < FOR {
            submit(slipway).await?;
            count += 1;
        }
        Ok::<_, Error>(count)
    }))
    .await?;
    Ok(f64::from(counts.iter().sum::<u32>()) / begun.elapsed().as_secs_f64())
}

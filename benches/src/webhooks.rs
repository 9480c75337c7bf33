//! Webhooks a second to one receiver, beside a bare client that posts the same bodies to it.
//!
//! No worker runs, and each build has as many followers as it may have. They are told of its
//! submit; then what they know is taken back in the rows, so that all of them are due at once and
//! submits have no part in what is measured. The bare client keeps its connections, and writes
//! nothing down; Slipway makes one for each try, and writes each down.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::try_join_all;
use reqwest::Client;
use serde_json::json;

use crate::database::Database;
use crate::error::Error;
use crate::house::House;
use crate::receiver::Receiver;
use crate::statistics::median;
use crate::surroundings::Surroundings;
use crate::table::{Row, Table};

/// Followers of one build.
const EACH: usize = 16;
/// What is told at once to one host, as it comes.
const AT_ONCE: usize = 16;
const ROUNDS: usize = 3;

/// Adds the row, after telling the followers of so many builds.
pub(crate) async fn measure(
    table: &mut Table,
    builds: usize,
    place: (&Path, &Path),
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let engine = surroundings.docker_host.as_str();
    let besides = "[limits]\nallow_loopback_addresses = true\n";
    let name = "slipway_bench_webhooks";
    let house = House::open_with(name, place, surroundings, &[engine], besides).await?;
    let measured = with(table, builds, &house).await;
    house.close().await?;
    measured
}

async fn with(table: &mut Table, builds: usize, house: &House) -> Result<(), Error> {
    let receiver = Receiver::start().await?;
    let slipway = house.client();
    let follower = json!({"kind": "status", "url": receiver.url});
    let order = json!({
        "image": "r.example/app:1",
        "source": {"type": "dockerfile", "content": "FROM scratch\n"},
        "followers": vec![follower; EACH],
    });
    for _ in 0..builds {
        slipway.order(&order).await?;
    }
    let count = builds * EACH;
    let bodies = receiver.take(count).await?.bodies;

    let (mut bare, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(rate(count, posted(&receiver, &bodies).await?));
        until_written_down(&house.database).await?;
        house.database.run("UPDATE followers SET told_seq = 0, due_at = now()").await?;
        with.push(rate(count, receiver.take(count).await?.took));
    }
    let (bare, with) = (median(&bare), median(&with));
    table.add(
        Row::new(format!("webhooks to one receiver, {AT_ONCE} at once"))
            .bare(format!("{bare:.0}/s"))
            .slipway(format!("{with:.0}/s"))
            .ratio(with / bare),
    );
    Ok(())
}

/// What came is not yet what is written down.
async fn until_written_down(database: &Database) -> Result<(), Error> {
    let sql = "SELECT count(*) FROM followers WHERE lease IS NOT NULL OR told_seq = 0";
    while database.ask(sql).await? != "0" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// How long a bare client takes for all bodies.
async fn posted(receiver: &Receiver, bodies: &[Bytes]) -> Result<Duration, Error> {
    let (client, next) = (Client::new(), AtomicUsize::new(0));
    let posting = try_join_all((0..AT_ONCE).map(async |_| {
        while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
            let request = client.post(&receiver.url).header("content-type", "application/json");
            request.body(body.clone()).send().await?.error_for_status()?;
        }
        Ok::<_, Error>(())
    }));
    let (taken, posted) = tokio::join!(receiver.take(bodies.len()), posting);
    posted?;
    Ok(taken?.took)
}

#[expect(clippy::cast_precision_loss, reason = "few messages")]
fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

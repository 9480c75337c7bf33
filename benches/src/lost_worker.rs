//! A worker is killed in the middle of a build: how long until another one builds it.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::Error;
use crate::house::House;
use crate::surroundings::Surroundings;
use crate::table::{Row, Table};
use crate::work::Works;

/// The lease by default, and what is wanted beyond it.
const WANTED: f64 = 20.0 + 2.0;
const TRIES: u32 = 2;
const LONG: Duration = Duration::from_secs(60);

/// Adds the row.
pub(crate) async fn measure(
    table: &mut Table,
    works: &Works,
    place: (&Path, &Path),
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let engine = surroundings.docker_host.as_str();
    let mut house = House::open("slipway_bench_lost", place, surroundings, &[engine]).await?;
    let mut longest = Duration::ZERO;
    for _ in 0..TRIES {
        match once(&mut house, works).await {
            Ok(took) => longest = longest.max(took),
            Err(error) => {
                house.close().await?;
                return Err(error);
            }
        }
    }
    house.close().await?;
    let took = longest.as_secs_f64();
    table.add(
        Row::new(format!("worker killed to rebuilding elsewhere, longest of {TRIES}"))
            .slipway(format!("{took:.1} s"))
            .wanted(format!("≤ lease + 2 s = {WANTED} s"), took <= WANTED),
    );
    Ok(())
}

async fn once(house: &mut House, works: &Works) -> Result<Duration, Error> {
    let slipway = house.client();
    if house.workers.is_empty() {
        house.add_worker().await?;
    }
    let build = slipway.begin(&works.sleeping(LONG)).await?;
    slipway.until_building(&build, 1).await?;
    house.add_worker().await?;
    house.workers.remove(0).kill().await?;
    let killed = Instant::now();
    slipway.until_building(&build, 2).await?;
    let took = killed.elapsed();
    slipway.cancel(&build).await?;
    while !slipway.is_over(&build).await? {
        sleep(Duration::from_millis(100)).await;
    }
    Ok(took)
}

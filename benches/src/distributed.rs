//! The same through an API server and a worker of their own, over PostgreSQL and RabbitMQ.

use std::path::Path;

use crate::bare::Bare;
use crate::error::Error;
use crate::house::House;
use crate::memory;
use crate::one_at_a_time;
use crate::options::Options;
use crate::parts::Parts;
use crate::side_by_side;
use crate::surroundings::Surroundings;
use crate::table::{Row, Table};
use crate::through::DAEMONS;
use crate::work::Works;

const WANTED_IDLE_MIB: f64 = 30.0;

/// Starts them, adds the rows, and stops them.
pub(crate) async fn measure(
    table: &mut Table,
    options: &Options,
    works: &Works,
    bare: &Bare,
    place: (&Path, &Path),
    surroundings: &Surroundings,
) -> Result<[Parts; 2], Error> {
    let engine = surroundings.docker_host.as_str();
    let mut house = House::open("slipway_bench", place, surroundings, &[engine]).await?;
    house.add_worker().await?;
    let measured = with(table, options, works, bare, &house).await;
    house.close().await?;
    measured
}

async fn with(
    table: &mut Table,
    options: &Options,
    works: &Works,
    bare: &Bare,
    house: &House,
) -> Result<[Parts; 2], Error> {
    let workers = house.workers.iter().map(|worker| ("worker", worker));
    for (what, daemon) in [("api", &house.api)].into_iter().chain(workers) {
        let idle = memory::idle(daemon.pid).await?.mib();
        table.add(
            Row::new(format!("{what}: idle, memory"))
                .slipway(format!("{idle:.1} MiB"))
                .wanted(format!("≤ {WANTED_IDLE_MIB} MiB"), idle <= WANTED_IDLE_MIB),
        );
    }
    let slipway = house.client();
    let (one, four) = (options.builds(), options.parallel());
    let alone = one_at_a_time::measure(table, &DAEMONS, one, works, bare, &slipway).await?;
    let beside = side_by_side::measure(table, &DAEMONS, four, works, bare, &slipway).await?;
    Ok([alone, beside])
}

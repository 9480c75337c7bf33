//! Images that are built again, over two engines: how many find their layers where they went.

use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _};

use crate::daemon::SLOTS;
use crate::error::Error;
use crate::house::House;
use crate::slipway::Slipway;
use crate::surroundings::Surroundings;
use crate::table::{Row, Table};
use crate::work::{Work, Works};

const IMAGES: usize = 20;
/// How often each is built again.
const AGAIN: usize = 2;
const WANTED: f64 = 0.95;

/// Adds the row.
pub(crate) async fn measure(
    table: &mut Table,
    works: &Works,
    place: (&Path, &Path),
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let engines = [surroundings.docker_host.as_str(), surroundings.other_engine.as_str()];
    let mut house = House::open("slipway_bench_cache", place, surroundings, &engines).await?;
    // Two workers: the slots of a host are counted across both.
    house.add_worker().await?;
    house.add_worker().await?;
    let measured = with(&house.client(), works).await;
    house.close().await?;
    let found = measured?;
    let of = IMAGES * AGAIN;
    #[expect(clippy::cast_precision_loss, reason = "few builds")]
    let share = found as f64 / of as f64;
    table.add(
        Row::new(format!("{IMAGES} images built again, two engines: cached"))
            .slipway(format!("{found} of {of}"))
            .wanted(format!("≥ {:.0} %", WANTED * 100.0), share >= WANTED),
    );
    Ok(())
}

async fn with(slipway: &Slipway, works: &Works) -> Result<usize, Error> {
    let images: Vec<Work> = (0..IMAGES).map(|_| works.small()).collect();
    round(slipway, &images).await?;
    let mut found = 0;
    for _ in 0..AGAIN {
        found += round(slipway, &images).await?;
    }
    Ok(found)
}

/// Builds each image once, some at a time, and says for how many the step was cached.
async fn round(slipway: &Slipway, images: &[Work]) -> Result<usize, Error> {
    let builds = images.iter().map(|work| slipway.run_and_read(work));
    let events: Vec<String> =
        futures::stream::iter(builds).buffer_unordered(SLOTS).try_collect().await?;
    Ok(events.iter().filter(|events| events.contains("\"status\":\"cached\"")).count())
}

//! How many builds a second, four at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::Instant;

use crate::bare::Bare;
use crate::daemon::SLOTS;
use crate::error::Error;
use crate::slipway::Slipway;
use crate::table::{Row, Table};
use crate::through::Through;
use crate::work::Works;

/// The sides take turns after this many builds.
const BLOCK: usize = 20;

/// Adds the row for `count` builds a side.
pub(crate) async fn measure(
    table: &mut Table,
    through: &Through,
    count: usize,
    works: &Works,
    bare: &Bare,
    slipway: &Slipway,
) -> Result<(), Error> {
    let straight = async || bare.run(&works.small()).await.map(drop);
    let via_slipway = async || slipway.run(&works.small()).await.map(drop);
    // Not counted: connections that only several at once need are opened for good.
    four_at_a_time(SLOTS, straight).await?;
    four_at_a_time(SLOTS, via_slipway).await?;
    let (mut without, mut with) = (Duration::ZERO, Duration::ZERO);
    let mut left = count;
    let mut bare_first = true;
    while left > 0 {
        let block = left.min(BLOCK);
        left -= block;
        if bare_first {
            without += four_at_a_time(block, straight).await?;
            with += four_at_a_time(block, via_slipway).await?;
        } else {
            with += four_at_a_time(block, via_slipway).await?;
            without += four_at_a_time(block, straight).await?;
        }
        bare_first = !bare_first;
    }
    let wanted = through.four;
    let ratio = without.as_secs_f64() / with.as_secs_f64();
    table.add(
        Row::new(format!("{}four at a time", through.name))
            .bare(rate(count, without))
            .slipway(rate(count, with))
            .ratio(ratio)
            .wanted(format!("≥ {wanted}×"), ratio >= wanted),
    );
    Ok(())
}

/// Four that each begin another one when one is done, until `count` were begun.
async fn four_at_a_time(
    count: usize,
    run: impl AsyncFn() -> Result<(), Error>,
) -> Result<Duration, Error> {
    let begun = AtomicUsize::new(0);
    let start = Instant::now();
    try_join_all((0..SLOTS).map(async |_| {
        while begun.fetch_add(1, Ordering::Relaxed) < count {
            run().await?;
        }
        Ok::<_, Error>(())
    }))
    .await?;
    Ok(start.elapsed())
}

#[expect(clippy::cast_precision_loss, reason = "few builds")]
fn rate(count: usize, time: Duration) -> String {
    format!("{:.2} builds/s", count as f64 / time.as_secs_f64())
}

//! How many builds a second, four at a time.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::Instant;

use crate::bare::Bare;
use crate::daemon::SLOTS;
use crate::error::Error;
use crate::parts::Parts;
use crate::slipway::Slipway;
use crate::table::{Row, Table};
use crate::through::Through;
use crate::work::Works;

/// The sides take turns after this many builds.
const BLOCK: usize = 20;

/// Adds the row for `count` builds a side, and says where their time went.
pub(crate) async fn measure(
    table: &mut Table,
    through: &Through,
    count: usize,
    works: &Works,
    bare: &Bare,
    slipway: &Slipway,
) -> Result<Parts, Error> {
    let (took_bare, accepted) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let straight = async || {
        let took = bare.run(&works.small()).await?;
        took_bare.borrow_mut().push(took);
        Ok(())
    };
    let via_slipway = async || {
        let ran = slipway.run(&works.small()).await?;
        accepted.borrow_mut().push(ran);
        Ok(())
    };
    // Not counted: connections that only several at once need are opened for good.
    four_at_a_time(SLOTS, &straight).await?;
    four_at_a_time(SLOTS, &via_slipway).await?;
    took_bare.borrow_mut().clear();
    accepted.borrow_mut().clear();
    let (mut without, mut with) = (Duration::ZERO, Duration::ZERO);
    let mut left = count;
    let mut bare_first = true;
    while left > 0 {
        let block = left.min(BLOCK);
        left -= block;
        if bare_first {
            without += four_at_a_time(block, &straight).await?;
            with += four_at_a_time(block, &via_slipway).await?;
        } else {
            with += four_at_a_time(block, &via_slipway).await?;
            without += four_at_a_time(block, &straight).await?;
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
    let mut parts = Parts::of(format!("{}four at a time", through.name));
    took_bare.into_inner().into_iter().for_each(|took| parts.add_bare(took));
    // Looked at when all is over: it would be one more thing that goes on beside the builds.
    for (build, waited) in accepted.into_inner() {
        parts.add_slipway(slipway.took(&build).await?, waited);
    }
    Ok(parts)
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

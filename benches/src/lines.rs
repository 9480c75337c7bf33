//! A build that talks a lot: memory, and how fast its lines arrive at a listener.

use std::time::Duration;

use crate::bare::{Bare, Builder};
use crate::daemon::Daemon;
use crate::error::Error;
use crate::heard::Heard;
use crate::memory;
use crate::settle::settle;
use crate::slipway::Slipway;
use crate::table::{Row, Table};
use crate::upload::memory_row;
use crate::work::Works;

/// How many lines it prints.
pub(crate) const COUNT: usize = 6_000_000;
/// Of the bare stream's rate.
const WANTED_RATIO: f64 = 0.9;
/// The sides take turns this often; the middle one counts.
const TURNS: usize = 7;

/// Adds the rows for one builder.
pub(crate) async fn measure(
    table: &mut Table,
    works: &Works,
    bare: &Bare,
    daemon: &Daemon,
    builder: Builder,
) -> Result<(), Error> {
    let slipway = Slipway::new(daemon);
    // A first build brings what every later one uses.
    slipway.run(&works.small()).await?;
    let idle = memory::idle(daemon.pid).await?;
    let (mut without, mut with, mut unheard) = (Vec::new(), Vec::new(), Vec::new());
    let mut peak = idle;
    for _ in 0..TURNS {
        let mut heard = Heard::default();
        settle().await?;
        bare.run_with(builder, &works.lines(COUNT), &mut heard).await?;
        without.push(heard);
        let mut heard = Heard::default();
        let work = works.lines(COUNT);
        settle().await?;
        let building = slipway.run_heard(&work, &mut heard);
        peak = peak.max(memory::peak(daemon.pid, building).await?.1);
        with.push(heard);
        if builder == Builder::Classic {
            settle().await?;
            unheard.push(slipway.run_unheard(&works.lines(COUNT)).await?);
        }
    }
    table.add(memory_row(&format!("{COUNT} lines, {builder}: memory"), idle, peak));
    unheard.sort();
    let stored = unheard.get(unheard.len() / 2).copied().unwrap_or_default();
    let (without, with) = (middle(without), middle(with));
    let row = Row::new(format!("{COUNT} lines, {builder}: received"))
        .bare(without.numbers().to_string())
        .slipway(with.numbers().to_string());
    table.add(match builder {
        Builder::Classic => row.wanted("all, in order", without.all(COUNT) && with.all(COUNT)),
        // The engine's own limit, the same for both: 200 KiB a second and 2 MiB a step.
        Builder::Buildkit => row,
    });
    if builder == Builder::Classic {
        let rates = |what: &str, without: Duration, with: Duration| {
            let ratio = without.as_secs_f64() / with.as_secs_f64();
            let row = Row::new(format!("{COUNT} lines, {builder}: {what}, a second"));
            (row.bare(rate(without)).slipway(rate(with)).ratio(ratio), ratio)
        };
        let (row, ratio) = rates("into the store", without.took_to_end(), stored);
        table.add(row.wanted(format!("≥ {WANTED_RATIO}×"), ratio >= WANTED_RATIO));
        table.add(rates("received by a follower", without.took(), with.took()).0);
    }
    Ok(())
}

/// The one that took neither longest nor shortest.
fn middle(mut heard: Vec<Heard>) -> Heard {
    heard.sort_by_key(Heard::took);
    let middle = heard.len() / 2;
    heard.into_iter().nth(middle).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "some millions")]
fn rate(took: Duration) -> String {
    format!("{:.0}", COUNT as f64 / took.as_secs_f64())
}

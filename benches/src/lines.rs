//! A build that talks a lot: memory, and how fast its lines arrive at a listener.

use crate::bare::{Bare, Builder};
use crate::daemon::Daemon;
use crate::error::Error;
use crate::heard::Heard;
use crate::memory;
use crate::slipway::Slipway;
use crate::table::{Row, Table};
use crate::upload::memory_row;
use crate::work::Works;

/// How many lines it prints.
pub(crate) const COUNT: usize = 200_000;
/// The sides take turns this often; the middle one counts.
const TURNS: usize = 3;

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
    let (mut without, mut with) = (Vec::new(), Vec::new());
    let mut peak = idle;
    for _ in 0..TURNS {
        let mut heard = Heard::default();
        bare.run_with(builder, &works.lines(COUNT), &mut heard).await?;
        without.push(heard);
        let mut heard = Heard::default();
        let work = works.lines(COUNT);
        let building = slipway.run_heard(&work, &mut heard);
        peak = peak.max(memory::peak(daemon.pid, building).await?.1);
        with.push(heard);
    }
    table.add(memory_row(&format!("{COUNT} lines, {builder}: memory"), idle, peak));
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
        table.add(
            Row::new(format!("{COUNT} lines, {builder}: rate"))
                .bare(rate(&without))
                .slipway(rate(&with))
                .ratio(without.took().as_secs_f64() / with.took().as_secs_f64()),
        );
    }
    Ok(())
}

/// The one that took neither longest nor shortest.
fn middle(mut heard: Vec<Heard>) -> Heard {
    heard.sort_by_key(Heard::took);
    let middle = heard.len() / 2;
    heard.into_iter().nth(middle).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "few lines")]
fn rate(heard: &Heard) -> String {
    format!("{:.0} lines/s", heard.numbers() as f64 / heard.took().as_secs_f64())
}

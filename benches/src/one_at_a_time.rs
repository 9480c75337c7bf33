//! What Slipway adds to one build: from the POST until its follower has read the end,
//! against build, push and remove.

use crate::bare::Bare;
use crate::error::Error;
use crate::parts::Parts;
use crate::slipway::Slipway;
use crate::statistics::{median, ms, p95};
use crate::table::{Row, Table};
use crate::through::Through;
use crate::work::Works;

/// The first ones pull the base image, and open what is opened once: connections, and on each of
/// them the plans of what is asked for, which PostgreSQL settles after some uses.
const WARM_UP: usize = 25;

/// Adds the rows for `count` pairs.
pub(crate) async fn measure(
    table: &mut Table,
    through: &'static Through,
    count: usize,
    works: &Works,
    bare: &Bare,
    slipway: &Slipway,
) -> Result<Parts, Error> {
    let mut parts = Parts::of(format!("{}one at a time", through.name));
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for number in 0..WARM_UP + count {
        // Whoever is second might gain from the first.
        let bare_first = number % 2 == 0;
        let before = if bare_first { Some(bare.run(&works.small()).await?) } else { None };
        let (build, waited) = slipway.run(&works.small()).await?;
        let took_bare = match before {
            Some(took) => took,
            None => bare.run(&works.small()).await?,
        };
        let took = slipway.took(&build).await?;
        if number < WARM_UP {
            continue;
        }
        without.push(ms(took_bare.whole));
        with.push(ms(waited));
        parts.add_bare(took_bare);
        parts.add_slipway(took, waited);
    }
    add(table, through, &without, &with);
    if let Some(wanted) = through.claim_ms {
        add_claim(table, through.name, wanted, &parts.in_line());
    }
    Ok(parts)
}

fn add(table: &mut Table, through: &Through, bare: &[f64], slipway: &[f64]) {
    let Through { name: through, one: wanted, .. } = *through;
    let shown = |value: f64| format!("{value:.1} ms");
    let ratio = median(slipway) / median(bare);
    table.add(
        Row::new(format!("{through}one at a time, median"))
            .bare(shown(median(bare)))
            .slipway(shown(median(slipway)))
            .ratio(ratio)
            .wanted(format!("≤ {wanted}×"), ratio <= wanted),
    );
    table.add(
        Row::new(format!("{through}one at a time, 95th percentile"))
            .bare(shown(p95(bare)))
            .slipway(shown(p95(slipway)))
            .ratio(p95(slipway) / p95(bare)),
    );
    let pairs = || slipway.iter().zip(bare);
    let added: Vec<f64> = pairs().map(|(with, without)| with - without).collect();
    let ratios: Vec<f64> = pairs().map(|(with, without)| with / without).collect();
    let added = median(&added);
    table.add(
        Row::new(format!("{through}one at a time, median of pairs"))
            .slipway(format!("{added:+.1} ms"))
            .ratio(median(&ratios)),
    );
}

fn add_claim(table: &mut Table, through: &str, (half, most): (f64, f64), in_line: &[f64]) {
    for (what, took, wanted) in
        [("median", median(in_line), half), ("95th percentile", p95(in_line), most)]
    {
        table.add(
            Row::new(format!("{through}POST to claim, idle, {what}"))
                .slipway(format!("{took:.1} ms"))
                .wanted(format!("≤ {wanted} ms"), took <= wanted),
        );
    }
}

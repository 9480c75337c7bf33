//! Memory while a large context passes through: from the client to the blob store and from
//! there to the engine; and from a server that it is fetched from.

use std::time::Duration;

use tokio::time::Instant;

use crate::bare::Bare;
use crate::daemon::Daemon;
use crate::error::Error;
use crate::file_server::FileServer;
use crate::memory::{self, Resident, WANTED_MIB};
use crate::slipway::Slipway;
use crate::table::{Row, Table};
use crate::work::Works;

/// Adds the rows for a context of `mib` MiB.
pub(crate) async fn measure(
    table: &mut Table,
    mib: usize,
    works: &Works,
    bare: &Bare,
    slipway: &Slipway,
    daemon: &Daemon,
) -> Result<(), Error> {
    let work = works.without_base();
    let idle = memory::idle(daemon.pid).await?;
    let begun = Instant::now();
    let sending = slipway.upload(&work.dockerfile, mib);
    let (upload, peak) = memory::peak(daemon.pid, sending).await?;
    let uploaded = begun.elapsed();
    table.add(Row::new("idle, memory").slipway(format!("{:.1} MiB", idle.mib())));
    table.add(memory_row(&format!("upload of {mib} MiB, memory"), idle, peak));
    table.add(Row::new(format!("upload of {mib} MiB, rate")).slipway(rate(mib, uploaded)));

    let idle = memory::idle(daemon.pid).await?;
    let building = slipway.run_upload(&work, &upload);
    let (with, peak) = memory::peak(daemon.pid, building).await?;
    let without = bare.run_large(&works.without_base(), mib).await?;
    table.add(memory_row(&format!("build from {mib} MiB, memory"), idle, peak));
    table.add(time_row(&format!("build from {mib} MiB, time"), without, with));

    let work = works.without_base();
    let server = FileServer::start(work.dockerfile.clone(), mib).await?;
    let idle = memory::idle(daemon.pid).await?;
    let building = slipway.run_archive(&work, &server.url);
    let (with, peak) = memory::peak(daemon.pid, building).await?;
    table.add(memory_row(
        &format!("build from a fetched archive of {mib} MiB, memory"),
        idle,
        peak,
    ));
    table.add(time_row(&format!("build from a fetched archive of {mib} MiB, time"), without, with));
    Ok(())
}

fn time_row(what: &str, bare: Duration, slipway: Duration) -> Row {
    Row::new(what)
        .bare(seconds(bare))
        .slipway(seconds(slipway))
        .ratio(slipway.as_secs_f64() / bare.as_secs_f64())
}

/// A row about memory above idle.
pub(crate) fn memory_row(what: &str, idle: Resident, peak: Resident) -> Row {
    let (all, anonymous) = peak.above(idle);
    Row::new(what)
        .slipway(format!("{all:+.1} MiB ({anonymous:+.1} anonymous)"))
        .wanted(format!("≤ {WANTED_MIB} MiB above idle"), all <= WANTED_MIB)
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
pub(crate) fn rate(mib: usize, time: Duration) -> String {
    format!("{:.0} MiB/s", mib as f64 / time.as_secs_f64())
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

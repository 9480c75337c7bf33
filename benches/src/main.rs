//! Slipway beside the bare engine.
//!
//! Two ways to the same end, an image that is built, pushed and removed, on one engine in
//! one run: straight through the engine's API, and through a `slipwayd` of its own. They
//! take turns, so that whatever else the machine does meets both. What comes out are
//! ratios; absolute times say more about the machine than about Slipway.
//!
//! Run under `dev/with-stack`, as `make bench` does.

mod bare;
mod cache;
mod clean;
mod context;
mod daemon;
mod database;
mod distributed;
mod error;
mod file_server;
mod follow;
mod heard;
mod house;
mod lines;
mod long_line;
mod lost_worker;
mod memory;
mod one_at_a_time;
mod options;
mod parts;
mod receiver;
mod settle;
mod side_by_side;
mod slipway;
mod sources;
mod statistics;
mod submits;
mod surroundings;
mod table;
mod through;
mod upload;
mod webhooks;
mod work;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::bare::{Bare, Builder};
use crate::daemon::Daemon;
use crate::error::Error;
use crate::options::{Options, Part};
use crate::parts::Parts;
use crate::slipway::Slipway;
use crate::surroundings::Surroundings;
use crate::table::Table;
use crate::through::STANDALONE;
use crate::work::Works;

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.into()),
    };
    match runtime.block_on(until_stopped(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

fn complain(error: &Error) -> ExitCode {
    eprintln!("slipway-bench: {}", error.with_causes());
    ExitCode::FAILURE
}

/// Measures and cleans up, also when it is told to stop half way.
async fn until_stopped(options: &Options) -> Result<(), Error> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let surroundings = Surroundings::find()?;
    let binary = match options.slipwayd() {
        Some(binary) => binary.to_owned(),
        None => daemon::compile().await?,
    };
    let bare = Bare::connect()?;
    let folder = daemon::folder()?;
    let works = Works::new(&surroundings, folder.path());
    let had_base = bare.has(&surroundings.base).await?;
    let start = |builder| Daemon::start(&binary, folder.path(), &surroundings, builder);
    // One for each builder: which one a host has is a setting.
    let buildkit = start(Builder::Buildkit).await?;
    let classic = match start(Builder::Classic).await {
        Ok(classic) => classic,
        Err(error) => {
            buildkit.stop().await;
            return Err(error);
        }
    };

    let place = (binary.as_path(), folder.path());
    let result = tokio::select! {
        result = measure(options, &works, &bare, (&buildkit, &classic), place, &surroundings) => {
            result
        }
        _ = interrupt.recv() => Err(Error::Stopped),
        _ = terminate.recv() => Err(Error::Stopped),
    };
    if result.is_err() {
        eprintln!("… cleaning up");
    }
    tokio::join!(buildkit.stop(), classic.stop());
    clean::images(&bare, &works, (!had_base).then_some(surroundings.base.as_str())).await;
    result
}

async fn measure(
    options: &Options,
    works: &Works,
    bare: &Bare,
    (buildkit, classic): (&Daemon, &Daemon),
    place: (&Path, &Path),
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let slipway = Slipway::new(buildkit);
    let mut table = Table::default();

    if options.wants(Part::Standalone) {
        eprintln!("… one at a time: {} small images each", options.builds());
        let builds = options.builds();
        let alone =
            one_at_a_time::measure(&mut table, &STANDALONE, builds, works, bare, &slipway).await?;
        eprintln!("… four at a time: {} small images each", options.parallel());
        let four = options.parallel();
        let beside =
            side_by_side::measure(&mut table, &STANDALONE, four, works, bare, &slipway).await?;
        alone.print();
        beside.print();
    }
    if options.wants(Part::Daemons) {
        eprintln!("… the same through daemons of their own");
        let ways = distributed::measure(&mut table, options, works, bare, place, surroundings);
        ways.await?.iter().for_each(Parts::print);
    }
    if options.wants(Part::Submits) {
        eprintln!("… submits, and the same inserts by pgbench");
        submits::measure(&mut table, place, surroundings).await?;
    }
    if options.wants(Part::Line) {
        eprintln!("… a long line");
        long_line::measure(&mut table, &surroundings.database).await?;
    }
    if options.wants(Part::Lost) {
        eprintln!("… a worker that is killed");
        lost_worker::measure(&mut table, works, place, surroundings).await?;
    }
    if options.wants(Part::Cache) {
        eprintln!("… images that are built again, over two engines");
        cache::measure(&mut table, works, place, surroundings).await?;
    }
    if options.wants(Part::Context) {
        eprintln!("… a context of {} MiB", options.upload_mib());
        upload::measure(&mut table, options.upload_mib(), works, bare, &slipway, buildkit).await?;
    }
    if options.wants(Part::Sources) {
        let mib = options.source_mib();
        eprintln!("… a context of {mib} MiB from each kind of source");
        sources::measure(&mut table, mib, works, bare, place, surroundings).await?;
    }
    if options.wants(Part::Lines) {
        for (builder, daemon) in [(Builder::Classic, classic), (Builder::Buildkit, buildkit)] {
            eprintln!("… {} lines of output, {builder}", lines::COUNT);
            lines::measure(&mut table, works, bare, daemon, builder).await?;
        }
    }
    if options.wants(Part::Follow) {
        eprintln!("… followers of a build, one and a thousand");
        follow::measure(&mut table, works, buildkit).await?;
    }
    if options.wants(Part::Webhooks) {
        let builds = options.followed();
        eprintln!("… webhooks, and the same bodies by a bare client");
        webhooks::measure(&mut table, builds, place, surroundings).await?;
    }
    table.print();
    Ok(())
}

//! All roles in one process: for a laptop or a small team.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use slipway_api::Hosts;
use slipway_domain::HostName;
use slipway_store::{builds, followers, hosts};

use super::check::{Daemon, check};
use super::{Failure, LAST_WORDS, ended};
use crate::lifecycle::{Signals, Stop};
use crate::parts::ground::Ground;
use crate::parts::listener::Port;
use crate::parts::part::Part;
use crate::parts::serving::Serving;
use crate::parts::working::{self, Company};
use crate::settings::Settings;

/// Runs until told to stop.
///
/// # Errors
/// When something is missing that the service cannot be without, or a part of it ended
/// by itself.
pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    let signals = Signals::listen()?;
    check(&settings, Daemon::Standalone)?;
    let _lock = lock(&settings.data_dir)?;
    let port = Port::of_api(&settings)?;
    let ground = Ground::own(&settings).await?;
    recover(&settings, &ground).await?;

    let stop = Stop::default();
    let worker = working::worker(&settings, &ground, &stop, Company::Alone)?;
    let operations = ground.operations("standalone", Hosts::default(), &stop.stopping)?;
    let mut serving = Serving::start(&port, &ground, &settings, operations, Company::Alone)?;
    let mut working = Part::start("worker", worker.run(stop.stopping.clone()));
    let grace = Duration::from_secs(settings.worker.grace_seconds);
    let stopping = tokio::spawn(signals.drive(stop.clone(), grace));
    greet(&settings);

    // The builds first, then those who follow them.
    let crashed = tokio::select! {
        end = working.ended() => (!stop.stopping.is_cancelled()).then_some(end),
        crash = serving.crashed() => Some(crash),
    };
    stop.stopping.cancel();
    stop.hand_back.cancel();
    let _ = tokio::time::timeout(LAST_WORDS, working.finish()).await;
    serving.stop().await;
    stopping.abort();
    ended(crashed)
}

/// Takes the data directory for this process. Two would take each other's builds.
fn lock(data_dir: &Path) -> Result<File, Failure> {
    use std::os::unix::fs::DirBuilderExt as _;

    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.map_err(|error| format!("{} cannot be made: {error}", data_dir.display()))?;
    let file = File::create(data_dir.join("lock"))
        .map_err(|error| format!("{} cannot be written: {error}", data_dir.display()))?;
    file.try_lock().map_err(|_| {
        format!("{} is in use by another slipwayd; choose another --data-dir", data_dir.display())
    })?;
    Ok(file)
}

/// Nobody else can hold anything here, so what the last process left is put in order at
/// once: builds it held go back into line, half-written uploads go, and hosts that are in
/// no settings any more are forgotten.
async fn recover(settings: &Settings, ground: &Ground) -> Result<(), Failure> {
    let Ground { store, blobs, .. } = ground;
    let returned = builds::return_all(store, settings.worker.max_attempts, store.now()).await?;
    for build in returned {
        tracing::info!(build.id = %build.build, build.status = %build.state, "was cut off before");
    }
    followers::end_leases(store, store.now()).await?;
    // A bucket may not answer, or may be one that others write to at the moment; what is
    // left there is found when it is old.
    if !settings.blobs.is_bucket() {
        blobs.sweep_unfinished(store.now()).await?;
    }
    let listed: BTreeSet<HostName> =
        settings.docker.for_worker()?.into_iter().map(|host| host.engine.name).collect();
    for host in hosts::all(store).await? {
        if !listed.contains(&host.name) {
            hosts::forget(store, &host.name).await?;
        }
    }
    Ok(())
}

fn greet(settings: &Settings) {
    let url = settings.http.url();
    let data = settings.data_dir.display();
    tracing::info!("slipway {} is ready", env!("CARGO_PKG_VERSION"));
    tracing::info!("API   {url}/api/v2");
    tracing::info!("docs  {url}/docs");
    tracing::info!("data  {data}");
    settings.docker.greet();
}

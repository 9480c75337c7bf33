//! All roles in one process: for a laptop or a small team.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use slipway_api::{Api, Serving};
use slipway_domain::HostName;
use slipway_queue::{Queue, Relay};
use slipway_store::blobs::Blobs;
use slipway_store::seal::KeyRing;
use slipway_store::{Store, builds, hosts};
use slipway_worker::{Worker, WorkerSettings};
use tokio_util::sync::CancellationToken;

use crate::lifecycle::{Signals, Stop};
use crate::retention;
use crate::settings::Settings;

/// The name of the part that cannot be awaited twice.
const API: &str = "API";

type Failure = Box<dyn Error + Send + Sync>;

/// Runs until told to stop.
///
/// # Errors
/// When something is missing that the service cannot be without, or a part of it ended
/// by itself.
pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    let signals = Signals::listen()?;
    let _lock = lock(&settings.data_dir)?;
    let listener = bind(&settings)?;
    let keys = KeyRing::load_or_create(&settings.secrets.key_file_in(&settings.data_dir))?;
    let store = Store::open(&settings.database.url_in(&settings.data_dir), keys).await?;
    store.migrate().await?;
    let blobs = Blobs::open(&settings.blobs.url_in(&settings.data_dir))?;
    let queue = Queue::open("local:")?;
    recover(&settings, &store, &blobs).await?;

    let stop = Stop::default();
    let mut worker =
        Worker::new(store.clone(), blobs.clone(), queue.clone(), for_worker(&settings)?)
            .map_err(|failure| failure.to_string())?;
    worker.hand_back = stop.hand_back.clone();
    let api = Api {
        store: store.clone(),
        blobs: blobs.clone(),
        queue: queue.clone(),
        limits: for_api(&settings),
        stopping: CancellationToken::new(),
    };
    let followers = api.stopping.clone();
    let mut server = tokio::spawn(slipway_api::serve(listener, api, Serving::default())?);
    let mut relay = tokio::spawn(Relay { store: store.clone(), queue }.run());
    let mut retention = tokio::spawn(retention::run(store, blobs, settings.blobs.keep()));
    let mut working = tokio::spawn(worker.run(stop.stopping.clone()));
    let grace = Duration::from_secs(settings.http.grace_seconds);
    let stopping = tokio::spawn(signals.drive(stop.clone(), grace));
    greet(&settings);

    // The builds first, then those who follow them.
    let crashed = tokio::select! {
        _ = &mut working => (!stop.stopping.is_cancelled()).then_some("worker"),
        _ = &mut server => Some(API),
        _ = &mut relay => Some("outbox relay"),
        _ = &mut retention => Some("retention"),
    };
    followers.cancel();
    if crashed != Some(API) {
        // It ends by itself once its followers are gone.
        let _ = server.await;
    }
    relay.abort();
    retention.abort();
    stopping.abort();
    match crashed {
        Some(part) => Err(format!("the {part} ended by itself").into()),
        None => {
            tracing::info!("stopped");
            Ok(())
        }
    }
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

fn bind(settings: &Settings) -> Result<TcpListener, Failure> {
    let address = settings.http.address()?;
    TcpListener::bind(address).map_err(|error| {
        format!(
            "cannot listen on {address}: {error}; choose another address with \
             SLIPWAY__HTTP__LISTEN or http.listen"
        )
        .into()
    })
}

/// Nobody else can hold anything here, so what the last process left is put in order at
/// once: builds it held go back into line, half-written uploads go, and hosts that are in
/// no settings any more are forgotten.
async fn recover(settings: &Settings, store: &Store, blobs: &Blobs) -> Result<(), Failure> {
    let returned = builds::return_all(store, settings.worker.max_attempts, store.now()).await?;
    for build in returned {
        tracing::info!(build.id = %build.build, build.status = %build.state, "was cut off before");
    }
    blobs.sweep_unfinished(store.now())?;
    let listed: BTreeSet<HostName> =
        settings.docker.for_worker()?.into_iter().map(|host| host.engine.name).collect();
    for host in hosts::all(store).await? {
        if !listed.contains(&host.name) {
            hosts::forget(store, &host.name).await?;
        }
    }
    Ok(())
}

fn for_worker(settings: &Settings) -> Result<WorkerSettings, Failure> {
    Ok(WorkerSettings {
        hosts: settings.docker.for_worker()?,
        concurrency: settings.worker.concurrency,
        lease: Duration::from_secs(settings.worker.lease_seconds),
        heartbeat: Duration::from_secs(settings.worker.heartbeat_seconds),
        raise_after: Duration::from_secs(settings.worker.priority_raise_seconds),
        max_attempts: settings.worker.max_attempts,
        fetch_timeout: Duration::from_secs(settings.build.fetch_timeout_seconds),
        build_timeout: Duration::from_secs(settings.build.timeout_seconds),
        push_timeout: Duration::from_secs(settings.build.push_timeout_seconds),
        extra_args: settings.build.extra_args.clone(),
        context: settings.limits.for_contexts(),
    })
}

fn for_api(settings: &Settings) -> slipway_api::Limits {
    slipway_api::Limits {
        upload_bytes: settings.limits.context_bytes,
        queue_timeout: settings.build.queue_timeout(),
        body_bytes: usize::try_from(settings.http.body_limit).unwrap_or(usize::MAX),
        ..slipway_api::Limits::default()
    }
}

fn greet(settings: &Settings) {
    let listen = &settings.http.listen;
    let data = settings.data_dir.display();
    tracing::info!("slipway {} is ready", env!("CARGO_PKG_VERSION"));
    tracing::info!("API   http://{listen}/api/v2");
    tracing::info!("docs  http://{listen}/docs");
    tracing::info!("data  {data}");
    for host in &settings.docker.hosts {
        tracing::info!("host  {}: {} ({} slots)", host.name, host.url, host.slots);
    }
}

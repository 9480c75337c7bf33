//! `slipwayd worker`: claims builds and runs them on the Docker hosts. Any number of these
//! run side by side; each can be killed at any moment.

use std::time::Duration;

use slipway_api::Otherwise;
use slipway_queue::Hears;
use tokio_util::sync::CancellationToken;

use super::check::{Daemon, check};
use super::{Failure, LAST_WORDS, ended};
use crate::lifecycle::{Signals, Stop};
use crate::parts::database;
use crate::parts::ground::Ground;
use crate::parts::listener::bind;
use crate::parts::part::Part;
use crate::parts::working::{self, Company};
use crate::settings::Settings;

/// Runs until told to stop.
///
/// # Errors
/// When something is missing that the worker cannot be without, or a part of it ended by
/// itself.
pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    check(&settings, Daemon::Worker)?;
    let ground = Ground::shared(&settings, "worker", Hears::CancelAsked)?;
    let listener = bind(settings.worker.address()?, "worker.listen")?;
    let stop = Stop::default();
    let worker = working::worker(&settings, &ground, &stop, Company::Others)?;
    let operations = ground.operations("worker", working::hosts(&worker), &stop.stopping)?;
    // It answers until the last build is out of the house.
    let closing = CancellationToken::new();
    let over = closing.clone();
    let serve = slipway_api::serve_operations(listener, operations, Otherwise::NoSuchPath, over)?;
    let mut server = Part::start("server of health and metrics", serve);
    tokio::select! {
        begun = database::until_current(&ground.store) => begun?,
        () = signals.next() => return ended(None),
    }

    let mut working = Part::start("worker", worker.run(stop.stopping.clone()));
    let grace = Duration::from_secs(settings.worker.grace_seconds);
    let stopping = tokio::spawn(signals.drive(stop.clone(), grace));
    tracing::info!("slipway {} takes work", env!("CARGO_PKG_VERSION"));
    tracing::info!("health  http://{}/health, metrics at /metrics", settings.worker.listen);
    settings.docker.greet();

    let crashed = tokio::select! {
        end = working.ended() => (!stop.stopping.is_cancelled()).then_some(end),
        crash = server.ended() => Some(crash),
    };
    stop.stopping.cancel();
    stop.hand_back.cancel();
    let _ = tokio::time::timeout(LAST_WORDS, working.finish()).await;
    closing.cancel();
    server.finish().await;
    stopping.abort();
    ended(crashed)
}

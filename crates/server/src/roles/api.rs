//! `slipwayd api`: takes builds and tells of them. Any number of these run side by side;
//! none knows of a Docker host but what the workers write down.

use slipway_api::{Hosts, Listener, Operations, Otherwise};
use slipway_queue::Hears;
use tokio_util::sync::CancellationToken;

use super::check::{Daemon, check};
use super::{Failure, ended};
use crate::lifecycle::Signals;
use crate::parts::database;
use crate::parts::ground::Ground;
use crate::parts::listener::Port;
use crate::parts::serving::Serving;
use crate::parts::working::Company;
use crate::settings::Settings;

/// Runs until told to stop.
///
/// # Errors
/// When something is missing that the service cannot be without, or a part of it ended
/// by itself.
pub(crate) async fn run(settings: Settings) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    check(&settings, Daemon::Api)?;
    let ground = Ground::shared(&settings, "api", Hears::Everything)?;
    let port = Port::of_api(&settings)?;
    let stopping = CancellationToken::new();
    let operations = ground.operations("api", Hosts::default(), &stopping)?;
    tokio::select! {
        begun = wait(&ground, port.listener()?, operations.clone()) => begun?,
        () = signals.next() => return ended(None),
    }
    let mut serving = Serving::start(&port, &ground, &settings, operations, Company::Others)?;
    tracing::info!("slipway {} takes builds", env!("CARGO_PKG_VERSION"));
    tracing::info!("API   {}/api/v2", settings.http.url());
    tracing::info!("docs  {}/docs", settings.http.url());

    let crashed = tokio::select! {
        () = signals.next() => None,
        crash = serving.crashed() => Some(crash),
    };
    stopping.cancel();
    tracing::info!("stopping: requests at hand may finish; signal again to end now");
    tokio::select! {
        () = serving.stop() => {}
        () = signals.next() => {}
    }
    ended(crashed)
}

/// Waits for the database behind a server that answers for its health, and to everybody
/// else that it will be there soon. Connections that nobody has accepted by then stay: the
/// port is the same.
async fn wait(
    ground: &Ground,
    listener: Listener,
    mut operations: Operations,
) -> Result<(), Failure> {
    operations.health.starting = true;
    let over = CancellationToken::new();
    let server =
        slipway_api::serve_operations(listener, operations, Otherwise::NotYet, over.clone())?;
    let server = tokio::spawn(server);
    let begun = database::until_current(&ground.store).await;
    over.cancel();
    let _ = server.await;
    begun
}

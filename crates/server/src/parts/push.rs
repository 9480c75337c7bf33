//! Those who follow builds without asking are told by API servers.

use std::sync::Arc;

use slipway_follow::Hub;
use slipway_follow::push::{Push, PushSettings};
use slipway_outbound::{AddressPolicy, Fetcher, Guard};

use super::ground::Ground;
use crate::roles::Failure;
use crate::settings::Settings;

/// Not begun yet. Logs are read by `hub`, beside those of all who ask. Whoever submits a build
/// names these addresses: they pass `addresses`.
///
/// # Errors
/// When a setting cannot be used.
pub(crate) fn push(
    settings: &Settings,
    ground: &Ground,
    hub: Hub,
    addresses: AddressPolicy,
) -> Result<Push, Failure> {
    let Ground { store, queue, .. } = ground.clone();
    let roots = settings.sources.extra_roots()?;
    let fetcher = Fetcher::new(Guard::new(addresses), &roots)?;
    let kafka = settings.kafka.clusters()?;
    let told = PushSettings { kafka, ..settings.followers.push()? };
    Ok(Push::new(store, queue, hub, fetcher, told, Arc::new(slipway_api::show_build)))
}

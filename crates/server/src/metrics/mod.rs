//! The numbers of a process, for Prometheus.
//!
//! What happens is counted where it happens, through the `metrics` facade; how things
//! stand is read from the rows when somebody asks. [`catalogue`] lists them all.

mod catalogue;
mod rows;
mod text;

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use slipway_api::Scrape;

use crate::parts::ground::Ground;
use catalogue::{COUNTERS, GAUGES, HISTOGRAMS};
use rows::Rows;

/// How often samples of histograms are put into their buckets, where nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(10);

/// Begins to count, and says how to read what was counted. Call it inside of a runtime,
/// once in a process.
///
/// # Errors
/// When the process counts already.
pub(crate) fn start(ground: &Ground, role: &'static str) -> Result<Scrape, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for (name, buckets, _) in HISTOGRAMS {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets)?;
    }
    let handle = builder.install_recorder()?;
    for (name, help) in COUNTERS {
        metrics::describe_counter!(name, help);
    }
    for (name, help) in GAUGES {
        metrics::describe_gauge!(name, help);
    }
    for (name, _, help) in HISTOGRAMS {
        metrics::describe_histogram!(name, help);
    }
    metrics::describe_gauge!("slipway_info", catalogue::INFO);
    metrics::gauge!("slipway_info", "version" => env!("CARGO_PKG_VERSION"), "role" => role).set(1);
    tokio::spawn(keep_up(handle.clone()));
    let rows = Arc::new(Rows::new(ground));
    Ok(Scrape(Arc::new(move || {
        let (handle, rows) = (handle.clone(), Arc::clone(&rows));
        Box::pin(async move { handle.render() + &rows.render().await })
    })))
}

async fn keep_up(handle: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        handle.run_upkeep();
    }
}

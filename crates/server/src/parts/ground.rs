//! What every role stands on: rows, bytes and bells.

use slipway_api::{Health, Hosts, Operations};
use slipway_queue::{Hears, Queue};
use slipway_store::Store;
use slipway_store::blobs::Blobs;
use tokio_util::sync::CancellationToken;

use crate::metrics;
use crate::roles::Failure;
use crate::settings::Settings;

/// Handles on what outlives the process. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) queue: Queue,
}

impl Ground {
    /// For a process that is alone: in its data directory, where nothing else is set. The
    /// schema is brought up to date.
    ///
    /// # Errors
    /// When the database does not answer, or a setting cannot be used.
    pub(crate) async fn own(settings: &Settings) -> Result<Self, Failure> {
        let url = settings.database.url_in(&settings.data_dir);
        let store = Store::open(&url, settings.own_keys()?).await?;
        store.migrate().await?;
        let blobs =
            Blobs::open(&settings.blobs.url_in(&settings.data_dir), &settings.blobs.access())?;
        let store = store.with_archive(&blobs);
        // Nobody else is there to hear a bell.
        Ok(Self { store, blobs, queue: Queue::open("local:")? })
    }

    /// For one of many processes. Neither database nor broker has to answer yet.
    ///
    /// # Errors
    /// When a setting is missing or cannot be used.
    pub(crate) fn shared(settings: &Settings, role: &str, hears: Hears) -> Result<Self, Failure> {
        settings.check_shared(role)?;
        let url = settings.database.url_in(&settings.data_dir);
        let store = Store::open_later(&url, settings.shared_keys(role)?)?;
        let blobs =
            Blobs::open(&settings.blobs.url_in(&settings.data_dir), &settings.blobs.access())?;
        let store = store.with_archive(&blobs);
        Ok(Self { store, blobs, queue: Queue::open_for(&settings.queue.url, hears)? })
    }

    /// What a process on this ground tells its operators. `role` is its label in metrics.
    /// To be called once.
    ///
    /// # Errors
    /// When the process counts already.
    pub(crate) fn operations(
        &self,
        role: &'static str,
        hosts: Hosts,
        stopping: &CancellationToken,
    ) -> Result<Operations, Failure> {
        tokio::spawn(look_at(self.blobs.clone()));
        let health = Health {
            store: self.store.clone(),
            blobs: self.blobs.clone(),
            queue: self.queue.clone(),
            hosts,
            starting: false,
            stopping: stopping.clone(),
        };
        Ok(Operations { health, metrics: metrics::start(self, role)? })
    }
}

/// Says at once what would else be found out with the first upload. No reason not to start:
/// builds of Dockerfiles need no blobs, and who has to mend it may be at work on it.
async fn look_at(blobs: Blobs) {
    if let Err(error) = blobs.ping().await {
        let cause = &error as &dyn std::error::Error;
        tracing::error!(error = cause, "uploads can be neither kept nor read; see [blobs]");
    }
}

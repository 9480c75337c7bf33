//! HTTP: the native API and the dialects of older services.
//!
//! Whatever words a request uses, it becomes one `BuildSpec` and passes `intake`, the
//! only door into the store. Answers are rows, rendered. Nothing here knows of a worker:
//! what is to be done is written down, and a bell is rung.

mod archive;
mod body;
mod cursor;
mod dialects;
mod error;
mod health;
mod intake;
mod json;
mod live;
mod native;
mod openapi;
mod operations;
mod packed;
mod params;
mod reachable;
mod receive;
mod request_log;
mod routes;
mod secrets;
mod serve;
mod templates;
mod trace;
mod warnings;
pub mod webhooks;

pub use dialects::DialectSettings;
pub use health::{Health, Hosts, Usable};
pub use live::{Live, Origins};
pub use native::show_build;
pub use operations::{Operations, Scrape};
pub use serve::{Listener, Otherwise, Serving, serve, serve_operations};
pub use templates::{BrokenTemplate, TemplateRegistry, TemplateSettings, Templates};

use std::sync::Arc;
use std::time::Duration;

use slipway_outbound::AddressPolicy;
use slipway_queue::Queue;
use slipway_store::Store;
use slipway_store::blobs::Blobs;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// What the handlers work with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    /// Where the rows are.
    pub store: Store,
    /// Where the bytes of uploads are.
    pub blobs: Blobs,
    /// Where the bells hang.
    pub queue: Queue,
    /// Where followers meet.
    pub live: Live,
    /// How much is taken.
    pub limits: Limits,
    /// Which addresses followers may have.
    pub addresses: AddressPolicy,
    /// What builds can be made from that bring no source.
    pub templates: Arc<Templates>,
    /// What is decided about the older services' APIs.
    pub dialects: DialectSettings,
    /// What operators have set of webhooks.
    pub webhooks: webhooks::Webhooks,
    /// Where the connections of the store are at home.
    pub runtime: Handle,
    /// Cancelled when the process is about to stop. Followers are sent away with a hint
    /// to come back, and a server made by [`serve`] takes no new requests, finishes those
    /// at hand, and ends.
    pub stopping: CancellationToken,
}

/// How much is taken from a request.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest upload in bytes.
    pub upload_bytes: u64,
    /// Largest JSON body in bytes.
    pub body_bytes: usize,
    /// Largest JSON body of boatyard in bytes: it may hold an archive in base64.
    pub boatyard_body_bytes: usize,
    /// Largest JSON body of buildshuttle in bytes: it may hold an archive in base64.
    pub buildshuttle_body_bytes: usize,
    /// How long a build may be in line where it says nothing itself; `None` means for ever.
    pub queue_timeout: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload_bytes: 4 << 30,
            body_bytes: 2 << 20,
            boatyard_body_bytes: 64 << 20,
            buildshuttle_body_bytes: 128 << 20,
            queue_timeout: Some(Duration::from_secs(24 * 60 * 60)),
        }
    }
}

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
mod native;
mod openapi;
mod params;
mod receive;
mod request_log;
mod routes;

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::{App, HttpServer, web};
use slipway_queue::Queue;
use slipway_store::Store;
use slipway_store::blobs::Blobs;
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
    /// How much is taken.
    pub limits: Limits,
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
    /// How long a build may be in line where it says nothing itself; `None` means for ever.
    pub queue_timeout: Option<Duration>,
    /// How long a host may go unreported before health says so.
    pub host_silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload_bytes: 4 << 30,
            body_bytes: 2 << 20,
            boatyard_body_bytes: 64 << 20,
            queue_timeout: Some(Duration::from_secs(24 * 60 * 60)),
            host_silence: Duration::from_secs(120),
        }
    }
}

/// How a server runs.
#[derive(Debug, Clone, Copy)]
pub struct Serving {
    /// Threads that serve requests.
    pub workers: usize,
    /// How long requests at hand may take to finish once the server is stopping.
    pub grace: Duration,
}

impl Default for Serving {
    fn default() -> Self {
        Self { workers: 2, grace: Duration::from_secs(10) }
    }
}

/// Adds every route to an application.
pub fn configure(cfg: &mut web::ServiceConfig, api: Api) {
    cfg.app_data(web::Data::new(api));
    routes::table(cfg);
}

/// Serves on a listener that is bound already. Await the server to run it; it ends when
/// [`Api::stopping`] is cancelled. Signals are left to the caller.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(listener: TcpListener, api: Api, serving: Serving) -> io::Result<Server> {
    let stopping = api.stopping.clone();
    let server = HttpServer::new(move || {
        let api = api.clone();
        App::new()
            // What we answer is what we say it is: no browser shall find a page in a log.
            .wrap(DefaultHeaders::new().add(("X-Content-Type-Options", "nosniff")))
            .wrap(from_fn(request_log::write))
            .configure(move |cfg| configure(cfg, api))
    })
    .workers(serving.workers.max(1))
    // Longer than proxies keep idle connections, so that it is never us who hangs up on
    // one just as a request comes in.
    .keep_alive(Duration::from_secs(75))
    .client_request_timeout(Duration::from_secs(10))
    .client_disconnect_timeout(Duration::from_secs(5))
    .disable_signals()
    .shutdown_signal(stopping.cancelled_owned())
    .shutdown_timeout(serving.grace.as_secs())
    .listen(listener)?
    .run();
    Ok(server)
}

//! A server on a listener that is bound already.
//!
//! The whole API, or, for a process that is no API or not yet one, only what an operator
//! asks of it.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, Service as _};
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::{App, HttpServer, web};
use socket2::SockRef;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::ResolvesServerCert;
use tokio_util::sync::CancellationToken;

use crate::dialects::generator;
use crate::{Api, Operations, Origins, packed, request_log, routes};

/// How a server runs.
#[derive(Debug, Clone, Copy)]
pub struct Serving {
    /// Threads that serve requests.
    pub workers: usize,
    /// How long requests at hand may take to finish once the server is stopping.
    pub grace: Duration,
    /// How long a client may leave what it was sent unread, before the connection is cut.
    pub unread: Duration,
}

impl Default for Serving {
    fn default() -> Self {
        Self { workers: 2, grace: Duration::from_secs(10), unread: Duration::from_secs(30) }
    }
}

/// A port that is taken already, and what is spoken there.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    tls: Option<ServerConfig>,
}

impl From<TcpListener> for Listener {
    /// Plain HTTP.
    fn from(socket: TcpListener) -> Self {
        Self { socket, tls: None }
    }
}

impl Listener {
    /// HTTP over TLS, of version 1.1 or 2 as client and server agree. `certificates` is
    /// asked for each connection.
    ///
    /// # Errors
    /// When the library has no version of TLS to offer, which would be a mistake in it.
    pub fn over_tls(
        socket: TcpListener,
        certificates: Arc<dyn ResolvesServerCert>,
    ) -> io::Result<Self> {
        // Named, because a process may have several providers linked in.
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(certificates);
        Ok(Self { socket, tls: Some(config) })
    }
}

/// What a process answers where it does not serve the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// There is no such path, and never will be.
    NoSuchPath,
    /// It will be there soon: try again.
    NotYet,
}

/// Serves every route. Await the server to run it; it ends when [`Api::stopping`] is
/// cancelled. Signals are left to the caller.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(
    listener: impl Into<Listener>,
    api: Api,
    operations: Operations,
    serving: Serving,
) -> io::Result<Server> {
    let stopping = api.stopping.clone();
    let places = generator::Places::default();
    let configure = move |cfg: &mut web::ServiceConfig| {
        cfg.app_data(web::Data::new(api.clone()));
        cfg.app_data(web::Data::new(places.clone()));
        add(cfg, &operations);
        routes::table(cfg, &api.dialects.origins);
    };
    run(listener.into(), configure, serving, stopping)
}

/// Serves what operators ask, and no API, until `stopping` is cancelled; all else is answered as `otherwise`
/// says. Await the server to run it.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve_operations(
    listener: impl Into<Listener>,
    operations: Operations,
    otherwise: Otherwise,
    stopping: CancellationToken,
) -> io::Result<Server> {
    let configure = move |cfg: &mut web::ServiceConfig| {
        add(cfg, &operations);
        // Who asks a process that is no API, or not yet one, is no page.
        routes::for_operators(cfg, &Origins::default());
        routes::otherwise(cfg, otherwise);
    };
    let serving = Serving { workers: 1, grace: Duration::from_secs(1), ..Serving::default() };
    run(listener.into(), configure, serving, stopping)
}

fn add(cfg: &mut web::ServiceConfig, operations: &Operations) {
    cfg.app_data(web::Data::new(operations.health.clone()));
    cfg.app_data(web::Data::new(operations.metrics.clone()));
}

fn run(
    listener: Listener,
    configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    serving: Serving,
    stopping: CancellationToken,
) -> io::Result<Server> {
    // A client that goes away without a word, or stays and does not read, would be sent to for
    // ever. The kernel knows how long nothing has arrived, and cuts a connection off then; each
    // has this from its listener. Without it, it would only be held for longer.
    let _ = SockRef::from(&listener.socket).set_tcp_user_timeout(Some(serving.unread));
    let server = HttpServer::new(move || {
        App::new()
            // What we answer is what we say it is: no browser shall find a page in a log.
            .wrap(DefaultHeaders::new().add(("X-Content-Type-Options", "nosniff")))
            .wrap(from_fn(request_log::write))
            .wrap_fn(|mut req, next| {
                packed::headers(&mut req);
                next.call(req)
            })
            .configure(configure.clone())
    })
    .workers(serving.workers.max(1))
    // Longer than proxies keep idle connections, so that it is never us who hangs up on
    // one just as a request comes in.
    .keep_alive(Duration::from_secs(75))
    // Together with the size of a follower's pieces: what a connection is sent fits into the
    // buffer that it begins with.
    .h1_write_buffer_size(1024)
    .client_request_timeout(Duration::from_secs(10))
    .client_disconnect_timeout(Duration::from_secs(5))
    .disable_signals()
    .shutdown_signal(stopping.cancelled_owned())
    .shutdown_timeout(serving.grace.as_secs());
    let server = match listener.tls {
        Some(config) => server.listen_rustls_0_23(listener.socket, config)?,
        None => server.listen(listener.socket)?,
    };
    Ok(server.run())
}

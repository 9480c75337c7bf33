//! The line over which BuildKit asks us back while it builds.
//!
//! It is HTTP turned around: we send `POST /session`, the engine switches the connection to
//! HTTP/2 and calls gRPC services on it: [`auth`] for logins, [`secrets`] and [`ssh`] for what
//! steps mount, and [`health`]. Without a session it could not even pull a public image from a
//! registry that wants an anonymous token, so every build has one.
//!
//! The session is a task that ends with its [`Session`]; the engine drops its side when the
//! connection closes. All that is secret reaches the engine this way, and nothing of it is in
//! the request of the build, its cache or the image.

mod auth;
mod health;
mod secrets;
mod ssh;

use std::collections::BTreeMap;
use std::sync::Arc;

use bollard::health::health_server::HealthServer;
use bollard::moby::buildkit::secrets::v1::secrets_server::SecretsServer;
use bollard::moby::filesync::v1::auth_server::AuthServer;
use bollard::moby::sshforward::v1::ssh_server::SshServer;
use http::Method;
use http::header::{CONNECTION, UPGRADE};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use slipway_domain::{Credentials, Failure, Reason, RegistryHost, Secrets};
use tokio_util::task::AbortOnDropHandle;
use tonic::codegen::Service;
use tracing::Instrument as _;
use uuid::Uuid;

use self::auth::Logins;
use self::health::Alive;
use self::secrets::BuildSecrets;
use self::ssh::Agents;
use super::wire::{self, Wire, WireError};

/// What the engine may call, in a header of its own each: it takes what is not listed for
/// something that this side does not know.
const METHODS: [&str; 4] = [
    "/moby.filesync.v1.Auth/Credentials",
    "/moby.buildkit.secrets.v1.Secrets/GetSecret",
    "/moby.sshforward.v1.SSH/CheckAgent",
    "/moby.sshforward.v1.SSH/ForwardAgent",
];

/// Open until it is dropped.
pub(super) struct Session {
    id: String,
    _task: AbortOnDropHandle<()>,
}

/// What the engine may ask for.
struct Hands {
    logins: BTreeMap<RegistryHost, Credentials>,
    secrets: BuildSecrets,
    agents: Agents,
}

impl Session {
    /// Opens a session beside what the caller does next. The engine waits some seconds for a
    /// session that a build names, so that nobody has to wait here.
    ///
    /// # Errors
    /// When an SSH key cannot be read.
    pub(super) fn start(wire: Arc<Wire>, given: &Secrets) -> Result<Self, Failure> {
        let agents = Agents::new(&given.ssh).map_err(|problem| {
            Failure::new(Reason::Internal, format!("an ssh key of the build {problem}"))
                .hint(problem.hint())
        })?;
        let hands = Hands {
            logins: given.registry_auth.clone(),
            secrets: BuildSecrets(given.build.clone()),
            agents,
        };
        let id = Uuid::new_v4().simple().to_string();
        let serving = {
            let id = id.clone();
            async move {
                if let Err(error) = serve(&wire, &id, hands).await {
                    // The build goes on: it may not need a login. If it does, the engine says so.
                    tracing::debug!(%error, "a buildkit session ended early");
                }
            }
        };
        let task = tokio::spawn(serving.in_current_span());
        Ok(Self { id, _task: AbortOnDropHandle::new(task) })
    }

    /// What a build names it by.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

/// Serves the engine's calls until it closes the connection.
async fn serve(wire: &Wire, id: &str, hands: Hands) -> Result<(), WireError> {
    let mut head = wire::request(Method::POST, "/session")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "h2c")
        .header("X-Docker-Expose-Session-Uuid", id)
        .header("X-Docker-Expose-Session-Name", "slipway");
    for method in METHODS {
        head = head.header("X-Docker-Expose-Session-Grpc-Method", method);
    }
    let reply = wire.send(wire::with_body(head, wire::nothing())?).await?;
    let upgraded =
        hyper::upgrade::on(reply.response).await.map_err(|error| wire::broken(&error))?;

    let auth = AuthServer::new(Logins(hands.logins));
    let secrets = SecretsServer::new(hands.secrets);
    let ssh = SshServer::new(hands.agents);
    let health = HealthServer::new(Alive);
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let (mut auth, mut secrets) = (auth.clone(), secrets.clone());
        let (mut ssh, mut health) = (ssh.clone(), health.clone());
        async move {
            // An unknown method of any service is answered "unimplemented".
            match request.uri().path() {
                path if path.starts_with("/grpc.health.") => health.call(request).await,
                path if path.starts_with("/moby.buildkit.secrets.") => secrets.call(request).await,
                path if path.starts_with("/moby.sshforward.") => ssh.call(request).await,
                _ => auth.call(request).await,
            }
        }
    });
    http2::Builder::new(TokioExecutor::new())
        .serve_connection(upgraded, service)
        .await
        .map_err(|error| wire::broken(&error))
}

//! The line over which BuildKit asks us back while it builds.
//!
//! It is HTTP turned around: we send `POST /session`, the engine switches the connection to
//! HTTP/2 and calls gRPC services on it. The one it needs is `moby.filesync.v1.Auth`, which
//! gives it the logins for base images. Without a session it could not even pull a public
//! image from a registry that wants an anonymous token, so every build has one.
//!
//! The session is a task that ends with its [`Session`]; the engine drops its side when the
//! connection closes. Secrets and SSH agents would be further services here.

use std::collections::BTreeMap;
use std::sync::Arc;

use bollard::health::health_check_response::ServingStatus;
use bollard::health::health_server::{Health, HealthServer};
use bollard::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
};
use bollard::moby::filesync::v1::auth_server::{Auth, AuthServer};
use bollard::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse,
    GetTokenAuthorityRequest, GetTokenAuthorityResponse, VerifyTokenAuthorityRequest,
    VerifyTokenAuthorityResponse,
};
use http::Method;
use http::header::{CONNECTION, UPGRADE};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use slipway_domain::{Credentials, RegistryHost};
use tokio_util::task::AbortOnDropHandle;
use tonic::codegen::Service;
use tonic::{Request, Response, Status};
use tracing::Instrument as _;
use uuid::Uuid;

use super::wire::{self, Wire, WireError};

/// Open until it is dropped.
pub(super) struct Session {
    id: String,
    _task: AbortOnDropHandle<()>,
}

/// Logins for base images, by registry.
pub(super) type Logins = BTreeMap<RegistryHost, Credentials>;

impl Session {
    /// Opens a session beside what the caller does next. The engine waits some seconds for a
    /// session that a build names, so that nobody has to wait here.
    pub(super) fn start(wire: Arc<Wire>, logins: Logins) -> Self {
        let id = Uuid::new_v4().simple().to_string();
        let serving = {
            let id = id.clone();
            async move {
                if let Err(error) = serve(&wire, &id, logins).await {
                    // The build goes on: it may not need a login. If it does, the engine says so.
                    tracing::debug!(%error, "a buildkit session ended early");
                }
            }
        };
        let task = tokio::spawn(serving.in_current_span());
        Self { id, _task: AbortOnDropHandle::new(task) }
    }

    /// What a build names it by.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

/// Serves the engine's calls until it closes the connection.
async fn serve(wire: &Wire, id: &str, logins: Logins) -> Result<(), WireError> {
    let head = wire::request(Method::POST, "/session")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "h2c")
        .header("X-Docker-Expose-Session-Uuid", id)
        .header("X-Docker-Expose-Session-Name", "slipway")
        .header("X-Docker-Expose-Session-Grpc-Method", "/moby.filesync.v1.Auth/Credentials");
    let reply = wire.send(wire::with_body(head, wire::nothing())?).await?;
    let upgraded =
        hyper::upgrade::on(reply.response).await.map_err(|error| wire::broken(&error))?;

    let auth = AuthServer::new(Keys(logins));
    let health = HealthServer::new(Alive);
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let (mut auth, mut health) = (auth.clone(), health.clone());
        async move {
            // An unknown method of either service is answered "unimplemented".
            if request.uri().path().starts_with("/grpc.health.") {
                health.call(request).await
            } else {
                auth.call(request).await
            }
        }
    });
    http2::Builder::new(TokioExecutor::new())
        .serve_connection(upgraded, service)
        .await
        .map_err(|error| wire::broken(&error))
}

struct Keys(Logins);

#[tonic::async_trait]
impl Auth for Keys {
    /// The login for a registry, or an empty one, which BuildKit takes for "anonymous".
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        // BuildKit says registry-1.docker.io for Docker Hub.
        let registry = RegistryHost::normalised(&request.get_ref().host);
        let login = self.0.get(&registry).map(|login| CredentialsResponse {
            username: login.username.clone(),
            secret: login.password.expose().to_owned(),
        });
        Ok(Response::new(login.unwrap_or_default()))
    }

    // Tokens are the engine's business: fetching them here would send a request, with the
    // login in it, from the worker to wherever a registry points.

    async fn fetch_token(
        &self,
        _: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(no_tokens())
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(no_tokens())
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(no_tokens())
    }
}

fn no_tokens() -> Status {
    Status::unavailable("tokens are not fetched on this side")
}

/// The engine asks every second, and ends the session when nobody answers.
struct Alive;

#[tonic::async_trait]
impl Health for Alive {
    type WatchStream = futures::stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }

    async fn list(
        &self,
        _: Request<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("list"))
    }

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("watch"))
    }
}

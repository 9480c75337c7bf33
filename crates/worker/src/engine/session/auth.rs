//! `moby.filesync.v1.Auth`: logins for base images.

use std::collections::BTreeMap;

use bollard::moby::filesync::v1::auth_server::Auth;
use bollard::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse,
    GetTokenAuthorityRequest, GetTokenAuthorityResponse, VerifyTokenAuthorityRequest,
    VerifyTokenAuthorityResponse,
};
use slipway_domain::{Credentials, RegistryHost};
use tonic::{Request, Response, Status};

/// Logins for base images, by registry.
pub(super) struct Logins(pub(super) BTreeMap<RegistryHost, Credentials>);

#[tonic::async_trait]
impl Auth for Logins {
    /// The login for a registry, or an empty one, which BuildKit takes for "anonymous".
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        // BuildKit says registry-1.docker.io for Docker Hub.
        let registry = RegistryHost::normalised(&request.get_ref().host);
        let login = self.0.get(&registry).map(|login| CredentialsResponse {
            // A secret without a name is an identity token (session/auth in moby/buildkit).
            username: if login.is_identity_token() {
                String::new()
            } else {
                login.username.clone()
            },
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

//! `moby.buildkit.secrets.v1.Secrets`: what `RUN --mount=type=secret` finds.

use std::collections::BTreeMap;

use bollard::moby::buildkit::secrets::v1::secrets_server::Secrets;
use bollard::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use slipway_domain::{Secret, SecretId};
use tonic::{Request, Response, Status};

/// Secrets by their id.
pub(super) struct BuildSecrets(pub(super) BTreeMap<SecretId, Secret>);

#[tonic::async_trait]
impl Secrets for BuildSecrets {
    /// "Not found" is what tells BuildKit that a mount stays empty, or, where the Dockerfile
    /// says `required`, that the step cannot run (session/secrets in moby/buildkit).
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = request.get_ref().id.as_str();
        match self.0.get(id) {
            Some(secret) => {
                let data = secret.expose().as_bytes().to_vec();
                Ok(Response::new(GetSecretResponse { data }))
            }
            None => Err(Status::not_found(format!("the build has no secret {id}"))),
        }
    }
}

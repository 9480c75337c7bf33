//! `moby.sshforward.v1.SSH`: the agent behind the socket of `RUN --mount=type=ssh`.
//!
//! The engine opens a stream for each connection that a step makes to the socket, and names the
//! agent in its metadata. The agent is [`slipway_ssh::Agent`], in this process: a step can have
//! something signed while it runs, and gets no key.

use std::collections::BTreeMap;
use std::sync::Arc;

use bollard::moby::sshforward::v1::ssh_server::Ssh;
use bollard::moby::sshforward::v1::{BytesMessage, CheckAgentRequest, CheckAgentResponse};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use slipway_domain::{Secret, SecretId};
use slipway_ssh::{Agent, KeyProblem, Messages, SshKey};
use tonic::{Request, Response, Status};

/// Where a stream names its agent (`KeySSHID` in session/sshforward of moby/buildkit), and the
/// name where none is given.
const NAME: &str = "buildkit.ssh.id";
const DEFAULT: &str = "default";

/// Agents by their id, each with one key.
pub(super) struct Agents(BTreeMap<SecretId, Arc<Agent>>);

impl Agents {
    /// An agent for each of the keys.
    ///
    /// # Errors
    /// When one is no key: the door refuses those, so that it is of another release.
    pub(super) fn new(keys: &BTreeMap<SecretId, Secret>) -> Result<Self, KeyProblem> {
        let agents = keys.iter().map(|(id, key)| {
            let agent = Agent::new(vec![SshKey::parse(key.expose())?]);
            Ok((id.clone(), Arc::new(agent)))
        });
        Ok(Self(agents.collect::<Result<_, _>>()?))
    }

    fn find(&self, id: &str) -> Result<&Arc<Agent>, Status> {
        let id = if id.is_empty() { DEFAULT } else { id };
        // The words come back in the failure of the build, see `faults::dockerfile`.
        self.0.get(id).ok_or_else(|| Status::not_found(format!("ssh key {id} not found")))
    }
}

#[tonic::async_trait]
impl Ssh for Agents {
    /// Asked before the step runs.
    async fn check_agent(
        &self,
        request: Request<CheckAgentRequest>,
    ) -> Result<Response<CheckAgentResponse>, Status> {
        self.find(&request.get_ref().id)?;
        Ok(Response::new(CheckAgentResponse {}))
    }

    type ForwardAgentStream = BoxStream<'static, Result<BytesMessage, Status>>;

    async fn forward_agent(
        &self,
        request: Request<tonic::Streaming<BytesMessage>>,
    ) -> Result<Response<Self::ForwardAgentStream>, Status> {
        let named = request.metadata().get(NAME).and_then(|id| id.to_str().ok());
        let agent = Arc::clone(self.find(named.unwrap_or_default())?);
        let mut messages = Messages::default();
        let answers = request.into_inner().filter_map(move |piece| {
            let answer = piece.and_then(|piece| {
                let answer = messages.answer(&piece.data, &agent);
                answer.map_err(|error| Status::invalid_argument(error.to_string()))
            });
            let answer = match answer {
                // The message goes on in the next piece.
                Ok(data) if data.is_empty() => None,
                Ok(data) => Some(Ok(BytesMessage { data })),
                Err(status) => Some(Err(status)),
            };
            std::future::ready(answer)
        });
        Ok(Response::new(answers.boxed()))
    }
}

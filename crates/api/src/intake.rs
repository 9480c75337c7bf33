//! The only door into the store.
//!
//! Every dialect translates its request into a draft; here the draft is checked, written
//! down and rung for. What is accepted is in the database before the client hears of it.

use std::sync::Arc;

use slipway_domain::{
    BuildId, BuildSpec, BuildSpecDraft, FieldError, Follower, SecretNames, Secrets,
};
use slipway_queue::News;
use slipway_store::StoreError;
use slipway_store::builds::{self, Build, Idempotency, Submission, Submitted};
use slipway_store::names::Name;
use tracing::Instrument as _;

use crate::error::Error;
use crate::{Api, reachable, trace};

/// A checked request.
pub(crate) struct Order {
    pub(crate) spec: BuildSpec,
    pub(crate) secrets: Secrets,
    /// The build that this one repeats.
    pub(crate) retry_of: Option<BuildId>,
    /// The sender's key for repeating the request safely.
    pub(crate) key: Option<Key>,
    /// Who is told of it.
    pub(crate) followers: Vec<Follower>,
    /// What its sender calls it.
    pub(crate) names: Vec<Name>,
}

/// An idempotency key: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone)]
pub(crate) struct Key(String);

/// What became of an order.
pub(crate) enum Accepted {
    /// It is in line.
    New(Build),
    /// The same order came before under its key.
    Before(Build),
}

impl Order {
    /// Checks a request.
    pub(crate) fn check(draft: BuildSpecDraft, secrets: Secrets) -> Result<Self, Error> {
        Ok(Self::again(draft.parse()?, secrets))
    }

    /// What was checked before, with what was brought for it.
    pub(crate) fn again(spec: BuildSpec, secrets: Secrets) -> Self {
        let spec = BuildSpec { secret_names: SecretNames::of(&secrets), ..spec };
        Self { spec, secrets, retry_of: None, key: None, followers: Vec::new(), names: Vec::new() }
    }
}

impl Key {
    /// Reads the value of the `Idempotency-Key` header.
    pub(crate) fn parse(value: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(value)
            .ok()
            .filter(|text| (1..=255).contains(&text.len()))
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
        match text {
            Some(text) => Ok(Self(text.to_owned())),
            None => Err(FieldError::new(
                "Idempotency-Key",
                "must be 1 to 255 visible ASCII characters, without spaces",
            )
            .into()),
        }
    }
}

/// Accepts an order: writes it down, then rings.
///
/// A walk to the database wakes the thread that its connection belongs to, and that one the
/// thread of the request. A submit is several walks: they are made where the connections are,
/// and only the last one wakes this thread.
pub(crate) async fn submit(api: &Api, order: &Arc<Order>) -> Result<Accepted, Error> {
    let (there, taken) = (api.clone(), Arc::clone(order));
    let accepting = async move { accept(&there, &taken).await };
    match api.runtime.spawn(accepting.in_current_span()).await {
        Ok(accepted) => accepted,
        // The process is ending, or there is a bug that the panic's own line tells of.
        Err(error) => Err(StoreError::Unavailable(error.into()).into()),
    }
}

async fn accept(api: &Api, order: &Order) -> Result<Accepted, Error> {
    reachable::check(&api.addresses, &order.followers)?;
    let digests = order.key.as_ref().map(|_| fingerprints(api, order));
    let idempotency = order
        .key
        .as_ref()
        .zip(digests.as_deref())
        .map(|(key, request_digests)| Idempotency { key: &key.0, request_digests });
    let traceparent = trace::current().map(|here| here.to_string());
    let submission = Submission {
        id: BuildId::generate(),
        spec: &order.spec,
        secrets: &order.secrets,
        retry_of: order.retry_of,
        idempotency,
        names: &order.names,
        queue_timeout: api.limits.queue_timeout,
        traceparent: traceparent.as_deref(),
        followers: &order.followers,
    };
    match builds::submit(&api.store, &submission, api.store.now()).await? {
        Submitted::New { build, superseded, bell } => {
            // Nobody can follow it yet but those it brought: no news for others but the bell.
            api.queue.outbox_has(bell);
            if !order.followers.is_empty() {
                api.queue.tell(News::Happened(build.id));
            }
            for older in superseded {
                tracing::info!(build.id = %older, superseded_by = %build.id, "a build is superseded");
                api.queue.tell(News::Happened(older));
                api.queue.tell(News::CancelAsked(older));
            }
            metrics::counter!("slipway_builds_submitted_total").increment(1);
            tracing::info!(
                build.id = %build.id,
                image = %build.spec.image,
                project = %build.spec.project,
                "a build is in line"
            );
            Ok(Accepted::New(*build))
        }
        Submitted::Before(build) => Ok(Accepted::Before(*build)),
        Submitted::KeyTaken => Err(Error::KeyTaken),
        Submitted::NameTaken => Err(Error::NameTaken),
        Submitted::NoSuchUpload => match order.spec.source.upload() {
            Some(id) if order.retry_of.is_none() => Err(Error::UploadNamed(id)),
            Some(_) | None => Err(Error::UploadGone),
        },
    }
}

/// What makes two requests the same: all that was asked for, logins included, in one
/// form however it was spelled. The digests are keyed, because they outlive the logins.
fn fingerprints(api: &Api, order: &Order) -> Vec<String> {
    // What the secrets are called is among them already, and was not kept in former releases.
    let spec = BuildSpec { secret_names: SecretNames::default(), ..order.spec.clone() };
    // Maps of strings and words: this cannot fail to serialise.
    let spec = serde_json::to_vec(&spec).unwrap_or_default();
    let secrets = order.secrets.expose_bytes();
    let retry_of = order.retry_of.map(|id| id.to_string()).unwrap_or_default();
    let followers: Vec<String> = order.followers.iter().map(Follower::expose_text).collect();
    let followers = followers.join("\n");
    let mut parts = vec![spec.as_slice(), &secrets, retry_of.as_bytes()];
    // What was digested before there were followers is found again.
    if !followers.is_empty() {
        parts.push(followers.as_bytes());
    }
    api.store.keyed_digests(&parts)
}

//! What clients of the documented API send.

use serde_json_borrow::Value;
use slipway_domain::{
    BuildSpecDraft, Follower, FollowerAddress, FollowerForm, FollowerKind, MAX_FOLLOWERS,
};

use super::Refusal;
use crate::Api;
use crate::dialects::buildshuttle::envelope::field;
use crate::dialects::buildshuttle::source::{self, Read};
use crate::dialects::buildshuttle::{arguments, lenient};
use crate::intake::Order;
use crate::secrets::{self, Brought};

/// A request that was read.
pub(super) struct Asked {
    pub(super) order: Order,
    pub(super) read: Read,
}

impl Asked {
    /// Reads a request. `build` is the second half of its pair.
    pub(super) async fn read(api: &Api, body: &Value<'_>, build: &str) -> Result<Self, Refusal> {
        let source = lenient::text(body.get("source").get("url"));
        let source = source.ok_or(Refusal::Missing("source.url"))?;
        let destination = body.get("destination");
        let destination = lenient::text(destination.get("image"))
            .or_else(|| lenient::text(destination.get("url")))
            .ok_or(Refusal::Missing("destination.image"))?;
        let (image, login) = source::image("destination.image", &destination)?;
        let metadata = Some(serde_json::Value::from(body.get("metadata").clone()))
            .filter(|metadata| !metadata.is_null());
        let followers = followers(body, metadata.clone(), build)?;
        let args = arguments::of_object("arguments", body.get("arguments"))?;

        let read = source::read(api, "source.url", &source).await?;
        let registry_auth = login.map(|login| (image.registry().to_string(), login));
        let secrets = secrets::check(Brought {
            registry_auth: registry_auth.into_iter().collect(),
            source: read.secrets.clone(),
            ..Brought::default()
        })?;
        let draft = BuildSpecDraft {
            args,
            metadata,
            args_in_every_stage: true,
            ..BuildSpecDraft::new(image.to_string(), read.source.clone())
        };
        let order = Order { followers, ..Order::check(draft, secrets)? };
        Ok(Self { order, read })
    }
}

/// Who wants to be told, and how.
fn followers(
    body: &Value<'_>,
    metadata: Option<serde_json::Value>,
    build: &str,
) -> Result<Vec<Follower>, Refusal> {
    let form = FollowerForm::Buildshuttle { metadata, build: build.to_owned() };
    let mut all = Vec::new();
    let kinds = [("status", FollowerKind::Status), ("logs", FollowerKind::Logs)];
    for (key, kind) in kinds {
        let name = format!("webhooks.{key}");
        for address in lenient::texts(body.get("webhooks").get(key)) {
            let (address, authorization) = FollowerAddress::parse(&name, &address)?;
            if kind == FollowerKind::Status && matches!(address, FollowerAddress::Kafka(_)) {
                return Err(field(&name, "is no http or https address"));
            }
            all.push(Follower {
                kind,
                form: form.clone(),
                address,
                authorization,
                signing_key: None,
            });
        }
    }
    if all.len() > MAX_FOLLOWERS {
        return Err(field("webhooks", &format!("are more than {MAX_FOLLOWERS}")));
    }
    Ok(all)
}

//! What clients of the documented API send.

use std::borrow::Cow;

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
    /// The field that each follower came in.
    pub(super) told: Vec<String>,
}

impl Asked {
    /// Reads a request. `build` is the second half of its pair.
    pub(super) async fn read(api: &Api, body: &Value<'_>, build: &str) -> Result<Self, Refusal> {
        let source = part(body, "source", "url")?.ok_or(Refusal::Missing("source.url"))?;
        let (place, destination) = match part(body, "destination", "image")? {
            Some(image) => ("destination.image", image),
            None => match part(body, "destination", "url")? {
                Some(url) => ("destination.url", url),
                None => return Err(Refusal::Missing("destination.image")),
            },
        };
        let (image, login) = source::image(place, &destination)?;
        let metadata = Some(serde_json::Value::from(body.get("metadata").clone()))
            .filter(|metadata| !metadata.is_null());
        let (told, followers) = followers(body, metadata.clone(), build)?;
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
        Ok(Self { order, read, told })
    }
}

/// What a field of an object says. Something else than an object is not passed over: the request
/// would be answered that it lacks what its sender sees in it.
fn part<'a>(
    body: &'a Value<'_>,
    of: &'static str,
    name: &str,
) -> Result<Option<Cow<'a, str>>, Refusal> {
    let object = body.get(of);
    if !lenient::is_absent(object) && object.as_object().is_none() {
        return Err(field(of, &format!("must be an object with {name}")));
    }
    lenient::said(object, name, &format!("{of}.{name}"))
}

/// Who wants to be told, and how; and the field that each came in, as it was written.
fn followers(
    body: &Value<'_>,
    metadata: Option<serde_json::Value>,
    build: &str,
) -> Result<(Vec<String>, Vec<Follower>), Refusal> {
    let form = FollowerForm::Buildshuttle { metadata, build: build.to_owned() };
    let webhooks = body.get("webhooks");
    if !lenient::is_absent(webhooks) && webhooks.as_object().is_none() {
        return Err(field("webhooks", "must be an object with status and logs"));
    }
    let mut all = Vec::new();
    let kinds = [("status", FollowerKind::Status), ("logs", FollowerKind::Logs)];
    for (key, kind) in kinds {
        for (name, address) in addresses(&format!("webhooks.{key}"), webhooks.get(key))? {
            let (address, authorization) = match kind {
                FollowerKind::Status => FollowerAddress::parse_http(&name, &address)?,
                FollowerKind::Logs => FollowerAddress::parse(&name, &address)?,
            };
            let form = form.clone();
            let follower = Follower { kind, form, address, authorization, signing_key: None };
            all.push((name, follower));
        }
    }
    if all.len() > MAX_FOLLOWERS {
        return Err(field("webhooks", &format!("are more than {MAX_FOLLOWERS}")));
    }
    Ok(all.into_iter().unzip())
}

/// An address or a list of them, each with its name.
fn addresses<'a>(name: &str, value: &'a Value<'_>) -> Result<Vec<(String, Cow<'a, str>)>, Refusal> {
    let named = match value {
        Value::Array(list) => {
            let named = list.iter().enumerate();
            named.map(|(place, value)| (format!("{name}[{place}]"), value)).collect()
        }
        Value::Str(_) | Value::Number(_) | Value::Null | Value::Bool(_) | Value::Object(_) => {
            vec![(name.to_owned(), value)]
        }
    };
    let given = named.into_iter().filter(|(_, value)| !lenient::is_absent(value));
    let read = given.map(|(name, value)| match lenient::text(value) {
        Some(address) => Ok((name, address)),
        None => Err(field(&name, "must be a text such as https://host/path")),
    });
    read.collect()
}

//! What clients send to build from a template.

use std::collections::BTreeMap;

use serde::Deserialize;
use slipway_domain::{BuildSpecDraft, Secrets};

use super::envelope::{Refusal, renamed};
use crate::Api;
use crate::error::Error;
use crate::intake::Order;
use crate::json;
use crate::templates::Values;

const REQUIRED: &str = "model_version, version, name, and tag are required";

/// The fields of a request. Null and empty text count as absent; other keys are passed by.
#[derive(Deserialize)]
struct Request {
    model_version: Option<String>,
    version: Option<String>,
    name: Option<String>,
    tag: Option<String>,
    description: Option<String>,
    environment: Option<BTreeMap<String, String>>,
    build_args: Option<BTreeMap<String, String>>,
    /// Not the old service's: text by path, over the template's sample.
    files: Option<BTreeMap<String, String>>,
}

/// Reads and checks a request.
pub(super) fn order(api: &Api, body: &[u8]) -> Result<Order, Refusal> {
    let request: Request = read(api, body)?;
    let required = |value: Option<String>| present(value).ok_or(Refusal::Missing(REQUIRED));
    let model_version = required(request.model_version)?;
    let version = required(request.version)?;
    let name = required(request.name)?;
    let tag = required(request.tag)?;
    let template = api.templates.named(&model_version).ok_or_else(|| Refusal::NoSuchTemplate {
        asked: model_version.clone(),
        known: api.templates.names().join(", "),
    })?;

    let place = api.templates.place(&name, &tag).map_err(respelled)?;
    let values = Values {
        environment: request.environment.unwrap_or_default(),
        args: request.build_args.unwrap_or_default(),
        files: request.files.unwrap_or_default(),
    };
    let filled = template.fill(values).map_err(respelled)?;
    let mut labels = BTreeMap::from([
        ("version".to_owned(), version),
        ("model_version".to_owned(), model_version),
    ]);
    labels.extend(present(request.description).map(|text| ("description".to_owned(), text)));
    let draft = BuildSpecDraft {
        args: filled.args,
        labels,
        push: place.push,
        ..BuildSpecDraft::new(place.image, filled.source)
    };
    Order::check(draft, Secrets::default()).map_err(respelled)
}

/// An error by the names of these fields.
pub(super) fn respelled(error: impl Into<Error>) -> Refusal {
    const NAMES: [(&str, &str); 8] = [
        ("image.tag", "tag"),
        ("image", "name"),
        ("source.environment", "environment"),
        ("source.files", "files"),
        ("args", "build_args"),
        ("labels.version", "version"),
        ("labels.description", "description"),
        ("labels.model_version", "model_version"),
    ];
    renamed(error.into(), &NAMES).into()
}

/// Reads a body that may be as large as a native one, whatever boatyard takes.
pub(super) fn read<T: serde::de::DeserializeOwned>(api: &Api, body: &[u8]) -> Result<T, Error> {
    let limit = api.limits.body_bytes;
    if body.len() > limit {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        return Err(Error::TooLarge { what: "body", limit });
    }
    json::parse(body)
}

/// A text that is there.
pub(super) fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

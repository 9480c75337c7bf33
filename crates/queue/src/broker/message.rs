//! What travels: ids in JSON, with a version. Nothing that is secret, and nothing that the
//! rows do not say.

use serde::{Deserialize, Serialize};
use slipway_domain::BuildId;
use uuid::Uuid;

use crate::News;

/// The version that this release writes, and the only one it reads.
const VERSION: u32 = 1;

/// `{"v":1,"build":"…"}`.
#[derive(Debug, Serialize, Deserialize)]
struct BellText {
    v: u32,
    build: Uuid,
}

/// `{"v":1,"from":"…","happened":"…"}` or `{"v":1,"from":"…","cancel_asked":"…"}`.
#[derive(Debug, Serialize, Deserialize)]
struct NewsText {
    v: u32,
    /// The process that tells, which has heard it already.
    from: Uuid,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Happened(Uuid),
    CancelAsked(Uuid),
}

/// Only the version, which says whether the rest can be understood.
#[derive(Debug, Deserialize)]
struct Version {
    v: u32,
}

/// A bell as it travels.
pub(super) fn bell(build: BuildId) -> Vec<u8> {
    text(&BellText { v: VERSION, build: build.as_uuid() })
}

/// Reads a bell, or says what is wrong with it.
pub(super) fn read_bell(bytes: &[u8]) -> Result<BuildId, String> {
    read::<BellText>(bytes).map(|bell| BuildId::from_uuid(bell.build))
}

/// News with its routing key; `None` for what is only said within a process.
pub(super) fn news(from: Uuid, news: News) -> Option<(String, Vec<u8>)> {
    let (topic, build, what) = match news {
        News::Happened(build) => ("happened", build, What::Happened(build.as_uuid())),
        News::CancelAsked(build) => ("cancel-asked", build, What::CancelAsked(build.as_uuid())),
        News::Missed => return None,
    };
    let told = text(&NewsText { v: VERSION, from, what });
    Some((format!("{topic}.{build}"), told))
}

/// Reads news, or says what is wrong with it. `None` is what this process told itself.
pub(super) fn read_news(me: Uuid, bytes: &[u8]) -> Result<Option<News>, String> {
    let told = read::<NewsText>(bytes)?;
    Ok((told.from != me).then(|| match told.what {
        What::Happened(build) => News::Happened(BuildId::from_uuid(build)),
        What::CancelAsked(build) => News::CancelAsked(BuildId::from_uuid(build)),
    }))
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    let version: Version =
        serde_json::from_slice(bytes).map_err(|error| format!("it cannot be read: {error}"))?;
    if version.v != VERSION {
        return Err(format!("it is of version {}", version.v));
    }
    serde_json::from_slice(bytes).map_err(|error| format!("it cannot be read: {error}"))
}

fn text(message: &impl Serialize) -> Vec<u8> {
    // Numbers and ids only: there is nothing that JSON could not hold.
    serde_json::to_vec(message).unwrap_or_default()
}

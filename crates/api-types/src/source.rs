//! Where the build context comes from, as it is asked for.

use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Where the build context comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SourceRequest {
    /// A Dockerfile alone, with an empty context beside it.
    Dockerfile {
        /// Its text, at most 1 MiB.
        #[schema(example = "FROM scratch\nCOPY hello /\n")]
        content: String,
    },
    /// A context that was sent to `POST /api/v2/uploads` before.
    Upload {
        /// The id that the upload was answered with.
        id: Uuid,
    },
}

/// Reads the fields one by one. The derived form of a tagged enum reads them into a buffer
/// first, and an error in there no longer knows which field it is about.
struct Fields;

impl<'de> Deserialize<'de> for SourceRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = SourceRequest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SourceRequest, A::Error> {
        let mut kind: Option<String> = None;
        let mut content: Option<String> = None;
        let mut id: Option<Uuid> = None;
        let mut other: Option<String> = None;
        while let Some(field) = map.next_key::<String>()? {
            match field.as_str() {
                "type" => kind = Some(map.next_value()?),
                "content" => content = map.next_value()?,
                "id" => id = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    other = Some(field);
                }
            }
        }
        // The type decides which fields there are, so it is looked at first.
        match kind.as_deref().ok_or_else(|| A::Error::missing_field("type"))? {
            "dockerfile" => {
                let other = other.or(id.map(|_| "id".to_owned()));
                refuse(other.as_deref(), &["type", "content"])?;
                let content = content.ok_or_else(|| A::Error::missing_field("content"))?;
                Ok(SourceRequest::Dockerfile { content })
            }
            "upload" => {
                let other = other.or(content.map(|_| "content".to_owned()));
                refuse(other.as_deref(), &["type", "id"])?;
                let id = id.ok_or_else(|| A::Error::missing_field("id"))?;
                Ok(SourceRequest::Upload { id })
            }
            kind => Err(A::Error::unknown_variant(kind, &["dockerfile", "upload"])),
        }
    }
}

/// Refuses a field that the source of this type does not have.
fn refuse<E: serde::de::Error>(
    other: Option<&str>,
    known: &'static [&'static str],
) -> Result<(), E> {
    other.map_or(Ok(()), |other| Err(E::unknown_field(other, known)))
}

//! Where the build context comes from, as it is asked for.

use serde::de::Error as _;
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

/// All fields that a source can have. The derived form of a tagged enum reads its content
/// into a buffer first, and an error in there no longer knows which field it is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    kind: String,
    content: Option<String>,
    id: Option<Uuid>,
}

impl<'de> Deserialize<'de> for SourceRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Fields::deserialize(deserializer)?;
        match (fields.kind.as_str(), fields.content, fields.id) {
            ("dockerfile", Some(content), None) => Ok(Self::Dockerfile { content }),
            ("upload", None, Some(id)) => Ok(Self::Upload { id }),
            ("dockerfile", None, _) => Err(D::Error::missing_field("content")),
            ("upload", _, None) => Err(D::Error::missing_field("id")),
            ("dockerfile", _, Some(_)) => Err(D::Error::unknown_field("id", &["type", "content"])),
            ("upload", Some(_), _) => Err(D::Error::unknown_field("content", &["type", "id"])),
            (kind, ..) => Err(D::Error::unknown_variant(kind, &["dockerfile", "upload"])),
        }
    }
}

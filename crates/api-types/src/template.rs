//! Templates as they are shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that a build can be made from without a source of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateView {
    /// What builds name in `source.name`.
    #[schema(example = "python-flask")]
    pub name: String,
    /// What it is, in a sentence.
    pub description: String,
    /// The image that it builds on.
    #[schema(example = "python:3.11-slim")]
    pub base_image: String,
    /// Where its application listens, if it does.
    #[schema(required, example = 5000)]
    pub port: Option<u16>,
    /// The sample files that it brings, by their paths. Those of a request lie over them.
    #[schema(example = json!(["app.py", "requirements.txt"]))]
    pub files: Vec<String>,
}

/// All templates, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateList {
    /// All of them.
    pub templates: Vec<TemplateView>,
}

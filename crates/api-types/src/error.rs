//! The one shape of every error of the native API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is answered in place of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"error": {
    "code": "invalid_field",
    "message": "has capitals in \"App\"; repositories are lower-case",
    "field": "image"
}}))]
pub struct ErrorView {
    /// The error.
    pub error: ErrorBody,
}

/// An error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong, as a word for programs.
    pub code: String,
    /// What is wrong, as a sentence for people.
    pub message: String,
    /// The field, parameter or header that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

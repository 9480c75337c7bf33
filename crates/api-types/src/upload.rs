//! An uploaded build context.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A complete upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UploadView {
    /// What to name in a build's `source`.
    pub id: Uuid,
    /// Whose it is: builds of this project may name it.
    pub project: String,
    /// Size in bytes, as it came.
    pub size: u64,
    /// SHA-256 of the bytes, as they came: 64 hexadecimal digits.
    pub sha256: String,
}

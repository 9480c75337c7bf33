//! What is wrong with one field of a request, in words its sender can act on.

use thiserror::Error;

/// A value was refused at the door. Each dialect renders it in its own envelope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// Path of the field as the sender wrote it, such as `source.content`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do about it, where that is not plain from the message.
    pub hint: Option<String>,
}

impl FieldError {
    /// An error without a hint.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), hint: None }
    }

    /// The same error, with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

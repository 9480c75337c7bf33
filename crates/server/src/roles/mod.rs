//! What one process can be.

pub(crate) mod standalone;

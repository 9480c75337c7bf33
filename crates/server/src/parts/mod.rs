//! What the roles are put together from. Each part is assembled here, once.

pub(crate) mod certificate;
pub(crate) mod database;
pub(crate) mod ground;
pub(crate) mod listener;
pub(crate) mod part;
pub(crate) mod push;
pub(crate) mod serving;
pub(crate) mod working;

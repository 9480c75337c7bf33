//! Which addresses a request may name.

mod allowed;
mod inside;
mod kind;
mod policy;
mod refused;

pub use allowed::AllowListError;
pub use kind::AddressKind;
pub use policy::AddressPolicy;
pub use refused::Refused;

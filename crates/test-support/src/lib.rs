//! Real databases, engines, registries and broken wires for the tests.

pub mod archives;
pub mod broker;
pub mod daemon;
pub mod env;
pub mod wire;

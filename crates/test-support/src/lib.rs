//! Real databases, engines, registries and broken wires for the tests.

pub mod archives;
pub mod broker;
pub mod bucket;
pub mod certificates;
pub mod daemon;
pub mod database;
pub mod engine;
pub mod env;
pub mod kafka_door;
pub mod killable;
pub mod port;
pub mod receiver;
pub mod web;
pub mod wire;

//! What `dev/with-stack` has started for the tests, by the names that it exports.
//!
//! A test that needs an engine or a registry fails without one; it is never skipped.

use std::path::PathBuf;

/// URL of the RabbitMQ broker: `AMQP_URL`. It may still be coming up.
#[must_use]
pub fn broker() -> String {
    named("AMQP_URL")
}

/// URL of the broker's management API, with its login: `SLIPWAY_TEST_BROKER_API`.
#[must_use]
pub fn broker_api() -> String {
    named("SLIPWAY_TEST_BROKER_API")
}

/// The program that starts and kills brokers: `SLIPWAY_TEST_BROKER`.
#[must_use]
pub fn broker_program() -> PathBuf {
    named("SLIPWAY_TEST_BROKER").into()
}

/// URL of the Docker Engine: `DOCKER_HOST`.
#[must_use]
pub fn docker_host() -> String {
    named("DOCKER_HOST")
}

/// URL of the PostgreSQL server: `DATABASE_URL`.
#[must_use]
pub fn database() -> String {
    named("DATABASE_URL")
}

/// URL of a second Docker Engine: `SLIPWAY_TEST_ENGINE_B`.
#[must_use]
pub fn second_docker_host() -> String {
    named("SLIPWAY_TEST_ENGINE_B")
}

/// `host:port` of the registry that is open to all: `SLIPWAY_TEST_REGISTRY`.
#[must_use]
pub fn registry() -> String {
    named("SLIPWAY_TEST_REGISTRY")
}

/// The registry that wants a login.
#[derive(Debug, Clone)]
pub struct RegistryWithLogin {
    /// `host:port`: `SLIPWAY_TEST_REGISTRY_AUTH`.
    pub host: String,
    /// `SLIPWAY_TEST_REGISTRY_USER`.
    pub user: String,
    /// `SLIPWAY_TEST_REGISTRY_PASSWORD`.
    pub password: String,
}

/// The registry that wants a login, and the login.
#[must_use]
pub fn registry_with_login() -> RegistryWithLogin {
    RegistryWithLogin {
        host: named("SLIPWAY_TEST_REGISTRY_AUTH"),
        user: named("SLIPWAY_TEST_REGISTRY_USER"),
        password: named("SLIPWAY_TEST_REGISTRY_PASSWORD"),
    }
}

/// The directory of everything that `dev/with-stack` has started, and removes in the end:
/// `SLIPWAY_TEST_STACK`.
#[must_use]
pub fn stack() -> PathBuf {
    named("SLIPWAY_TEST_STACK").into()
}

/// Path of a static busybox: `SLIPWAY_TEST_BUSYBOX`.
#[must_use]
pub fn busybox() -> PathBuf {
    named("SLIPWAY_TEST_BUSYBOX").into()
}

/// Path of libfaketime, which preloaded into a process sets its clock: `SLIPWAY_TEST_FAKETIME`.
#[must_use]
pub fn faketime() -> PathBuf {
    named("SLIPWAY_TEST_FAKETIME").into()
}

/// An image in the open registry that has busybox under all its names:
/// `SLIPWAY_TEST_BASE`.
#[must_use]
pub fn base_image() -> String {
    named("SLIPWAY_TEST_BASE")
}

#[expect(clippy::panic, reason = "a test without its surroundings must fail, and say why")]
fn named(name: &str) -> String {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value,
        _ => panic!("{name} is not set: run `make test`, or this under dev/with-stack"),
    }
}

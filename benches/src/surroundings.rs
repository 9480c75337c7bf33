//! What `dev/with-stack` has started, by the names that it exports.

use crate::error::Error;

/// The engines, the registry and the base image.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// URL of the engine. The bare side finds it in the environment by itself.
    pub(crate) docker_host: String,
    /// URL of another engine.
    pub(crate) other_engine: String,
    /// `host:port` of a registry that is open to all.
    pub(crate) registry: String,
    /// Another one, that wants a login.
    pub(crate) closed_registry: String,
    /// Name and password for it.
    pub(crate) login: (String, String),
    /// URL of a PostgreSQL server.
    pub(crate) database: String,
    /// URL of a RabbitMQ broker.
    pub(crate) broker: String,
    /// An image there with busybox under all its names.
    pub(crate) base: String,
}

impl Surroundings {
    /// # Errors
    /// Names what is not set.
    pub(crate) fn find() -> Result<Self, Error> {
        Ok(Self {
            docker_host: named("DOCKER_HOST")?,
            other_engine: named("SLIPWAY_TEST_ENGINE_B")?,
            registry: named("SLIPWAY_TEST_REGISTRY")?,
            closed_registry: named("SLIPWAY_TEST_REGISTRY_AUTH")?,
            login: (named("SLIPWAY_TEST_REGISTRY_USER")?, named("SLIPWAY_TEST_REGISTRY_PASSWORD")?),
            database: named("DATABASE_URL")?,
            broker: named("AMQP_URL")?,
            base: named("SLIPWAY_TEST_BASE")?,
        })
    }
}

fn named(name: &str) -> Result<String, Error> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or_else(|| {
        Error::Missing(format!("{name} is not set: run `make bench`, or this under dev/with-stack"))
    })
}

//! What a worker is told.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_context::ContextLimits;
use slipway_domain::{Credentials, Platform, RegistryHost};

use crate::context::SourceSettings;
use crate::engine::EngineSettings;

/// Settings of a worker. Times are limits, not delays, unless they say so.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// The Docker hosts it may use.
    pub hosts: Vec<HostSettings>,
    /// How many builds it runs at once, over all its hosts.
    pub concurrency: u32,
    /// How long a claim holds without a heartbeat.
    pub lease: Duration,
    /// How often the claim is renewed.
    pub heartbeat: Duration,
    /// For how long a build waits until it counts as one priority higher.
    pub raise_after: Duration,
    /// How often a build may be lost before it fails.
    pub max_attempts: u32,
    /// For getting the context to the engine.
    pub fetch_timeout: Duration,
    /// For the engine's work, where the build names no limit of its own.
    pub build_timeout: Duration,
    /// For the push, its retries included.
    pub push_timeout: Duration,
    /// Build arguments of every build; the request's win.
    pub extra_args: BTreeMap<String, String>,
    /// No build uses the builder's cache.
    pub no_cache: bool,
    /// Logins of every build, for base images and for the push; the request's win.
    pub logins: BTreeMap<RegistryHost, Credentials>,
    /// What a build context may be.
    pub context: ContextLimits,
    /// How it gets sources.
    pub sources: SourceSettings,
}

/// One Docker host.
#[derive(Debug, Clone)]
pub struct HostSettings {
    /// How to reach it.
    pub engine: EngineSettings,
    /// How many builds it takes at once.
    pub slots: u32,
    /// The platforms it builds for; its own where none is named.
    pub platforms: Vec<Platform>,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            concurrency: 8,
            lease: Duration::from_secs(20),
            heartbeat: Duration::from_secs(5),
            raise_after: Duration::from_secs(300),
            max_attempts: 3,
            fetch_timeout: Duration::from_secs(600),
            build_timeout: Duration::from_secs(3600),
            push_timeout: Duration::from_secs(900),
            extra_args: BTreeMap::new(),
            no_cache: false,
            logins: BTreeMap::new(),
            context: ContextLimits::default(),
            sources: SourceSettings::default(),
        }
    }
}

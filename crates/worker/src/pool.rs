//! The Docker hosts of this worker: which can be used now, and which is set aside.
//!
//! A host is probed for as long as the worker runs: every ten seconds while it answers,
//! sooner and then ever more slowly while it does not. What the probe finds is written to
//! the host's row, because the reason for which a build waits is read from there.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use slipway_domain::{Failure, HostName, Platform, Reason};
use slipway_store::hosts;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Worker;
use crate::engine::{Engine, EngineInfo};
use crate::purge::sweep;
use crate::settings::HostSettings;

const WHILE_WELL: Duration = Duration::from_secs(10);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);
/// How long a host is left alone whose disk was full.
const WHILE_FULL: Duration = Duration::from_secs(30);

/// The hosts of one worker.
#[derive(Debug)]
pub struct Pool {
    members: BTreeMap<HostName, Member>,
    came_back: Notify,
}

#[derive(Debug)]
struct Member {
    settings: HostSettings,
    engine: Engine,
    /// What the last probe found; `None` while the host cannot be used.
    info: Mutex<Option<EngineInfo>>,
    /// Somebody saw it fail: probe it now.
    suspected: Notify,
    /// Its disk was full: an engine that has no room left still answers probes.
    full_until: Mutex<Option<Instant>>,
}

impl Pool {
    /// The hosts of the settings. Talks to none of them yet.
    ///
    /// # Errors
    /// When a host's URL cannot be used.
    pub fn new(hosts: &[HostSettings]) -> Result<Self, Failure> {
        let mut members = BTreeMap::new();
        for settings in hosts {
            let member = Member {
                settings: settings.clone(),
                engine: Engine::connect(&settings.engine)?,
                info: Mutex::new(None),
                suspected: Notify::new(),
                full_until: Mutex::new(None),
            };
            members.insert(settings.engine.name.clone(), member);
        }
        Ok(Self { members, came_back: Notify::new() })
    }

    /// The hosts that can be used now, each with the platforms that it builds for.
    #[must_use]
    pub fn usable(&self) -> BTreeMap<HostName, Vec<Platform>> {
        self.members
            .iter()
            .filter_map(|(name, member)| {
                let own = member.info()?.platform;
                let listed = &member.settings.platforms;
                Some((name.clone(), if listed.is_empty() { vec![own] } else { listed.clone() }))
            })
            .collect()
    }

    /// The engine of a host.
    #[must_use]
    pub fn engine(&self, host: &HostName) -> Option<&Engine> {
        self.members.get(host).map(|member| &member.engine)
    }

    /// The names of all hosts, usable or not.
    pub fn names(&self) -> impl Iterator<Item = &HostName> {
        self.members.keys()
    }

    /// Takes a host that failed out of the pool until a probe goes well; for half a minute
    /// at least where its disk is full.
    pub fn set_aside(&self, host: &HostName, why: &Failure) {
        if let Some(member) = self.members.get(host) {
            member.set_info(None);
            if why.reason == Reason::HostDiskFull {
                member.is_full();
            }
            member.suspected.notify_one();
        }
    }

    /// Waits until a host can be used that could not before, or has a slot free again.
    pub async fn came_back(&self) {
        self.came_back.notified().await;
    }

    /// A slot is free again: whoever waits in [`Pool::came_back`] looks.
    pub fn look_again(&self) {
        self.came_back.notify_one();
    }

    /// Probes all hosts for ever. A host that can be used again is first freed of what
    /// lost attempts left on it.
    pub(crate) async fn watch(&self, worker: &Worker) {
        let watches = self.members.values().map(|member| self.watch_one(member, worker));
        futures::future::join_all(watches).await;
        // Without a host there is nothing to watch, which is no reason to stop working.
        std::future::pending().await
    }

    async fn watch_one(&self, member: &Member, worker: &Worker) {
        let mut retry = FIRST_RETRY;
        loop {
            let was_usable = member.info().is_some();
            let wait = match self.probe_one(member, worker).await {
                Ok(()) => {
                    retry = FIRST_RETRY;
                    if !was_usable {
                        // However much there is, the next look at the host comes in its time.
                        let freed = sweep(worker, &member.settings.engine.name);
                        let _ = tokio::time::timeout(WHILE_WELL, freed).await;
                        self.came_back.notify_one();
                    }
                    WHILE_WELL
                }
                Err(problem) => {
                    let name = &member.settings.engine.name;
                    tracing::warn!(host.name = %name, %problem, "the Docker host cannot be used");
                    let wait = retry;
                    retry = (retry * 2).min(LAST_RETRY);
                    wait
                }
            };
            // Woken early when somebody sees the host fail.
            let _ = tokio::time::timeout(wait, member.suspected.notified()).await;
        }
    }

    /// One look at one host, written down.
    async fn probe_one(&self, member: &Member, worker: &Worker) -> Result<(), Failure> {
        // One that was set aside, or not there, may be another by now.
        let looked = match member.info() {
            Some(_) => member.engine.look().await,
            None => member.engine.probe().await,
        };
        let found = looked.and_then(|info| member.with_room(info));
        let probe = hosts::Probe {
            name: member.settings.engine.name.clone(),
            slots: member.settings.slots,
            platform: found.as_ref().ok().map(|info| info.platform.clone()),
            platforms: member.settings.platforms.clone(),
            builder: found.as_ref().ok().map(|info| info.builder.as_str().to_owned()),
            engine: found.as_ref().ok().and_then(|info| info.id.clone()),
            problem: found.as_ref().err().map(|failure| failure.message.clone()),
        };
        let store = &worker.store;
        let found = match hosts::report(store, worker.id, &probe, store.now()).await {
            // What others found counts only where this worker's own probe went well.
            Ok(Some(problem)) => found.and(Err(Failure::new(Reason::HostError, problem))),
            Ok(None) => found,
            Err(error) => {
                tracing::warn!(host.name = %probe.name, %error, "the host's state cannot be written");
                found
            }
        };
        member.set_info(found.as_ref().ok().cloned());
        found.map(drop)
    }
}

impl Member {
    fn info(&self) -> Option<EngineInfo> {
        self.info.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_full(&self) {
        let until = Instant::now() + WHILE_FULL;
        *self.full_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// What a probe found, unless builds found less.
    fn with_room(&self, info: EngineInfo) -> Result<EngineInfo, Failure> {
        let until = *self.full_until.lock().unwrap_or_else(PoisonError::into_inner);
        match until {
            Some(until) if Instant::now() < until => {
                let problem = "its disk was full when a build needed it; it is tried again soon";
                Err(Failure::new(Reason::HostDiskFull, problem))
            }
            Some(_) | None => Ok(info),
        }
    }

    fn set_info(&self, info: Option<EngineInfo>) {
        *self.info.lock().unwrap_or_else(PoisonError::into_inner) = info;
    }
}

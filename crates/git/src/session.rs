//! What one fetch has: its folder, its limits, and what came with the request.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use slipway_domain::{Failure, GitUrl};
use slipway_outbound::Guard;
use tokio::time::Instant;

use crate::environment::Environment;
use crate::failure::internal;
use crate::login::{Access, Server};
use crate::program::{self, Ran};
use crate::watch::{Say, Watch};
use crate::{GitFetch, Limits};

pub(crate) struct Session<'a> {
    pub(crate) what: &'a GitFetch,
    pub(crate) guard: &'a Guard,
    pub(crate) environment: Environment,
    pub(crate) watch: Watch<'a>,
    /// Of what is made in the folder.
    number: AtomicUsize,
}

impl<'a> Session<'a> {
    pub(crate) fn begin(
        what: &'a GitFetch,
        guard: &'a Guard,
        folder: &Path,
        limits: &Limits,
        say: Say<'a>,
    ) -> Result<Self, Failure> {
        let environment = Environment::new(folder, what.authorities.as_deref())
            .map_err(|error| internal("the folder for git cannot be written to", &error))?;
        let watch = Watch {
            folder: folder.to_owned(),
            limits: *limits,
            deadline: Instant::now() + limits.total,
            say,
        };
        Ok(Self { what, guard, environment, watch, number: AtomicUsize::new(0) })
    }

    pub(crate) fn next_number(&self) -> usize {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn say(&self, line: &str) {
        (self.watch.say)(line);
    }

    /// The logins for an address: those of the request are for its own server alone.
    pub(crate) fn access(&self, url: &GitUrl) -> Access {
        if self.is_ours(url) { Access::of(self.what) } else { Access::default() }
    }

    /// Whether an address is at the server of the request.
    pub(crate) fn is_ours(&self, url: &GitUrl) -> bool {
        let ours = Server::of(&self.what.url);
        ours.is_some() && ours == Server::of(url)
    }

    /// Runs git, on a leash, on what is here already.
    pub(crate) async fn read(
        &self,
        git: Command,
        end: &'static [u8],
        take: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<Ran, Failure> {
        program::run(git, self.what.url.as_str(), &self.watch, end, take).await
    }
}

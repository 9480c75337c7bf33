//! A large context from each kind of source, through an API server and a worker of their own,
//! beside the same bytes that go to the engine by the nearest way there is without Slipway.
//!
//! What is at hand is sent (beside an upload); what is fetched is sent while it is fetched
//! (beside archives and GitHub); what git has is fetched, and sent by `git archive`; an image
//! goes from one registry to the other as one stream.

mod git;
mod image;

use std::path::Path;
use std::time::Duration;

use futures::TryStreamExt as _;
use serde_json::json;
use tokio::time::Instant;

use crate::bare::Bare;
use crate::error::Error;
use crate::file_server::FileServer;
use crate::house::House;
use crate::memory::{self, Resident};
use crate::settle::settle;
use crate::slipway::Slipway;
use crate::surroundings::Surroundings;
use crate::table::{Row, Table};
use crate::upload::{memory_row, rate};
use crate::work::{Work, Works};

/// Slipway's time in times of the bare side's.
const WANTED_RATIO: f64 = 1.10;
/// The sides take turns this often, and take turns at being first; the middle one of each counts.
const TURNS: usize = 3;

/// What all kinds are measured with.
struct Sources<'a> {
    table: &'a mut Table,
    mib: usize,
    bare: &'a Bare,
    slipway: Slipway,
    api: u32,
    worker: u32,
}

/// Adds the rows for contexts of `mib` MiB.
pub(crate) async fn measure(
    table: &mut Table,
    mib: usize,
    works: &Works,
    bare: &Bare,
    place: (&Path, &Path),
    surroundings: &Surroundings,
) -> Result<(), Error> {
    // One Dockerfile for all that is fetched: each build's image has its own name all the same.
    let shared = works.without_base();
    let files = FileServer::start(shared.dockerfile.clone(), mib).await?;
    let repository = git::Repository::make(place.1, &shared.dockerfile, mib).await?;
    let besides = format!(
        "[limits]\nallow_loopback_addresses = true\n[sources]\ngithub_api = {:?}\n",
        files.root
    );
    let engines = [surroundings.docker_host.as_str()];
    let mut house =
        House::open_with("slipway_bench_sources", place, surroundings, &engines, &besides).await?;
    house.add_worker().await?;
    let worker = house.workers.first().map_or(0, |worker| worker.pid);
    let (slipway, api) = (house.client(), house.api.pid);
    let mut sources = Sources { table, mib, bare, slipway, api, worker };
    let measured = async {
        sources.upload(works).await?;
        for (what, source) in [
            ("archive, plain tar", json!({"type": "archive", "url": files.url})),
            ("archive, tar.zst", json!({"type": "archive", "url": format!("{}.zst", files.url)})),
            ("github", json!({"type": "github", "owner": "bench", "repo": "large"})),
        ] {
            let slipway = sources.slipway.clone();
            let with = async || slipway.run_source(&named(works, &shared), source.clone()).await;
            let without = async || fetched(bare, named(works, &shared), &files.url).await;
            sources.beside(what, with, without).await?;
        }
        let slipway = sources.slipway.clone();
        let source = json!({"type": "git", "url": repository.url});
        let with = async || slipway.run_source(&named(works, &shared), source.clone()).await;
        let without = async || repository.fetch_and_send(bare, named(works, &shared)).await;
        sources.beside("git", with, without).await?;
        drop(repository);
        sources.image(works, surroundings).await
    };
    let measured = measured.await;
    house.close().await?;
    measured
}

/// Another image from the same context.
fn named(works: &Works, shared: &Work) -> Work {
    Work { dockerfile: shared.dockerfile.clone(), ..works.without_base() }
}

/// Sends to the engine what comes from a server, as it comes.
async fn fetched(bare: &Bare, work: Work, url: &str) -> Result<Duration, Error> {
    let begun = Instant::now();
    let answer = reqwest::get(url).await?.error_for_status()?;
    bare.run_stream(&work, answer.bytes_stream().map_err(std::io::Error::other)).await?;
    Ok(begun.elapsed())
}

impl Sources<'_> {
    /// An upload, and a build from it.
    async fn upload(&mut self, works: &Works) -> Result<(), Error> {
        let (mib, work) = (self.mib, works.without_base());
        let idle = self.idle().await?;
        let begun = Instant::now();
        let sending = self.slipway.upload(&work.dockerfile, mib);
        let (upload, of_api, of_worker) = memory::peaks((self.api, self.worker), sending).await?;
        let uploaded = begun.elapsed();
        self.memory("upload, sent", idle, (of_api, of_worker));
        let row = Row::new(format!("upload, sent, {mib} MiB, rate"));
        self.table.add(row.slipway(rate(mib, uploaded)));
        let (bare, slipway) = (self.bare, self.slipway.clone());
        let source = json!({"type": "upload", "id": upload});
        let with = async || slipway.run_source(&named(works, &work), source.clone()).await;
        let without = async || bare.run_large(&works.without_base(), mib).await;
        self.beside("upload, built", with, without).await
    }

    /// Builds from a source, and the same without Slipway.
    async fn beside(
        &mut self,
        what: &str,
        with: impl AsyncFn() -> Result<Duration, Error>,
        without: impl AsyncFn() -> Result<Duration, Error>,
    ) -> Result<(), Error> {
        eprintln!("…   {what}");
        let (mut through, mut beside) = (Vec::new(), Vec::new());
        let idle = self.idle().await?;
        let mut peak = idle;
        for turn in 0..TURNS {
            let bare_first = turn % 2 == 0;
            if bare_first {
                beside.push(self.alone(&without).await?);
            }
            self.idle().await?;
            let (took, of_api, of_worker) =
                memory::peaks((self.api, self.worker), self.alone(&with)).await?;
            through.push(took);
            peak = (peak.0.max(of_api), peak.1.max(of_worker));
            if !bare_first {
                beside.push(self.alone(&without).await?);
            }
        }
        self.memory(what, idle, peak);
        self.rates(what, middle(beside), middle(through));
        Ok(())
    }

    /// Does something, and makes the engine forget it: contexts of gigabytes stay otherwise.
    async fn alone(
        &self,
        work: &impl AsyncFn() -> Result<Duration, Error>,
    ) -> Result<Duration, Error> {
        settle().await?;
        let took = work().await?;
        self.bare.prune().await?;
        Ok(took)
    }

    fn rates(&mut self, what: &str, without: Duration, with: Duration) {
        let ratio = with.as_secs_f64() / without.as_secs_f64();
        self.table.add(
            Row::new(format!("{what}, {} MiB, rate", self.mib))
                .bare(rate(self.mib, without))
                .slipway(rate(self.mib, with))
                .ratio(ratio)
                .wanted(format!("≤ {WANTED_RATIO:.2}× the time"), ratio <= WANTED_RATIO),
        );
    }

    async fn idle(&self) -> Result<(Resident, Resident), Error> {
        Ok((memory::idle(self.api).await?, memory::idle(self.worker).await?))
    }

    fn memory(&mut self, what: &str, idle: (Resident, Resident), peak: (Resident, Resident)) {
        for (process, idle, peak) in [("api", idle.0, peak.0), ("worker", idle.1, peak.1)] {
            self.table.add(memory_row(&format!("{what}, memory: {process}"), idle, peak));
        }
    }
}

/// The one that took neither longest nor shortest.
fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

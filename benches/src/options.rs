//! How much is measured.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};

/// Builds through Slipway and straight through the engine, side by side.
#[derive(Debug, Parser)]
#[command(name = "slipway-bench")]
pub(crate) struct Options {
    /// Images on each side, one at a time.
    #[arg(long, env = "SLIPWAY_BENCH_BUILDS", default_value_t = 30)]
    builds: usize,
    /// Images on each side, four at a time.
    #[arg(long, env = "SLIPWAY_BENCH_PARALLEL", default_value_t = 40)]
    parallel: usize,
    /// A quarter of everything: to see that it works, not to quote.
    #[arg(long, env = "SLIPWAY_BENCH_QUICK")]
    quick: bool,
    /// A `slipwayd` that is compiled already, such as one from before a change.
    #[arg(long, env = "SLIPWAY_BENCH_SLIPWAYD", value_name = "FILE")]
    slipwayd: Option<PathBuf>,
    /// MiB of the context that comes from each kind of source. Some three times as much disk
    /// is needed.
    #[arg(long, env = "SLIPWAY_BENCH_SOURCE_MIB", default_value_t = 2048)]
    source_mib: usize,
    /// Only these parts.
    #[arg(long, env = "SLIPWAY_BENCH_ONLY", value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Small images through one process.
    Standalone,
    /// The same through an API server and a worker.
    Daemons,
    /// Submits a second, beside the same inserts by `pgbench`.
    Submits,
    /// 100,000 builds in line.
    Line,
    /// A worker that is killed under a build.
    Lost,
    /// Images that are built again, over two engines.
    Cache,
    /// A large context, uploaded and fetched.
    Context,
    /// A large context from each kind of source.
    Sources,
    /// Builds that print a lot.
    Lines,
    /// Followers of a build, one and a thousand.
    Follow,
    /// Webhooks a second, beside a bare client that posts the same bodies.
    Webhooks,
}

impl Options {
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    pub(crate) fn builds(&self) -> usize {
        self.less(self.builds)
    }

    pub(crate) fn parallel(&self) -> usize {
        self.less(self.parallel)
    }

    pub(crate) fn upload_mib(&self) -> usize {
        self.less(1024)
    }

    pub(crate) fn source_mib(&self) -> usize {
        self.less(self.source_mib)
    }

    /// Builds whose followers are told over HTTP, sixteen of each.
    pub(crate) fn followed(&self) -> usize {
        self.less(200)
    }

    pub(crate) fn slipwayd(&self) -> Option<&Path> {
        self.slipwayd.as_deref()
    }

    fn less(&self, number: usize) -> usize {
        let number = if self.quick { number / 4 } else { number };
        number.max(1)
    }
}

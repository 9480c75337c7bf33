//! How much memory the daemon takes.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::error::Error;

const EVERY: Duration = Duration::from_millis(10);
/// At most this much above idle.
pub(crate) const WANTED_MIB: f64 = 64.0;

/// Resident memory in KiB.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Resident {
    /// All of it, mapped files included.
    all: u64,
    /// What is the process's alone.
    anonymous: u64,
}

impl Resident {
    /// How much more than `idle`, in MiB: all of it, and what is the process's alone.
    pub(crate) fn above(self, idle: Self) -> (f64, f64) {
        (mib(self.all, idle.all), mib(self.anonymous, idle.anonymous))
    }

    /// All of it in MiB.
    pub(crate) fn mib(self) -> f64 {
        mib(self.all, 0)
    }

    /// The larger of each.
    pub(crate) fn max(self, other: Self) -> Self {
        Self { all: self.all.max(other.all), anonymous: self.anonymous.max(other.anonymous) }
    }
}

/// What the process takes when it has nothing to do.
pub(crate) async fn idle(pid: u32) -> Result<Resident, Error> {
    // What the last work needed is given back by then, if it ever is.
    sleep(Duration::from_secs(3)).await;
    read(pid)
}

/// Does something, and says how much memory the process took at most meanwhile.
pub(crate) async fn peak<T>(
    pid: u32,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<(T, Resident), Error> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut peak = read(pid)?;
    tokio::pin!(work);
    loop {
        tokio::select! {
            // In the same task as the work: a tick waits for the work's turn to end, which
            // is far shorter than a tick.
            done = &mut work => return Ok((done?, peak.max(read(pid)?))),
            _ = ticks.tick() => peak = peak.max(read(pid)?),
        }
    }
}

/// The same for two processes.
pub(crate) async fn peaks<T>(
    (one, other): (u32, u32),
    work: impl Future<Output = Result<T, Error>>,
) -> Result<(T, Resident, Resident), Error> {
    let ((done, of_one), of_other) = peak(other, peak(one, work)).await?;
    Ok((done, of_one, of_other))
}

/// As proc(5) describes it.
fn read(pid: u32) -> Result<Resident, Error> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse().ok()
    };
    match (field("VmRSS:"), field("RssAnon:")) {
        (Some(all), Some(anonymous)) => Ok(Resident { all, anonymous }),
        (None, _) | (_, None) => Err(Error::Unexpected("slipwayd has no memory: it ended".into())),
    }
}

#[expect(clippy::cast_precision_loss, reason = "kibibytes of a process are far below 2^52")]
fn mib(kib: u64, less: u64) -> f64 {
    kib.saturating_sub(less) as f64 / 1024.0
}

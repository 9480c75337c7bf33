//! A run of git: its output taken, its limits kept, its end certain.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use slipway_domain::{Failure, Reason};
use tokio::io::AsyncReadExt as _;
use tokio::time::MissedTickBehavior;

use crate::environment::is_installed;
use crate::failure::internal;
use crate::output::Records;
use crate::progress::is_progress;
use crate::watch::{Pace, TICK, Watch};

/// Lines of complaint that are kept, the last ones.
const LINES: usize = 200;
/// How long git may take to go once it has nothing more to say.
const LEAVE: Duration = Duration::from_secs(10);

/// How a run ended.
pub(crate) struct Ran {
    pub(crate) success: bool,
    /// What git complained of, as it wrote it: scrub it before anybody sees it.
    pub(crate) complaints: Vec<String>,
}

/// The process group of a run: git and all that it started. Killed when dropped.
pub(crate) struct Group(Option<Pid>);

impl Group {
    pub(crate) fn of(id: Option<u32>) -> Self {
        Self(id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// The leader was waited for, and its number may soon be another's.
    fn is_over(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // All of them may be gone.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs git, which is on a leash, and gives each record of its output, which ends in `end`, to
/// `take`. Failures name `of` as what was fetched.
pub(crate) async fn run(
    mut command: Command,
    of: &str,
    watch: &Watch<'_>,
    end: &'static [u8],
    take: &mut (dyn FnMut(&[u8]) + Send),
) -> Result<Ran, Failure> {
    // The shell that holds the leash would say so in words of its own.
    if !is_installed("git") {
        return Err(missing("git"));
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tokio::process::Command::from(command).spawn().map_err(|e| no_git(&e))?;
    // Held until git was waited for: to wait would let go of it first.
    let _leash = child.stdin.take();
    let mut group = Group::of(child.id());
    let complaints = match listen(&mut child, of, watch, end, take).await {
        Ok(complaints) => complaints,
        Err(failure) => {
            drop(group);
            // So that nothing writes any more into the folder that is removed next.
            let _ = tokio::time::timeout(LEAVE, child.wait()).await;
            return Err(failure);
        }
    };
    let ended = tokio::time::timeout(LEAVE, child.wait()).await;
    let status = ended
        .map_err(|error| internal("git did not end", &error))?
        .map_err(|error| internal("git cannot be waited for", &error))?;
    group.is_over();
    watch.check_size(of)?;
    Ok(Ran { success: status.success(), complaints })
}

async fn listen(
    child: &mut tokio::process::Child,
    of: &str,
    watch: &Watch<'_>,
    end: &'static [u8],
    take: &mut (dyn FnMut(&[u8]) + Send),
) -> Result<Vec<String>, Failure> {
    let (Some(mut out), Some(mut err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Failure::new(Reason::Internal, "git has no output"));
    };
    let failed = |error: std::io::Error| internal("git cannot be read from", &error);
    let mut pace = Pace::start(of);
    let mut lines = Lines::default();
    let (mut records, mut words) = (Records::ending(end), Records::ending(b"\r\n"));
    let (mut out_piece, mut err_piece) = (vec![0; 16 << 10], vec![0; 4 << 10]);
    let (mut out_open, mut err_open) = (true, true);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while out_open || err_open {
        tokio::select! {
            read = out.read(&mut out_piece), if out_open => {
                let count = read.map_err(failed)?;
                out_open = count > 0;
                pace.heard();
                records.take(&out_piece[..count], &mut *take).map_err(|_| {
                    Failure::new(Reason::SourceError, format!("{of} has a name that is too long"))
                })?;
            }
            read = err.read(&mut err_piece), if err_open => {
                let count = read.map_err(failed)?;
                err_open = count > 0;
                pace.heard();
                // One without an end says nothing.
                let _ = words.take(&err_piece[..count], |line| {
                    let line = String::from_utf8_lossy(line);
                    watch.note(&line, &mut pace);
                    lines.add(&line);
                });
            }
            _ = ticks.tick() => watch.check(&mut pace).await?,
        }
    }
    records.finish(take);
    words.finish(|line| lines.add(&String::from_utf8_lossy(line)));
    Ok(lines.0)
}

#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    fn add(&mut self, line: &str) {
        if line.trim().is_empty() || is_progress(line) {
            return;
        }
        if self.0.len() == LINES {
            self.0.remove(0);
        }
        self.0.push(line.trim_end().chars().take(1000).collect());
    }
}

/// A run of git that a thread reads from. It is killed when dropped.
pub(crate) struct Reader {
    pub(crate) child: Child,
}

impl Reader {
    /// Starts it. Complaints go nowhere: git reads what it checked itself.
    pub(crate) fn start(mut command: Command) -> Result<Self, Failure> {
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        Ok(Self { child: command.spawn().map_err(|error| no_git(&error))? })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Once it was waited for, its number may be another's.
        if let Ok(None) = self.child.try_wait() {
            drop(Group::of(Some(self.child.id())));
            let _ = self.child.wait();
        }
    }
}

fn no_git(error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::NotFound {
        return missing("git");
    }
    internal("git cannot be started", error)
}

/// A program that every worker needs is not there.
pub(crate) fn missing(program: &str) -> Failure {
    Failure::new(Reason::Internal, format!("the program {program} is not installed on the worker"))
        .hint(format!("whoever runs slipway has to install {program} where its workers run"))
}

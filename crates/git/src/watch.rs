//! An eye on git while it runs: time, news, and the disk.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use slipway_domain::{Failure, Reason};
use tokio::time::Instant;

use crate::Limits;
use crate::failure::internal;
use crate::progress::Progress;

/// How often time and disk are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// Where lines for whoever watches the build go.
pub(crate) type Say<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// The limits of a fetch, which all runs of git in it share.
pub(crate) struct Watch<'a> {
    pub(crate) folder: PathBuf,
    pub(crate) limits: Limits,
    pub(crate) deadline: Instant,
    pub(crate) say: Say<'a>,
}

/// How one run of git is getting on. `of` is what is fetched, for failures.
pub(crate) struct Pace<'a> {
    of: &'a str,
    last_news: Instant,
    bytes: u64,
    heard: bool,
    progress: Progress,
}

impl<'a> Pace<'a> {
    pub(crate) fn start(of: &'a str) -> Self {
        let progress = Progress::new();
        Self { of, last_news: Instant::now(), bytes: 0, heard: false, progress }
    }

    /// Git said something.
    pub(crate) fn heard(&mut self) {
        self.last_news = Instant::now();
        self.heard = true;
    }
}

impl Watch<'_> {
    /// Says a line of progress, if this is one and it is time.
    pub(crate) fn note(&self, line: &str, pace: &mut Pace<'_>) {
        if let Some(line) = pace.progress.line(line, Instant::now()) {
            (self.say)(&line);
        }
    }

    /// Looks at everything that has a limit.
    pub(crate) async fn check(&self, pace: &mut Pace<'_>) -> Result<(), Failure> {
        let folder = self.folder.clone();
        let bytes = tokio::task::spawn_blocking(move || size_of(&folder)).await;
        let bytes = bytes.map_err(|error| internal("the watch over git died", &error))?;
        if bytes > self.limits.bytes {
            return Err(self.too_large(pace.of));
        }
        if bytes != pace.bytes {
            pace.bytes = bytes;
            pace.last_news = Instant::now();
        }
        if Instant::now() >= self.deadline {
            let seconds = self.limits.total.as_secs_f64();
            let message = format!("{} was not fetched within {seconds} s", pace.of);
            return Err(Failure::new(Reason::SourceError, message).hint(LATER));
        }
        if pace.last_news.elapsed() >= self.limits.idle {
            let seconds = self.limits.idle.as_secs_f64();
            return Err(if pace.heard {
                let message = format!("{} sent nothing for {seconds} s", pace.of);
                Failure::new(Reason::SourceError, message).hint(LATER)
            } else {
                let message = format!("{} does not answer: nothing came for {seconds} s", pace.of);
                Failure::new(Reason::SourceUnreachable, message).hint(
                    "check host and port, and that the machines of slipway may connect to them",
                )
            });
        }
        Ok(())
    }

    /// The same for the disk alone, when git is through: the last bytes count too.
    pub(crate) fn check_size(&self, of: &str) -> Result<(), Failure> {
        if size_of(&self.folder) > self.limits.bytes { Err(self.too_large(of)) } else { Ok(()) }
    }

    fn too_large(&self, of: &str) -> Failure {
        let limit = self.limits.bytes;
        Failure::new(Reason::ContextTooLarge, format!("{of} has more than the {limit} bytes allowed"))
            .hint("keep large files out of the repository, or have the limit raised in the settings of slipway")
    }
}

const LATER: &str = "submit again later, or put the repository on a faster server";

/// Bytes of all files in a folder. What goes away meanwhile counts nothing.
fn size_of(folder: &Path) -> u64 {
    fn walk(folder: &Path) -> io::Result<u64> {
        let mut bytes = 0;
        for entry in std::fs::read_dir(folder)? {
            let Ok(entry) = entry else { continue };
            let Ok(metadata) = entry.metadata() else { continue };
            bytes +=
                if metadata.is_dir() { walk(&entry.path()).unwrap_or(0) } else { metadata.len() };
        }
        Ok(bytes)
    }
    walk(folder).unwrap_or(0)
}

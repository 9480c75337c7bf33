//! A bare repository in the folder of a fetch.

use std::path::{Path, PathBuf};
use std::process::Command;

use slipway_domain::{Failure, Reason};

use crate::environment::{Environment, Settings};
use crate::session::Session;

/// By which objects are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Sha1,
    Sha256,
}

impl Format {
    /// By the length of a whole name.
    pub(crate) const fn of_length(length: usize) -> Option<Self> {
        match length {
            40 => Some(Self::Sha1),
            64 => Some(Self::Sha256),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }
}

/// Where it is: a name in the folder of the fetch.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    path: PathBuf,
}

/// A commit that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) time: u64,
}

impl Repository {
    pub(crate) async fn init(session: &Session<'_>, format: Format) -> Result<Self, Failure> {
        let path = PathBuf::from(format!("{}.git", session.next_number()));
        let mut git = session.environment.leashed(&path, &Settings::default());
        git.args(["init", "--quiet", "--bare", "--template=", "--initial-branch=none"])
            .arg(format!("--object-format={}", format.as_str()));
        let ran = session.read(git, b"\n", &mut |_| {}).await?;
        if ran.success {
            return Ok(Self { path });
        }
        tracing::error!(said = ?ran.complaints, "git cannot make a repository");
        Err(Failure::new(Reason::Internal, "git on the worker cannot make a repository"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A run of git that reads here and dials nobody, for a thread that takes what it says: it
    /// ends when nobody does any more.
    pub(crate) fn git(&self, environment: &Environment) -> Command {
        environment.git(&self.path, &Settings::default())
    }

    /// The same for [`Session::read`].
    pub(crate) fn leashed(&self, session: &Session<'_>) -> Command {
        session.environment.leashed(&self.path, &Settings::default())
    }

    /// The commit that `name` means, or that the tag means which it means; nothing if that is
    /// something else, or not here.
    pub(crate) async fn commit(
        &self,
        session: &Session<'_>,
        name: &str,
    ) -> Result<Option<Commit>, Failure> {
        let mut git = self.leashed(session);
        git.args(["log", "-1", "--no-show-signature", "--format=%H %ct", "--end-of-options"])
            .arg(format!("{name}^{{commit}}"))
            .arg("--");
        let mut commit = None;
        let ran = session
            .read(git, b"\n", &mut |line| {
                let line = String::from_utf8_lossy(line);
                commit = line.split_once(' ').map(|(id, time)| Commit {
                    id: id.to_owned(),
                    time: time.trim().parse().unwrap_or(0),
                });
            })
            .await?;
        Ok(commit.filter(|_| ran.success))
    }

    /// The commits whose names begin with these digits.
    pub(crate) async fn commits(
        &self,
        session: &Session<'_>,
        digits: &str,
    ) -> Result<Vec<String>, Failure> {
        let mut ids = Vec::new();
        let mut git = self.leashed(session);
        git.arg("rev-parse").arg(format!("--disambiguate={digits}"));
        session
            .read(git, b"\n", &mut |line| {
                // Each is looked at below. More than these nobody means.
                if ids.len() < 100 {
                    ids.push(String::from_utf8_lossy(line).into_owned());
                }
            })
            .await?;
        let mut commits = Vec::new();
        for id in ids {
            // A tag has a name of its own, and may be of a commit that begins otherwise.
            if let Some(commit) = self.commit(session, &id).await?
                && commit.id == id
            {
                commits.push(id);
            }
        }
        Ok(commits)
    }
}

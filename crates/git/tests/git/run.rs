//! A fetch from its start to the files of the context.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Mutex;
use std::time::Duration;

use futures::StreamExt as _;
use slipway_context::{ContextError, ContextOptions};
use slipway_domain::{Failure, GitRef, GitUrl};
use slipway_git::{Fetched, GitFetch, Limits, fetch};
use slipway_outbound::{AddressPolicy, Guard};
use tempfile::TempDir;

/// A folder to fetch into, and what was said.
pub(crate) struct Run {
    pub(crate) folder: TempDir,
    pub(crate) limits: Limits,
    pub(crate) guard: Guard,
    pub(crate) said: Mutex<Vec<String>>,
}

/// What a request asks for when it has no wishes.
pub(crate) fn of(url: &GitUrl) -> GitFetch {
    GitFetch {
        url: url.clone(),
        reference: None,
        submodules: false,
        login: None,
        token: None,
        ssh_key: None,
        known_hosts: None,
        authorities: None,
    }
}

pub(crate) fn at(url: &GitUrl, reference: &str) -> GitFetch {
    GitFetch { reference: Some(GitRef::parse(reference).unwrap()), ..of(url) }
}

/// An entry of a context: a file's mode and text, a link's target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    File(u32, String),
    Folder,
    Link(String),
}

pub(crate) fn file(text: &str) -> Entry {
    Entry::File(0o644, text.to_owned())
}

pub(crate) type Files = BTreeMap<String, Entry>;

impl Run {
    pub(crate) fn new() -> Self {
        Self::with(Limits {
            total: Duration::from_secs(600),
            idle: Duration::from_secs(120),
            ..Limits::default()
        })
    }

    pub(crate) fn with(limits: Limits) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            limits,
            guard: Guard::new(AddressPolicy::public_only().allow_loopback(true)),
            said: Mutex::default(),
        }
    }

    pub(crate) async fn fetch(&self, what: &GitFetch) -> Result<Fetched, Failure> {
        let say = |line: &str| self.said.lock().unwrap().push(line.to_owned());
        fetch(what, &self.guard, self.folder.path(), &self.limits, &say).await
    }

    /// Fetches what there should be, and reads it.
    pub(crate) async fn files(&self, what: &GitFetch) -> Files {
        let fetched = self.fetch(what).await.unwrap_or_else(|f| panic!("{f:?} {:?}", self.said()));
        let files = read(fetched, ContextOptions::default()).await.unwrap();
        self.left_nothing();
        files
    }

    /// Fetches what there should not be.
    pub(crate) async fn failure(&self, what: &GitFetch) -> Failure {
        let failure = self.fetch(what).await.unwrap_err();
        self.left_nothing();
        failure
    }

    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    pub(crate) fn left_nothing(&self) {
        let left: Vec<_> = std::fs::read_dir(self.folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The context of a commit as the builder gets it.
pub(crate) async fn tar(
    fetched: Fetched,
    options: ContextOptions,
) -> Result<Vec<u8>, ContextError> {
    let mut open = fetched.open(options).await?;
    let mut tar = Vec::new();
    while let Some(Ok(bytes)) = open.stream.next().await {
        tar.extend_from_slice(&bytes);
    }
    open.done.await?;
    Ok(tar)
}

/// The context of a commit.
pub(crate) async fn read(fetched: Fetched, options: ContextOptions) -> Result<Files, ContextError> {
    let tar = tar(fetched, options).await?;
    let mut files = Files::new();
    for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let header = entry.header().clone();
        let kind = header.entry_type();
        let found = if kind.is_dir() {
            Entry::Folder
        } else if kind.is_symlink() {
            Entry::Link(entry.link_name().unwrap().unwrap().display().to_string())
        } else {
            assert!(kind.is_file());
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            Entry::File(header.mode().unwrap(), text)
        };
        files.insert(path, found);
    }
    Ok(files)
}

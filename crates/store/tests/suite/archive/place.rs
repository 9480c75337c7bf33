//! Where logs go to in the stories: a folder, and a bucket.

use std::path::PathBuf;

use slipway_domain::{BuildId, EventBody, LogStream, Stage, StepStatus};
use slipway_store::archive::{Moved, move_one, to_move};
use slipway_store::blobs::Blobs;
use slipway_store::builds::{Ending, advance, finish};
use slipway_store::{Lease, Store, events};
use slipway_test_support::bucket::Bucket;
use tempfile::TempDir;

use crate::bucket::open;
use crate::cast::{at, claim, log, report, spec, submit};
use crate::ground::Ground;

/// Tells each story with both, on each database.
macro_rules! stories_of_both {
    ($($story:ident),+ $(,)?) => {
        mod folder {
            use crate::ground::Ground;
            $(async fn $story(ground: &Ground) {
                super::$story(ground, &crate::archive::place::Place::folder()).await;
            })+
            stories!($($story),+);
        }
        mod bucket {
            use crate::ground::Ground;
            $(async fn $story(ground: &Ground) {
                super::$story(ground, &crate::archive::place::Place::bucket().await).await;
            })+
            stories!($($story),+);
        }
    };
}

pub(super) use stories_of_both;

/// A blob store.
pub(crate) enum Place {
    Folder(TempDir),
    Bucket(Bucket),
}

impl Place {
    pub(crate) fn folder() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn bucket() -> Self {
        Self::Bucket(Bucket::new().await.unwrap())
    }

    pub(crate) fn blobs(&self) -> Blobs {
        match self {
            Self::Folder(folder) => Blobs::in_folder(folder.path()).unwrap(),
            Self::Bucket(bucket) => open(&bucket.address()),
        }
    }

    /// A store as one API server has it.
    pub(crate) async fn store(&self, ground: &Ground) -> Store {
        ground.store().await.with_archive(&self.blobs())
    }

    /// The names of all logs.
    pub(crate) fn logs(&self) -> Vec<String> {
        match self {
            Self::Folder(folder) => match std::fs::read_dir(folder.path().join("logs")) {
                Ok(logs) => {
                    logs.map(|log| log.unwrap().file_name().into_string().unwrap()).collect()
                }
                Err(_) => Vec::new(),
            },
            Self::Bucket(bucket) => {
                let keys = bucket.keys();
                let name =
                    |key: &String| key.strip_prefix("contexts/here/logs/").map(str::to_owned);
                keys.iter().filter_map(name).collect()
            }
        }
    }

    /// Another one of the same kind, with nothing in it.
    pub(crate) async fn like(place: &Self) -> Self {
        match place {
            Self::Folder(_) => Self::folder(),
            Self::Bucket(_) => Self::bucket().await,
        }
    }

    /// What stands where the mark does.
    pub(crate) fn mark(&self) -> Option<String> {
        std::fs::read_to_string(self.mark_file()).ok()
    }

    pub(crate) fn set_mark(&self, text: &str) {
        let file = self.mark_file();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    pub(crate) fn lose_mark(&self) {
        std::fs::remove_file(self.mark_file()).unwrap();
    }

    fn mark_file(&self) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.path().join("mark"),
            Self::Bucket(bucket) => bucket.file("contexts/here/mark"),
        }
    }

    /// Removes a log behind everybody's back.
    pub(crate) fn lose(&self, build: BuildId) {
        match self {
            Self::Folder(folder) => std::fs::remove_file(file(folder, build)).unwrap(),
            Self::Bucket(bucket) => {
                bucket.lose(&format!("contexts/here/logs/{}", name(build))).unwrap();
            }
        }
    }
}

pub(super) fn name(build: BuildId) -> String {
    format!("{build}.jsonl.zst")
}

pub(super) fn file(folder: &TempDir, build: BuildId) -> PathBuf {
    folder.path().join("logs").join(name(build))
}

/// A build that runs, one second after the other.
pub(super) async fn running(store: &Store) -> Lease {
    report(store, "h1", 100).await;
    submit(store, &spec("r.example/app:1"), at(0)).await;
    let lease = claim(store, "h1", at(1)).await.unwrap().lease;
    advance(store, &lease, Stage::Building, None, at(2)).await.unwrap();
    lease
}

/// A build that is over at 1000, with so many lines, of which some are long.
pub(super) async fn over(store: &Store, lines: i64) -> BuildId {
    let lease = running(store).await;
    print(store, &lease, lines).await;
    advance(store, &lease, Stage::Pushing, None, at(900)).await.unwrap();
    finish(store, &lease, Ending::Cancelled, true, at(1000)).await.unwrap();
    lease.build()
}

pub(super) async fn print(store: &Store, lease: &Lease, lines: i64) {
    let odd = "nul \0, crab 🦀, \u{2028}, \u{1b}[31mred\u{1b}[0m, \\u0000, \u{feff}\r\n";
    let line = |n: i64| match n % 50 {
        7 => log(&odd.repeat(600)),
        9 => EventBody::Step {
            step: 1,
            name: "[1/1] RUN make".into(),
            status: StepStatus::Started,
            error: None,
            duration_ms: None,
        },
        11 => EventBody::Log { step: None, stream: LogStream::Stderr, text: String::new() },
        _ => log(&format!("line {n}\n")),
    };
    let lines: Vec<_> = (0..lines).map(line).collect();
    for (lines, second) in lines.chunks(100).zip(3..) {
        events::append(store, lease, at(second), lines).await.unwrap();
    }
}

/// Moves the logs of all builds that were over at 2000, as the round of one API server does.
pub(super) async fn move_all(store: &Store) -> Vec<Moved> {
    let mut moved = Vec::new();
    loop {
        let builds = to_move(store, at(2000), at(2000), 3).await.unwrap();
        if builds.is_empty() {
            return moved;
        }
        for build in builds {
            moved.extend(move_one(store, build, at(2000)).await.unwrap());
        }
    }
}

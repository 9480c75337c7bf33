//! The digest of what passes, made beside its passing.
//!
//! To sum up a layer of gigabytes takes seconds. Between two pieces of it the connections would
//! stand still for that; on a thread of its own it takes none of their time.

use std::mem::take;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::digest::{Digest, Hashing};

/// Bytes that are gathered before the thread hears of them: to wake it takes as long as to sum up a
/// piece.
const GATHERED: usize = 512 * 1024;
/// So many times, those wait to be summed up.
const WAITING: usize = 2;

/// A digest in the making, on a thread of its own. Given up when dropped.
pub(super) struct Summing {
    gathered: Vec<Bytes>,
    bytes: usize,
    pieces: mpsc::Sender<Vec<Bytes>>,
    made: JoinHandle<Digest>,
}

impl Summing {
    /// Goes on with what `hashing` has begun. Needs a tokio runtime.
    pub(super) fn start(mut hashing: Hashing) -> Self {
        let (sender, mut pieces) = mpsc::channel::<Vec<Bytes>>(WAITING);
        let made = tokio::task::spawn_blocking(move || {
            while let Some(gathered) = pieces.blocking_recv() {
                for piece in gathered {
                    hashing.update(&piece);
                }
            }
            hashing.end()
        });
        Self { gathered: Vec::new(), bytes: 0, pieces: sender, made }
    }

    /// Adds a piece, and waits while enough of them wait.
    pub(super) async fn add(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        self.gathered.push(piece);
        if self.bytes >= GATHERED {
            self.hand_over().await;
        }
    }

    async fn hand_over(&mut self) {
        self.bytes = 0;
        // Of a thread that died, the end says so.
        let _ = self.pieces.send(take(&mut self.gathered)).await;
    }

    /// The digest; `None` when the thread died.
    pub(super) async fn end(mut self) -> Option<Digest> {
        self.hand_over().await;
        drop(self.pieces);
        self.made.await.ok()
    }
}

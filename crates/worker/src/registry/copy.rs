//! The copy itself: blobs first, then manifests, and at the very end the tag.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{FuturesUnordered, StreamExt as _};
use slipway_domain::{Failure, ImageRef, Reason};
use slipway_outbound::{FetchErrorKind, Outgoing};
use tokio::sync::mpsc;
use url::Url;

use super::digest::Digest;
use super::passing::{Broke, Passing};
use super::push::Way;
use super::repository::Repository;
use super::tree::{Blob, Tree};
use crate::log::size;

/// Blobs that are under way at once, as engines have it.
const AT_ONCE: usize = 4;

/// A copy, over all its tries: what one try has brought, the next need not look at.
pub(crate) struct Copy<'a> {
    tree: &'a Tree,
    from: &'a ImageRef,
    /// Blobs that the target has.
    there: Mutex<BTreeSet<Digest>>,
    /// Bytes that the target has, or that are on their way.
    passed: Arc<AtomicU64>,
    /// What to tell. The channel is wide: these are a few lines.
    say: mpsc::UnboundedSender<String>,
}

/// What the target has now.
pub(crate) struct Copied {
    /// The digest of the index, as it is at the source.
    pub(crate) digest: String,
}

impl<'a> Copy<'a> {
    pub(crate) fn new(
        tree: &'a Tree,
        from: &'a ImageRef,
        say: mpsc::UnboundedSender<String>,
    ) -> Self {
        Self { tree, from, there: Mutex::default(), passed: Arc::default(), say }
    }

    /// How far it is: `copied 12.0 MiB of 64.0 MiB`.
    pub(crate) fn how_far(&self) -> String {
        let passed = self.passed.load(Ordering::Relaxed);
        format!("copied {} of {}", size(passed), size(self.tree.bytes()))
    }

    /// One try. Dropping it closes every connection, and the target has no tag then.
    pub(crate) async fn run(
        &self,
        source: &Repository<'_>,
        target: &Repository<'_>,
    ) -> Result<Copied, Failure> {
        self.passed.store(self.bytes_there(), Ordering::Relaxed);
        let mut blobs = self.tree.blobs.iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < AT_ONCE
                && let Some(blob) = blobs.next()
            {
                if !self.is_there(blob) {
                    under_way.push(self.blob(source, target, blob));
                }
            }
            match under_way.next().await {
                Some(brought) => brought?,
                None => break,
            }
        }
        for blob in &self.tree.staying {
            self.tell(blob, "not for passing on, stays where its manifest says");
        }
        let Some((root, listed)) = self.tree.manifests.split_last() else {
            return Err(Failure::new(Reason::Internal, "the image has no manifest"));
        };
        for manifest in listed {
            target.put(manifest).await?;
        }
        target.tag(root).await?;
        Ok(Copied { digest: root.digest.as_str().to_owned() })
    }

    /// Sees to it that the target has a blob.
    async fn blob(
        &self,
        source: &Repository<'_>,
        target: &Repository<'_>,
        blob: &Blob,
    ) -> Result<(), Failure> {
        let from = (self.from.registry() == target.names.image.registry()).then_some(self.from);
        let how = if target.has(&blob.digest).await? {
            "already there".to_owned()
        } else {
            match target.begin(&blob.digest, from).await? {
                Way::Mounted => format!("mounted from {}", self.from.path()),
                Way::To(url) => {
                    self.pass(source, target, blob, url).await?;
                    "copied".to_owned()
                }
            }
        };
        if how != "copied" {
            self.passed.fetch_add(blob.size, Ordering::Relaxed);
        }
        self.there.lock().unwrap_or_else(PoisonError::into_inner).insert(blob.digest.clone());
        self.tell(blob, &how);
        Ok(())
    }

    /// Brings the bytes of a blob, the last ones only when all of them are known to be right.
    async fn pass(
        &self,
        source: &Repository<'_>,
        target: &Repository<'_>,
        blob: &Blob,
        to: Url,
    ) -> Result<(), Failure> {
        let Blob { digest, size, .. } = blob;
        let body = source.blob(digest, *size).await?;
        let passing = Passing::start(body, digest.clone(), *size, Arc::clone(&self.passed));
        let (pieces, mut broke) = passing.into_stream();
        let brought = target.bring(to, Outgoing::stream(*size, pieces)).await;
        // Where the source broke off, the target heard no more, and can only say that.
        let Ok(why) = broke.try_recv() else { return brought };
        let changed = |what: String| source.names.changed(&what);
        Err(match why {
            Broke::Fetch(error) if matches!(error.kind, FetchErrorKind::TooLarge { .. }) => {
                changed(format!("more bytes of {digest} than the {size} promised"))
            }
            Broke::Fetch(error) => source.names.unanswered(&error),
            Broke::Short(got) => {
                changed(format!("{got} bytes of {digest}, of which {size} were promised"))
            }
            Broke::Other(made) => changed(format!("bytes under {digest} that are {made}")),
            Broke::NotSummed => {
                let what = format!("the bytes of {digest} could not be summed up");
                Failure::new(Reason::Internal, what)
            }
        })
    }

    fn is_there(&self, blob: &Blob) -> bool {
        self.there.lock().unwrap_or_else(PoisonError::into_inner).contains(&blob.digest)
    }

    fn bytes_there(&self) -> u64 {
        let there = self.tree.blobs.iter().filter(|blob| self.is_there(blob));
        there.fold(0, |sum, blob| sum.saturating_add(blob.size))
    }

    fn tell(&self, blob: &Blob, how: &str) {
        let label = blob.label.as_ref().map(|label| format!(" {label}")).unwrap_or_default();
        // Nobody listens any more when the copy has been given up.
        let _ = self.say.send(format!("{}{label} {}: {how}", blob.digest.short(), size(blob.size)));
    }
}

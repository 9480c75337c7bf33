//! All that an image is made of, before anything is copied.

use std::collections::BTreeSet;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use slipway_domain::Failure;

use super::digest::Digest;
use super::manifest::{Contents, Descriptor, Manifest};
use super::repository::Repository;

/// An index within an index within an index is more than anybody has.
const MAX_DEPTH: usize = 4;
const MAX_MANIFESTS: usize = 1000;
const MAX_BLOBS: usize = 20_000;
/// Bytes of all manifests together: they are held.
const MAX_HELD: usize = 16 * 1024 * 1024;

/// An image's manifests and blobs, each once.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Each after those that it lists, the image's own at the end: in this order a registry
    /// takes them.
    pub(super) manifests: Vec<Manifest>,
    /// What goes to the target.
    pub(super) blobs: Vec<Blob>,
    /// What stays where it is.
    pub(super) staying: Vec<Blob>,
    /// For whom there are images, in words.
    labels: Vec<String>,
    seen: BTreeSet<Digest>,
    held: usize,
}

/// A blob, and what it is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) digest: Digest,
    /// Bytes.
    pub(super) size: u64,
    /// For the log.
    pub(super) label: Option<String>,
}

impl Tree {
    /// Fetches every manifest of an image.
    pub(crate) async fn of(source: &Repository<'_>) -> Result<Self, Failure> {
        let root = source.root().await?;
        let mut tree = Self {
            manifests: Vec::new(),
            blobs: Vec::new(),
            staying: Vec::new(),
            labels: Vec::new(),
            seen: BTreeSet::from([root.digest.clone()]),
            held: 0,
        };
        tree.grow(source, root, None, 0).await?;
        Ok(tree)
    }

    /// Adds a manifest after all that it lists.
    fn grow<'a>(
        &'a mut self,
        source: &'a Repository<'_>,
        manifest: Manifest,
        label: Option<String>,
        depth: usize,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            self.held += manifest.bytes.len();
            if self.held > MAX_HELD || depth > MAX_DEPTH || self.manifests.len() >= MAX_MANIFESTS {
                return Err(source.names.too_much("more manifests than any image"));
            }
            match &manifest.contents {
                Contents::Image(blobs) => {
                    self.labels.extend(label.clone());
                    for blob in blobs {
                        self.add(source, blob, label.as_deref())?;
                    }
                }
                Contents::Index(listed) => {
                    for descriptor in listed {
                        if !descriptor.is_manifest() {
                            self.add(source, descriptor, descriptor.label.as_deref())?;
                        } else if self.seen.insert(descriptor.digest.clone()) {
                            let child = fetch(source, descriptor).await?;
                            self.grow(source, child, descriptor.label.clone(), depth + 1).await?;
                        }
                    }
                }
            }
            self.manifests.push(manifest);
            Ok(())
        }
        .boxed()
    }

    fn add(
        &mut self,
        source: &Repository<'_>,
        found: &Descriptor,
        label: Option<&str>,
    ) -> Result<(), Failure> {
        if !self.seen.insert(found.digest.clone()) {
            return Ok(());
        }
        if self.blobs.len() + self.staying.len() >= MAX_BLOBS {
            return Err(source.names.too_much("more blobs than any image"));
        }
        let label = label.map(ToOwned::to_owned);
        let blob = Blob { digest: found.digest.clone(), size: found.size, label };
        if found.stays() {
            self.staying.push(blob)
        } else {
            self.blobs.push(blob)
        }
        Ok(())
    }

    /// Bytes of all blobs that go to the target.
    pub(crate) fn bytes(&self) -> u64 {
        self.blobs.iter().fold(0, |sum, blob| sum.saturating_add(blob.size))
    }

    /// What it is, for the log: `linux/amd64, linux/arm64, attestation (2 times)`.
    pub(crate) fn shown(&self) -> String {
        let kinds: BTreeSet<&str> = self.labels.iter().map(String::as_str).collect();
        let count = |kind: &str| self.labels.iter().filter(|label| *label == kind).count();
        let told = kinds.into_iter().map(|kind| match count(kind) {
            0 | 1 => kind.to_owned(),
            several => format!("{kind} ({several} times)"),
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() { "one image".to_owned() } else { told.join(", ") }
    }

    /// How many manifests and blobs it has.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.manifests.len(), self.blobs.len())
    }
}

async fn fetch(source: &Repository<'_>, descriptor: &Descriptor) -> Result<Manifest, Failure> {
    let Descriptor { media_type, digest, size, .. } = descriptor;
    let manifest = source.manifest(digest.as_str(), Some(digest), Some(media_type)).await?;
    let got = u64::try_from(manifest.bytes.len()).unwrap_or(u64::MAX);
    if got != *size {
        let what = format!("a manifest {digest} of {got} bytes, of which {size} were promised");
        return Err(source.names.changed(&what));
    }
    Ok(Manifest { digest: digest.clone(), ..manifest })
}

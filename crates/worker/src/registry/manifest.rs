//! Manifests: what an image is made of, in Docker's words and in OCI's.

use bytes::Bytes;
use serde::Deserialize;
use thiserror::Error;

use super::digest::Digest;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// What is understood of a manifest, for the header `Accept`. Without an index in it a
/// registry chooses a platform by itself.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";

/// Layers that are not for passing on: they stay where their `urls` say. The rest of the type
/// is how they are packed.
const NOT_DISTRIBUTABLE: [&str; 2] = [
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
];

/// A manifest as a registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(super) digest: Digest,
    /// With which it is sent on: its bytes and its type are one thing to a registry.
    pub(super) media_type: String,
    /// Its very bytes.
    pub(super) bytes: Bytes,
    pub(super) contents: Contents,
}

/// What a manifest lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Contents {
    /// Other manifests: one for each platform, and what is said about them.
    Index(Vec<Descriptor>),
    /// A configuration and layers.
    Image(Vec<Descriptor>),
}

/// Something that a manifest lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    /// Bytes.
    pub(super) size: u64,
    /// For whom it is, in words, where an index says so: `linux/arm64/v8`, `attestation`.
    pub(super) label: Option<String>,
}

/// What is wrong with a manifest. Completes the sentence "the manifest …".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum ManifestFault {
    #[error("is no json of a manifest: {0}")]
    Garbled(String),
    #[error("is of the type {0:?}, which cannot be copied")]
    Unknown(String),
    /// One that some would take for an image and others for an index (CVE-2021-41190).
    #[error("is an index and an image at once")]
    Ambiguous,
    #[error("lists something under {0:?}, which is no digest of sha256 or sha512")]
    Digest(String),
}

impl Manifest {
    /// Reads a manifest. `said` is the type that its registry or its index gives it; its own
    /// word counts more, because that is part of its digest.
    pub(super) fn read(bytes: Bytes, said: Option<&str>) -> Result<Self, ManifestFault> {
        let raw: Raw = serde_json::from_slice(&bytes)
            .map_err(|error| ManifestFault::Garbled(error.to_string()))?;
        let has_blobs = raw.config.is_some() || raw.layers.is_some();
        if raw.manifests.is_some() && (has_blobs || raw.fs_layers.is_some()) {
            return Err(ManifestFault::Ambiguous);
        }
        let said = said.map(|said| said.split(';').next().unwrap_or(said).trim());
        let by_shape = if raw.manifests.is_some() { OCI_INDEX } else { OCI_IMAGE };
        let media_type = match (raw.media_type.as_deref(), said) {
            (Some(own), _) => own,
            // Version 1 has no type in it, and is signed with the tag that it had.
            (None, _) if raw.fs_layers.is_some() => "manifest of version 1",
            // Docker's have one: without it, it is OCI's, whatever a registry says.
            (None, Some(said)) if is_known(said) => said,
            (None, _) => by_shape,
        };
        let contents = match (media_type, raw.manifests) {
            (OCI_INDEX | DOCKER_LIST, Some(manifests)) => Contents::Index(
                manifests.into_iter().map(RawDescriptor::read).collect::<Result<_, _>>()?,
            ),
            (OCI_IMAGE | DOCKER_IMAGE, None) if has_blobs => {
                let blobs = raw.config.into_iter().chain(raw.layers.unwrap_or_default());
                Contents::Image(blobs.map(RawDescriptor::read).collect::<Result<_, _>>()?)
            }
            (OCI_INDEX | DOCKER_LIST | OCI_IMAGE | DOCKER_IMAGE, _) => {
                return Err(ManifestFault::Garbled("it lists nothing of what its type has".into()));
            }
            (other, _) => return Err(ManifestFault::Unknown(other.to_owned())),
        };
        let media_type = media_type.to_owned();
        Ok(Self { digest: Digest::of(&bytes), media_type, bytes, contents })
    }
}

impl Descriptor {
    /// Whether it is a manifest, to be got as one. What else an index lists is a blob.
    pub(super) fn is_manifest(&self) -> bool {
        is_known(&self.media_type)
    }

    /// Whether it stays where it is.
    pub(super) fn stays(&self) -> bool {
        NOT_DISTRIBUTABLE.iter().any(|kind| self.media_type.starts_with(kind))
    }
}

fn is_known(media_type: &str) -> bool {
    matches!(media_type, OCI_INDEX | OCI_IMAGE | DOCKER_LIST | DOCKER_IMAGE)
}

/// The fields that matter here, of any kind of manifest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    media_type: Option<String>,
    manifests: Option<Vec<RawDescriptor>>,
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
    /// Of version 1.
    fs_layers: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<RawPlatform>,
    annotations: Option<RawAnnotations>,
}

#[derive(Deserialize)]
struct RawPlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// The one that matters: an index may have any number of others.
#[derive(Deserialize)]
struct RawAnnotations {
    /// As BuildKit marks what it says about an image of the same index.
    #[serde(rename = "vnd.docker.reference.type")]
    reference_type: Option<String>,
}

impl RawDescriptor {
    fn read(self) -> Result<Descriptor, ManifestFault> {
        let Self { media_type, digest: text, size, platform, annotations } = self;
        let digest = Digest::parse(&text).ok_or(ManifestFault::Digest(text))?;
        let kind = annotations.and_then(|annotations| annotations.reference_type);
        let is_attestation = kind.as_deref() == Some("attestation-manifest");
        let label = if is_attestation {
            Some("attestation".to_owned())
        } else {
            platform.map(|RawPlatform { os, architecture, variant }| {
                let variant = variant.filter(|text| !text.is_empty());
                [Some(os), Some(architecture), variant]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("/")
            })
        };
        Ok(Descriptor { media_type, digest, size, label })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(json: &Value, said: Option<&str>) -> Result<Manifest, ManifestFault> {
        Manifest::read(json.to_string().into(), said)
    }

    fn descriptor(media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": Digest::of(b"").as_str(), "size": 0})
    }

    #[test]
    fn each_kind_by_its_own_word_by_the_registrys_or_by_its_shape() {
        let index = json!({"schemaVersion": 2, "manifests": [descriptor(OCI_IMAGE)]});
        let image =
            json!({"schemaVersion": 2, "config": descriptor("c"), "layers": [descriptor("l")]});
        for (kind, json) in [
            (OCI_INDEX, &index),
            (DOCKER_LIST, &index),
            (OCI_IMAGE, &image),
            (DOCKER_IMAGE, &image),
        ] {
            let mut own = json.clone();
            own["mediaType"] = kind.into();
            for made in [
                read(&own, None),
                read(&own, Some("application/json")),
                read(json, Some(&format!("{kind}; charset=utf-8"))),
            ] {
                let made = made.unwrap();
                assert_eq!(made.media_type, kind);
                assert_eq!(matches!(made.contents, Contents::Index(_)), json == &index);
            }
        }
        assert_eq!(read(&index, None).unwrap().media_type, OCI_INDEX);
        assert_eq!(read(&image, Some("text/plain")).unwrap().media_type, OCI_IMAGE);
    }

    #[test]
    fn what_is_none_is_refused() {
        let fault = |json: Value| read(&json, None).unwrap_err();
        let both = json!({"manifests": [], "layers": []});
        assert_eq!(fault(both), ManifestFault::Ambiguous);
        let one = json!({"schemaVersion": 1, "fsLayers": [], "history": []});
        assert!(matches!(fault(one), ManifestFault::Unknown(_)));
        let artifact = json!({"mediaType": "application/vnd.oci.artifact.manifest.v1+json"});
        assert!(matches!(fault(artifact), ManifestFault::Unknown(_)));
        let crossed = json!({"mediaType": OCI_INDEX, "layers": []});
        assert!(matches!(fault(crossed), ManifestFault::Garbled(_)));
        let path = json!({"layers": [{"digest": "sha256:../../x", "size": 1}]});
        assert_eq!(fault(path), ManifestFault::Digest("sha256:../../x".into()));
        let negative = json!({"layers": [{"digest": Digest::of(b"").as_str(), "size": -1}]});
        assert!(matches!(fault(negative), ManifestFault::Garbled(_)));
        assert!(matches!(Manifest::read("<html>".into(), None), Err(ManifestFault::Garbled(_))));
    }

    #[test]
    fn labels_and_layers_that_stay() {
        let mut arm = descriptor(OCI_IMAGE);
        arm["platform"] = json!({"os": "linux", "architecture": "arm64", "variant": "v8"});
        let mut said = descriptor(OCI_IMAGE);
        said["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        said["annotations"] =
            json!({"vnd.docker.reference.type": "attestation-manifest", "other": "x"});
        let foreign = descriptor(&format!("{}.gzip", NOT_DISTRIBUTABLE[0]));
        let made = read(&json!({"manifests": [arm, said, foreign]}), None).unwrap();
        let Contents::Index(listed) = made.contents else { panic!("an index") };
        let labels: Vec<_> = listed.iter().map(|one| one.label.as_deref()).collect();
        assert_eq!(labels, [Some("linux/arm64/v8"), Some("attestation"), None]);
        assert_eq!(
            listed.iter().map(Descriptor::is_manifest).collect::<Vec<_>>(),
            [true, true, false]
        );
        assert_eq!(listed.iter().map(Descriptor::stays).collect::<Vec<_>>(), [false, false, true]);
    }
}

//! Where the build context comes from.
//!
//! What is kept here may be shown to anybody who may see the build: a source holds no secret.
//! Whoever makes one of an address gets what the address hid beside it, see [`Hidden`].

mod address;
mod checksum;
mod files;
mod git;
mod github;
mod header;
mod path;
mod template;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{FieldError, ImageRef, UploadId};

pub use address::{ArchiveUrl, Hidden};
pub use checksum::Sha256;
pub use git::{GitRef, GitUrl};
pub use github::{GithubOwner, GithubRepo};
pub use header::frames_a_request;
pub use path::{DockerfilePath, SubDir};
pub use template::TemplateName;

/// The source of a build, as it is stored. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Source {
    /// A Dockerfile, with nothing but a few files of text beside it.
    Dockerfile {
        /// Its text.
        content: String,
        /// Text by path.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        files: BTreeMap<String, String>,
        /// The template that it was made from, if it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<TemplateName>,
    },
    /// A context that was uploaded before.
    Upload {
        /// Which.
        id: UploadId,
    },
    /// An archive that is fetched.
    Archive {
        /// Where it is.
        url: ArchiveUrl,
        /// What its bytes must have as their digest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<Sha256>,
        /// The folder of it that is the context.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subdir: Option<SubDir>,
    },
    /// A commit of a repository that `git` fetches.
    Git {
        /// Where it is.
        url: GitUrl,
        /// A branch, tag or commit; the repository's own choice where none is named.
        #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
        reference: Option<GitRef>,
        /// The folder of it that is the context.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subdir: Option<SubDir>,
        /// Whether its submodules are fetched, too, and theirs.
        #[serde(default)]
        submodules: bool,
        /// Lines as of OpenSSH's `known_hosts`, for a repository by SSH.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known_hosts: Option<String>,
    },
    /// A commit of a repository on GitHub, fetched as an archive.
    Github {
        /// Whose.
        owner: GithubOwner,
        /// Which.
        repo: GithubRepo,
        /// A branch, tag or commit; the default branch where none is named.
        #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
        reference: Option<GitRef>,
        /// The folder of it that is the context.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subdir: Option<SubDir>,
    },
    /// An image that is there already: it is pulled and pushed, nothing is built.
    Image {
        /// Which.
        #[serde(rename = "ref")]
        image: ImageRef,
        /// Whether it goes on with all its platforms, from registry to registry; else one
        /// platform does, by way of a Docker host.
        #[serde(default, skip_serializing_if = "is_not")]
        all_platforms: bool,
    },
}

/// A flag that is not set is not stored: what a request says twice has the same bytes in any
/// release.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_not(flag: &bool) -> bool {
    !*flag
}

impl Source {
    /// A Dockerfile with nothing beside it.
    pub fn dockerfile(content: impl Into<String>) -> Self {
        Self::Dockerfile { content: content.into(), files: BTreeMap::new(), template: None }
    }

    /// The word for its kind, in requests, answers and logs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dockerfile { .. } => "dockerfile",
            Self::Upload { .. } => "upload",
            Self::Archive { .. } => "archive",
            Self::Git { .. } => "git",
            Self::Github { .. } => "github",
            Self::Image { .. } => "image",
        }
    }

    /// The upload that it is, if it is one.
    #[must_use]
    pub const fn upload(&self) -> Option<UploadId> {
        match self {
            Self::Upload { id } => Some(*id),
            Self::Dockerfile { .. }
            | Self::Archive { .. }
            | Self::Git { .. }
            | Self::Github { .. }
            | Self::Image { .. } => None,
        }
    }

    /// Whether it goes from registry to registry, and no Docker host has to do with it.
    #[must_use]
    pub const fn is_copied(&self) -> bool {
        match self {
            Self::Image { all_platforms, .. } => *all_platforms,
            Self::Dockerfile { .. }
            | Self::Upload { .. }
            | Self::Archive { .. }
            | Self::Git { .. }
            | Self::Github { .. } => false,
        }
    }

    /// Checks what no type of a part holds already.
    pub(crate) fn check(&self, dockerfile: &DockerfilePath) -> Result<(), FieldError> {
        match self {
            Self::Dockerfile { content, files, .. } => files::check(content, files, dockerfile),
            Self::Image { image, .. } if image.is_scratch() => {
                Err(FieldError::new("source.ref", "is scratch, which stands for no image at all")
                    .hint("name one that a registry has, or send FROM scratch in a Dockerfile"))
            }
            Self::Upload { .. }
            | Self::Archive { .. }
            | Self::Git { .. }
            | Self::Github { .. }
            | Self::Image { .. } => Ok(()),
        }
    }
}

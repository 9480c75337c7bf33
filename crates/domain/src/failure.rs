//! Why a build did not succeed, in a form that code can act on and a person can read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Stage;

/// A typed failure. It is stored with the build and shown as it is: it never holds a
/// secret or an internal detail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What happened.
    pub reason: Reason,
    /// Where in the build's life it happened.
    pub stage: Option<Stage>,
    /// One sentence: lowercase, no full stop.
    pub message: String,
    /// What the reader can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What went wrong. Each reason has one [`Fault`] and one [`Next`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The Dockerfile cannot be parsed, or asks for what does not exist (a stage, a flag).
    DockerfileInvalid,
    /// A `RUN` step exited with a code other than 0.
    StepFailed,
    /// `COPY` or `ADD` names a file that the context does not have.
    FileNotFound,
    /// What `ADD` names by an address could not be fetched by the Docker host.
    AddressNotFetched,
    /// A base image does not exist, or not for this platform.
    BaseImageNotFound,
    /// A base image's registry refused the login, or wants one.
    BaseImageDenied,
    /// A step mounts a build secret or an SSH agent that the request does not have.
    SecretMissing,
    /// The build context is no tar, plain or compressed, and no zip.
    ContextNotAnArchive,
    /// The build context ends in the middle.
    ContextTruncated,
    /// An entry of the build context would leave it, or is a device.
    ContextUnsafe,
    /// The build context has more bytes or entries than the limits allow.
    ContextTooLarge,
    /// The build context has no Dockerfile at the path asked for.
    DockerfileMissing,
    /// The upload that the build names is gone.
    UploadMissing,
    /// The store of uploads answers and does not let a worker read them.
    UploadsRefused,
    /// What was put down of the build context cannot be read now: the store of uploads does not
    /// answer, or a disk fails.
    ContextUnreadable,
    /// What the source names does not exist: a file at an address, a repository, a ref.
    SourceNotFound,
    /// The server of the source refused the login, or wants one.
    SourceDenied,
    /// The server of the source does not answer, or not in a way that can be trusted.
    SourceUnreachable,
    /// The server of the source answered with an error, broke off, or is too slow.
    SourceError,
    /// The source is not what its checksum says.
    SourceChanged,
    /// An address in the request is none that requests may reach.
    AddressRefused,
    /// The registry refused the login, or wants one.
    RegistryDenied,
    /// The registry does not answer.
    RegistryUnreachable,
    /// The registry answered with an error, or broke off.
    RegistryError,
    /// The Docker host does not answer, or broke off.
    HostUnreachable,
    /// The Docker host's disk is full.
    HostDiskFull,
    /// The Docker host no longer has what it built: it was replaced, or cleaned up by others.
    ImageLost,
    /// The Docker host's builder cannot do what the build needs.
    BuilderUnsupported,
    /// The Docker host refused or failed for a reason of its own.
    HostError,
    /// The stage outlasted its time limit.
    TimedOut,
    /// Nothing took it out of the line within its time.
    QueueTimeout,
    /// Workers were lost under the build as often as it may be tried.
    AttemptsExhausted,
    /// A fault of Slipway's own.
    Internal,
}

/// Whose fault it is: who has to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The Dockerfile or the request.
    User,
    /// The build context or where it comes from.
    Source,
    /// The registry.
    Registry,
    /// The Docker host.
    Host,
    /// Slipway.
    System,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::User, Self::Source, Self::Registry, Self::Host, Self::System];

    /// The word for it, in rows, answers and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Source => "source",
            Self::Registry => "registry",
            Self::Host => "host",
            Self::System => "system",
        }
    }
}

/// What is to be done next about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another try on another host may go well.
    RetryElsewhere,
    /// Another try may go well later, on whichever host: what failed is none.
    RetryLater,
    /// The image is built; only the push is tried again.
    RetryPush,
    /// No further try would go better.
    Fail,
}

impl Failure {
    /// A failure without stage or hint.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, stage: None, message: message.into(), hint: None }
    }

    /// The same failure, with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure, placed in a stage, unless it was already.
    #[must_use]
    pub fn at(mut self, stage: Stage) -> Self {
        self.stage.get_or_insert(stage);
        self
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.reason.fault()
    }

    /// What is to be done next.
    #[must_use]
    pub fn next(&self) -> Next {
        self.reason.next(self.stage)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Reason {
    /// Whose fault this is.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::DockerfileInvalid
            | Self::StepFailed
            | Self::FileNotFound
            | Self::AddressNotFetched
            | Self::BaseImageNotFound
            | Self::BaseImageDenied
            | Self::AddressRefused
            | Self::SecretMissing
            | Self::TimedOut => Fault::User,
            Self::ContextNotAnArchive
            | Self::ContextTruncated
            | Self::ContextUnsafe
            | Self::ContextTooLarge
            | Self::DockerfileMissing
            | Self::UploadMissing
            | Self::SourceNotFound
            | Self::SourceDenied
            | Self::SourceUnreachable
            | Self::SourceError
            | Self::SourceChanged => Fault::Source,
            Self::RegistryDenied | Self::RegistryUnreachable | Self::RegistryError => {
                Fault::Registry
            }
            Self::HostUnreachable
            | Self::HostDiskFull
            | Self::ImageLost
            | Self::BuilderUnsupported
            | Self::HostError => Fault::Host,
            Self::QueueTimeout
            | Self::AttemptsExhausted
            | Self::UploadsRefused
            | Self::ContextUnreadable
            | Self::Internal => Fault::System,
        }
    }

    /// What is to be done next about this reason, given the stage it came up in.
    #[must_use]
    pub fn next(self, stage: Option<Stage>) -> Next {
        match self {
            Self::HostUnreachable | Self::HostDiskFull | Self::ImageLost => Next::RetryElsewhere,
            Self::ContextUnreadable => Next::RetryLater,
            Self::RegistryUnreachable | Self::RegistryError if stage == Some(Stage::Pushing) => {
                Next::RetryPush
            }
            Self::DockerfileInvalid
            | Self::StepFailed
            | Self::FileNotFound
            | Self::AddressNotFetched
            | Self::BaseImageNotFound
            | Self::BaseImageDenied
            | Self::SecretMissing
            | Self::ContextNotAnArchive
            | Self::ContextTruncated
            | Self::ContextUnsafe
            | Self::ContextTooLarge
            | Self::DockerfileMissing
            | Self::UploadMissing
            | Self::UploadsRefused
            | Self::SourceNotFound
            | Self::SourceDenied
            | Self::SourceUnreachable
            | Self::SourceError
            | Self::SourceChanged
            | Self::AddressRefused
            | Self::RegistryDenied
            | Self::RegistryUnreachable
            | Self::RegistryError
            | Self::BuilderUnsupported
            | Self::HostError
            | Self::TimedOut
            | Self::QueueTimeout
            | Self::AttemptsExhausted
            | Self::Internal => Next::Fail,
        }
    }
}

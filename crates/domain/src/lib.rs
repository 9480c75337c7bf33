//! What a build is, said once, without any I/O.
//!
//! Every other crate speaks in these types: the door parses into them, the store
//! writes them into rows, the worker acts on them, followers render them. A rule that
//! lives here cannot differ between two stations; a rule that lives elsewhere will.

mod address;
mod arg_name;
mod clock;
mod event;
mod failure;
mod field;
mod follower;
mod host;
mod id;
mod image_ref;
mod platform;
mod project;
mod resources;
mod secret;
mod secret_names;
mod secrets;
mod source;
mod spec;
mod state;
mod suspects;
mod trace_parent;
mod trigger;

pub use arg_name::{arg_name, check_arg_names};
pub use clock::now;
pub use event::{Event, EventBody, LogStream, StepStatus};
pub use failure::{Failure, Fault, Next, Reason};
pub use field::FieldError;
pub use follower::{
    Follower, FollowerAddress, FollowerForm, FollowerKind, Forge, KafkaTarget, MAX_FOLLOWERS,
};
pub use host::HostName;
pub use id::{Attempt, BuildId, DeliveryId, FollowerId, TriggerId, UploadId, WebhookId, WorkerId};
pub use image_ref::{ImageRef, ImageRefError, RegistryHost};
pub use platform::Platform;
pub use project::Project;
pub use resources::Resources;
pub use secret::{Credentials, Secret, SecretId};
pub use secret_names::SecretNames;
pub use secrets::{Secrets, SourceSecrets};
pub use source::{
    ArchiveUrl, DockerfilePath, GitRef, GitUrl, GithubOwner, GithubRepo, Hidden, Sha256, Source,
    SubDir, TemplateName, frames_a_request,
};
pub use spec::{
    BuildSpec, BuildSpecDraft, MAX_PRIORITY, MAX_QUEUE_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS,
};
pub use state::{BuildState, Outcome, Stage, UnknownState};
pub use suspects::is_like_a_secret;
pub use trace_parent::TraceParent;
pub use trigger::{
    CommitId, Decided, Happening, PassedBy, RepositoryName, Trigger, TriggerDefinition,
    TriggerEvent, TriggerName, TriggerSecrets, What,
};

//! The JSON of `/api/v2`: what clients send, and what they are answered.
//!
//! These types are the contract. They hold no rule: what comes in is checked when it
//! becomes a `BuildSpec` of the domain, what goes out was true when the row was read.
//! A field here is spelled as in SQL, in logs and in the UI.

mod build;
mod error;
mod follower;
mod health;
mod host;
mod once;
mod project;
mod source;
mod status;
mod submit;
mod template;
mod trigger;
mod upload;
mod whole;

pub use build::{
    AcceptedView, BuildLinks, BuildList, BuildView, FailureView, SourceView, TimingsView,
    WaitingView, WarningView,
};
pub use error::{ErrorBody, ErrorView};
pub use follower::{
    DeliveryList, DeliveryMessage, DeliveryView, FollowerKindName, FollowerList, FollowerRequest,
    FollowerView, ResendSince, Resending,
};
pub use health::{CheckView, HealthStatus, HealthView};
pub use host::{HostList, HostView};
pub use project::{ProjectLimits, ProjectList, ProjectView};
pub use source::{SourceAuth, SourceRequest};
pub use status::Status;
pub use submit::{LoginSchema, RetryBuild, SubmitBuild};
pub use template::{TemplateList, TemplateView};
pub use trigger::{
    DryRun, DryRunView, FiredView, PassedByView, TriggerList, TriggerRequest, TriggerView,
    WebhookAnswer, WebhookList, WebhookView, WouldBuild,
};
pub use upload::UploadView;

//! buildshuttle, as it was documented and as it was shipped.
//!
//! These are two APIs of one service. The document has `POST /{app}/{build}` with webhooks;
//! what ran had `POST /` with a callback, and it is what its clients and those of the jenkins
//! job before it speak. Both name builds themselves, both take their source as one address,
//! and both answer `{"status": "…"}`. The contract is in `docs/dialects/buildshuttle.md`.
//!
//! Neither has a prefix of its own: [`is_free`] keeps them off the paths of others.

mod arguments;
mod data_url;
pub(crate) mod documented;
mod envelope;
mod lenient;
pub(crate) mod shipped;
mod source;

use actix_web::guard::GuardContext;
use slipway_domain::BuildId;
use slipway_queue::News;
use slipway_store::builds::{self, Cancelled};

use self::envelope::{Refusal, field};
use crate::Api;
use crate::error::Error;

/// First segments of paths that belong to others, now or later.
const RESERVED: [&str; 10] =
    ["api", "b1", "health", "metrics", "docs", "openapi.json", "ui", "assets", "webhooks", "octhc"];

/// Whether a path may be one of these dialects, by its first segment.
pub(crate) fn is_free(ctx: &GuardContext<'_>) -> bool {
    let path = ctx.head().uri.path();
    let first = path.split('/').nth(1).unwrap_or_default();
    !is_reserved(first)
}

/// Whether whoever posts to such a path means an application by it: nothing else is posted to
/// paths of two segments that begin with one of these words.
pub(crate) fn is_taken(ctx: &GuardContext<'_>) -> bool {
    let others = ["api", "b1", "webhooks"];
    let first = ctx.head().uri.path().split('/').nth(1).unwrap_or_default();
    is_reserved(first) && !others.contains(&first)
}

/// Refuses an application of a name that is taken.
pub(crate) fn taken() -> Refusal {
    field("app", "is a word that paths of Slipway begin with; give the application another name")
}

fn is_reserved(segment: &str) -> bool {
    RESERVED.contains(&segment)
}

/// Asks a build to stop. `false` when there is nothing left to stop.
async fn stop(api: &Api, build: BuildId) -> Result<bool, Error> {
    match builds::cancel(&api.store, build, api.store.now()).await? {
        Cancelled::Now => api.queue.tell(News::Happened(build)),
        Cancelled::Requested => api.queue.tell(News::CancelAsked(build)),
        Cancelled::TooLate | Cancelled::Over(_) | Cancelled::Unknown => return Ok(false),
    }
    Ok(true)
}

/// Asks builds to stop, all that can be. Whether one was.
async fn stop_all(api: &Api, all: Vec<BuildId>) -> Result<bool, Error> {
    let mut stopped = false;
    for build in all {
        stopped |= stop(api, build).await?;
    }
    Ok(stopped)
}

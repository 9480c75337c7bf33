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

/// First segments of paths of two segments that others are posted to.
const OTHERS: [&str; 3] = ["api", "b1", "webhooks"];
/// First segments of further paths that are no application's, now or later.
const TAKEN: [&str; 7] = ["health", "metrics", "docs", "openapi.json", "ui", "assets", "octhc"];

/// Whether a path may be one of these dialects, by its first segment.
pub(crate) fn is_free(ctx: &GuardContext<'_>) -> bool {
    !is_reserved(first_segment(ctx))
}

/// Whether whoever posts to such a path means an application that cannot be one.
pub(crate) fn is_taken(ctx: &GuardContext<'_>) -> bool {
    TAKEN.contains(&first_segment(ctx))
}

fn first_segment<'a>(ctx: &'a GuardContext<'_>) -> &'a str {
    ctx.head().uri.path().split('/').nth(1).unwrap_or_default()
}

/// Refuses an application of a name that is taken.
pub(crate) fn taken() -> Refusal {
    field("app", "is a word that paths of Slipway begin with; give the application another name")
}

fn is_reserved(segment: &str) -> bool {
    OTHERS.contains(&segment) || TAKEN.contains(&segment)
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

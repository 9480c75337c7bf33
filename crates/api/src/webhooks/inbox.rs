//! Works deliveries off: what each trigger that one was signed for makes of it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use slipway_domain::{Happening, Secrets, SourceSecrets};
use slipway_store::StoreError;
use slipway_store::webhooks::{self, Delivery, Fired, Outcome};

use super::armed::{Armed, armed};
use super::status;
use crate::Api;
use crate::error::{Error, with_causes};
use crate::intake::{self, Accepted, Key, Order};

/// How long a delivery is held by who works on it. Somebody else takes it then.
const HOLD: Duration = Duration::from_secs(30);
/// The longest that nobody looks into the inbox by himself.
const POLL: Duration = Duration::from_secs(1);
/// How often a delivery is begun before it is given up: the reason for failing lasts then.
const MAX_ATTEMPTS: i32 = 20;

/// Works deliveries off for ever. Drop it to stop: what it holds is taken up by another.
pub async fn run(api: Api) {
    let mut failing = false;
    loop {
        match work_one(&api).await {
            Ok(worked) => {
                failing = false;
                if worked {
                    continue;
                }
            }
            Err(error) if !std::mem::replace(&mut failing, true) => {
                tracing::warn!("deliveries of webhooks wait: {}", with_causes(&error));
            }
            Err(_) => {}
        }
        let _ = tokio::time::timeout(POLL, api.webhooks.taken_in.notified()).await;
    }
}

/// Works one delivery off. `false` where none waits.
///
/// # Errors
/// When the store does not answer: the delivery waits, and is taken up again.
pub async fn work_one(api: &Api) -> Result<bool, StoreError> {
    let Some(delivery) = webhooks::claim(&api.store, HOLD, api.store.now()).await? else {
        return Ok(false);
    };
    let outcome = match &delivery.happening {
        Some(happening) => fire(api, &delivery, happening).await?,
        None => ignored("nothing is known of what happened"),
    };
    webhooks::finish(&api.store, &delivery, &outcome, api.store.now()).await?;
    Ok(true)
}

fn ignored(reason: &str) -> Outcome {
    Outcome::Ignored { reason: reason.into() }
}

async fn fire(
    api: &Api,
    delivery: &Delivery,
    happening: &Happening,
) -> Result<Outcome, StoreError> {
    if delivery.attempts > MAX_ATTEMPTS {
        return Ok(ignored("the server failed at it again and again; its log says why"));
    }
    let armed = armed(api).await?;
    let mut fired = Vec::new();
    for armed in &armed {
        // No other trigger has reason to believe it.
        if !delivery.signed_for.iter().any(|name| name == armed.trigger.name().as_str())
            || !armed.trigger.is_for(happening)
        {
            continue;
        }
        let trigger = armed.trigger.name().to_string();
        let (build, reason) = match submit(api, delivery, happening, armed).await {
            Ok(Ok(Accepted::New(build) | Accepted::Before(build))) => (Some(build.id), None),
            Ok(Err(reason)) => (None, Some(reason)),
            Err(Error::Store(error)) => return Err(error),
            Err(error) => (None, Some(error.to_string())),
        };
        fired.push(Fired { trigger, build, reason });
    }
    if fired.is_empty() {
        return Ok(ignored("no trigger that it was signed for is for this repository"));
    }
    Ok(Outcome::Worked { triggers: fired })
}

/// Submits what a trigger asks for, or says why it asks for nothing.
async fn submit(
    api: &Api,
    delivery: &Delivery,
    happening: &Happening,
    armed: &Armed,
) -> Result<Result<Accepted, String>, Error> {
    let decided = match armed.trigger.decide(happening) {
        Ok(decided) => decided,
        Err(passed_by) => return Ok(Err(passed_by.to_string())),
    };
    let name = armed.trigger.name();
    let token = armed.secrets.token.clone().filter(|_| decided.trusted);
    let secrets = Secrets {
        source: SourceSecrets { token, ..SourceSecrets::default() },
        ..Secrets::default()
    };
    let mut build = decided.build;
    build.metadata = Some(json!({
        "trigger": name.as_str(),
        "forge": delivery.forge.as_str(),
        "event": delivery.event,
        "repository": delivery.repository,
        "ref": delivery.reference,
        "commit": happening.commit.as_ref().map(|commit| commit.as_str()),
        "delivery": delivery.id.to_string(),
    }));
    // Worked twice, it is submitted once.
    let follower = match decided.trusted {
        true => status::follower(&api.webhooks, armed, happening)?,
        false => None,
    };
    let key = Key::parse(format!("webhook:{}:{name}", delivery.id).as_bytes())?;
    let followers = follower.into_iter().collect();
    let order = Order { key: Some(key), followers, ..Order::check(build, secrets)? };
    intake::submit(api, &Arc::new(order)).await.map(Ok)
}

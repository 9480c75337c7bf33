//! One try to tell one receiver of one thing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue};
use slipway_domain::{Follower, FollowerAddress, FollowerId, Secret};
use slipway_outbound::{Answered, Fetcher, Outgoing, Post, PostError, SecretHeader};
use slipway_store::Store;
use slipway_store::followers::{Answer, Attempted, DeliveryOutcome, Sent};
use tokio::time::Instant;
use url::Url;

use super::echo::{Echo, STARS};
use super::forms::Message;
use super::schedule::retry_after;
use super::settings::PushSettings;
use super::sign::SigningKey;

/// What is read of an answer, in bytes.
pub(super) const ANSWER_BYTES: usize = 16 * 1024;

/// Headers of answers whose values may be secrets.
const HIDDEN: [&str; 3] = ["set-cookie", "authorization", "www-authenticate"];

/// What a receiver made of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has it.
    Taken,
    /// It wants no more of them.
    Gone,
    /// It has not; it may have asked for time.
    Failed {
        /// Not before.
        after: Option<Duration>,
    },
}

/// One message, and how often it was tried before.
pub(super) struct Try<'a> {
    pub(super) message: &'a Message,
    pub(super) id: String,
    pub(super) seq: i64,
    pub(super) attempt: u32,
    pub(super) resend: bool,
}

/// The id of a message: the same for each try of it, on any server.
pub(super) fn message_id(follower: FollowerId, seq: i64, part: usize) -> String {
    let follower = follower.as_uuid().simple();
    match part {
        0 => format!("msg_{follower}_{seq}"),
        part => format!("msg_{follower}_{seq}_{part}"),
    }
}

/// Tries once.
pub(super) async fn attempt(
    store: &Store,
    fetcher: &Fetcher,
    settings: &PushSettings,
    follower: &Follower,
    this: Try<'_>,
) -> (Attempted, Verdict) {
    let (at, began) = (store.now(), Instant::now());
    let body = this.message.body.clone();
    let headers = headers(settings, follower, &this, at.timestamp());
    let shown = |(name, value): &(HeaderName, HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let sent = Sent { headers: headers.iter().map(shown).collect(), body: body.clone() };
    let answered = match post(settings, follower, headers, body) {
        Ok(post) => fetcher.post(post).await,
        Err(error) => Err(error),
    };
    let verdict = verdict(&answered, this.message, at);
    let attempted = Attempted {
        seq: this.seq,
        webhook_id: this.id,
        attempt: this.attempt,
        resend: this.resend,
        at,
        took: began.elapsed(),
        outcome: outcome(&answered, &verdict),
        error: error(&answered, &verdict),
        sent,
        answer: answered.ok().map(|answered| answer(follower, answered)),
    };
    (attempted, verdict)
}

fn headers(
    settings: &PushSettings,
    follower: &Follower,
    this: &Try<'_>,
    timestamp: i64,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-id", this.id.clone()),
        ("webhook-timestamp", timestamp.to_string()),
    ];
    let own = follower.signing_key.as_ref().and_then(|key| SigningKey::parse(key).ok());
    if let Some(key) = own.as_ref().or(settings.signing_key.as_ref()) {
        let body = this.message.body.as_bytes();
        headers.push(("webhook-signature", key.sign(&this.id, timestamp, body)));
    }
    let more = this.message.headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
    headers.extend(more);
    let readable = |(name, value): (&'static str, String)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
    };
    headers.into_iter().filter_map(readable).collect()
}

fn post(
    settings: &PushSettings,
    follower: &Follower,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: String,
) -> Result<Post, PostError> {
    Ok(Post {
        url: url(follower)?,
        headers,
        secret_headers: secret_headers(follower.authorization.as_ref()),
        body: Outgoing::bytes(body.into()),
        connect: settings.connect,
        answer: settings.answer,
        answer_bytes: ANSWER_BYTES,
    })
}

/// The address of a receiver over HTTP.
pub(super) fn url(follower: &Follower) -> Result<Url, PostError> {
    let bad = || PostError {
        at: follower.address.shown(),
        kind: slipway_outbound::FetchErrorKind::BadUrl("is no address that can be posted to"),
    };
    match &follower.address {
        FollowerAddress::Http { url, .. } => url.expose().parse().map_err(|_| bad()),
        FollowerAddress::Kafka(_) => Err(bad()),
    }
}

/// What shows who we are. It was checked at the door.
pub(super) fn secret_headers(authorization: Option<&Secret>) -> Vec<SecretHeader> {
    authorization
        .and_then(|value| SecretHeader::new("authorization", value).ok())
        .into_iter()
        .collect()
}

fn verdict(
    answered: &Result<Answered, PostError>,
    message: &Message,
    now: DateTime<Utc>,
) -> Verdict {
    match answered {
        Ok(answer) if (200..300).contains(&answer.status) => Verdict::Taken,
        Ok(answer) if (message.knows_already)(answer.status, &answer.body) => Verdict::Taken,
        Ok(answer) if answer.status == 410 => Verdict::Gone,
        Ok(answer) => Verdict::Failed { after: asked(answer, now) },
        Err(_) => Verdict::Failed { after: None },
    }
}

/// How long a receiver wants to be left alone.
pub(super) fn asked(answer: &Answered, now: DateTime<Utc>) -> Option<Duration> {
    let value = answer.headers.get(http::header::RETRY_AFTER)?;
    retry_after(value.to_str().ok()?, now)
}

fn outcome(answered: &Result<Answered, PostError>, verdict: &Verdict) -> DeliveryOutcome {
    match verdict {
        Verdict::Taken => DeliveryOutcome::Delivered,
        Verdict::Gone | Verdict::Failed { .. } => match answered {
            Err(error) if error.is_refused() => DeliveryOutcome::Refused,
            Ok(_) | Err(_) => DeliveryOutcome::Failed,
        },
    }
}

fn error(answered: &Result<Answered, PostError>, verdict: &Verdict) -> Option<String> {
    match (answered, verdict) {
        (_, Verdict::Taken) => None,
        (Err(error), _) => Some(error.to_string()),
        (Ok(_), Verdict::Gone) => Some("it answered 410: it wants no more of this".to_owned()),
        (Ok(answer), Verdict::Failed { .. }) => Some(answered_with(answer.status, "")),
    }
}

/// What a status that is no success says, and what to do about it.
pub(super) fn answered_with(status: u16, when: &str) -> String {
    let advice = match status {
        300..400 => ": redirects are not followed; name that address",
        _ => "",
    };
    format!("it answered {status}{when}{advice}")
}

/// What a follower's receiver answered, as it may be shown.
pub(super) fn answer(follower: &Follower, answered: Answered) -> Answer {
    let echo = Echo::of(follower);
    Answer {
        status: answered.status,
        headers: shown_headers(&answered.headers, &echo),
        body: echo.body(&answered.body),
    }
}

/// The first hundred headers of an answer, without values that may be secrets.
fn shown_headers(headers: &HeaderMap, echo: &Echo) -> Vec<(String, String)> {
    let shown = headers.iter().take(100).map(|(name, value)| {
        let is_hidden = HIDDEN.contains(&name.as_str());
        let value = if is_hidden { STARS.to_owned() } else { echo.header(value.as_bytes()) };
        (name.to_string(), value)
    });
    shown.collect()
}

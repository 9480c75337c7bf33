//! Reading bodies: with a limit, with patience, and whatever their `Content-Type` says.
//!
//! Old clients and `curl -d` send JSON as form-urlencoded, so the type of a body is no
//! reason to refuse it.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::{HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures::stream::Stream;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::error::Error;

/// How long a body may pause: a client that is gone without a word must not hold a
/// half-written upload for ever.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The whole body, at most `limit` bytes of it.
pub(crate) async fn read(
    req: &HttpRequest,
    payload: web::Payload,
    limit: usize,
) -> Result<Bytes, Error> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    announced(req, most)?;
    let mut body = BytesMut::new();
    let mut chunks = std::pin::pin!(chunks(payload));
    while let Some(chunk) = chunks.try_next().await? {
        if body.len() + chunk.len() > limit {
            return Err(Error::TooLarge { what: "body", limit: most });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Refuses by its headers what would be refused later on, and says how long it will be
/// where that is known.
pub(crate) fn announced(req: &HttpRequest, limit: u64) -> Result<Option<u64>, Error> {
    let text = |name| req.headers().get(name).and_then(|value| value.to_str().ok());
    if let Some(encoding) = text(header::CONTENT_ENCODING)
        && !encoding.trim().is_empty()
        && !encoding.trim().eq_ignore_ascii_case("identity")
    {
        return Err(Error::Encoding(encoding.trim().to_owned()));
    }
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    match length {
        Some(length) if length > limit => Err(Error::TooLarge { what: "body", limit }),
        length => Ok(length),
    }
}

/// The body as it comes. Ends with an error of kind `TimedOut` when it pauses too long.
pub(crate) fn chunks(
    payload: web::Payload,
) -> impl Stream<Item = Result<Bytes, PayloadError>> + 'static {
    stream::unfold(Some(payload), |payload| async {
        let mut payload = payload?;
        match tokio::time::timeout(PATIENCE, payload.next()).await {
            Ok(Some(Ok(chunk))) => Some((Ok(chunk), Some(payload))),
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(None) => None,
            Err(_) => {
                let slow = std::io::Error::from(std::io::ErrorKind::TimedOut);
                Some((Err(PayloadError::Io(slow)), None))
            }
        }
    })
    // A form's reader asks again after the end.
    .fuse()
}

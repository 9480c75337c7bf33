//! A multipart form: the part `TarFile` is the archive, the part `Json` the fields.
//!
//! Forms with other names were taken by position, archive first. A part with another
//! name is told by its beginning instead, which gives the same and survives an extra
//! button in the form: what begins with a brace is the fields.

use actix_multipart::{Multipart, MultipartError};
use actix_web::{HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};

use super::envelope::Refusal;
use super::request::of_the_archive;
use crate::error::Error;
use crate::receive::{self, Received};
use crate::{Api, body};

/// Reads a form: the fields as JSON, and the archive if there is one.
pub(super) async fn read(
    req: &HttpRequest,
    payload: web::Payload,
    api: &Api,
) -> Result<(Bytes, Option<Received>), Refusal> {
    let limit = api.limits.upload_bytes;
    body::announced(req, limit)?;
    let mut parts = Multipart::new(req.headers(), body::chunks(payload));
    let mut form = Form::default();
    while let Some(part) = parts.try_next().await.map_err(Error::from)? {
        // Fused: a part may be asked again after its end, and would panic.
        let mut part = part.fuse();
        let head = part.try_next().await.map_err(Error::from)?.unwrap_or_default();
        match form.role(part.get_ref().name(), &head) {
            Role::Json => {
                form.json = Some(gather(head, &mut part, api.limits.body_bytes).await?);
            }
            Role::Archive { named } => {
                let whole = stream::iter([Ok(head)]).chain(part.by_ref());
                let received = receive::receive(api, limit, whole).await.map_err(of_the_archive);
                // What was taken for the archive may turn out to be a button; the one
                // with the right name counts, whatever it turns out to be.
                form.archive = Some(if named { Ok(received?) } else { received });
            }
            Role::None => {}
        }
        // The next part begins where this one was read to its end.
        while let Some(chunk) = part.try_next().await.map_err(Error::from)? {
            form.passed_by += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            if form.passed_by > limit {
                return Err(Error::TooLarge { what: "form", limit }.into());
            }
        }
    }
    Ok((form.json.unwrap_or_default(), form.archive.transpose()?))
}

/// What a form has brought so far.
#[derive(Default)]
struct Form {
    json: Option<Bytes>,
    archive: Option<Result<Received, Error>>,
    /// Bytes that belonged to nothing.
    passed_by: u64,
}

enum Role {
    Json,
    Archive { named: bool },
    None,
}

impl Form {
    fn role(&self, name: Option<&str>, head: &[u8]) -> Role {
        let name = name.unwrap_or_default();
        if name.eq_ignore_ascii_case("Json") {
            Role::Json
        } else if name.eq_ignore_ascii_case("TarFile") {
            Role::Archive { named: true }
        } else if self.json.is_none() && head.trim_ascii_start().starts_with(b"{") {
            Role::Json
        } else if self.archive.is_none() {
            Role::Archive { named: false }
        } else {
            Role::None
        }
    }
}

/// A small part as a whole.
async fn gather<S>(head: Bytes, rest: &mut S, limit: usize) -> Result<Bytes, Error>
where
    S: Stream<Item = Result<Bytes, MultipartError>> + Unpin,
{
    let mut whole = BytesMut::new();
    let mut next = Some(head);
    while let Some(chunk) = next {
        whole.extend_from_slice(&chunk);
        if whole.len() > limit {
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            return Err(Error::TooLarge { what: "part Json", limit });
        }
        next = rest.try_next().await?;
    }
    Ok(whole.freeze())
}

impl From<MultipartError> for Error {
    fn from(error: MultipartError) -> Self {
        if let MultipartError::Payload(error) = error {
            error.into()
        } else if matches!(error, MultipartError::Incomplete) {
            Self::CutOff
        } else {
            Self::Malformed { form: "multipart form", problem: error.to_string() }
        }
    }
}

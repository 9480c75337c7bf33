//! `GET /{build_uuid}`: the source of a build as it was submitted.
//!
//! What came with the request is in the blob store and is given back byte for byte. What was
//! only named is where it was: the answer says where, because this process fetches nothing
//! for anybody; and of an address its login and query are never given away.

use std::io::Read as _;

use actix_web::body::SizedStream;
use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use slipway_domain::{Source, UploadId};
use slipway_store::blobs::Blob;
use slipway_store::uploads;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::Refusal;
use crate::Api;
use crate::dialects::buildshuttle::source;
use crate::error::Error;

/// Bytes that are read at once, and how many of these wait for the client.
const PIECE: usize = 64 * 1024;
const AHEAD: usize = 4;
const UNNAMED: &str = "application/octet-stream";

/// The source, or where it is.
pub(crate) async fn stored(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Refusal> {
    let uuid = source::uuid(req.match_info().query("build")).ok_or(Refusal::NotFound)?;
    let source = source::find(&api, uuid).await?.ok_or(Refusal::NotFound)?;
    if let Source::Upload { id } = source {
        return upload(&req, &api, id).await?.ok_or(Refusal::NotFound);
    }
    if let Source::Archive { url, .. } = source {
        let there = (header::LOCATION, url.as_str());
        return Ok(HttpResponse::TemporaryRedirect().insert_header(there).finish());
    }
    // An image is no file, and the others are no sources of this dialect.
    Err(Refusal::NotFound)
}

/// `None` when it is gone.
async fn upload(req: &HttpRequest, api: &Api, id: UploadId) -> Result<Option<HttpResponse>, Error> {
    let Some(upload) = uploads::find(&api.store, id).await? else { return Ok(None) };
    let Some(blob) = uploads::open(&api.store, &api.blobs, id).await? else { return Ok(None) };
    let media_type = uploads::media_type(&api.store, id).await?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, media_type.as_deref().unwrap_or(UNNAMED)))
        // It is a stranger's file: a browser is to keep it, not to show it.
        .insert_header((header::CONTENT_DISPOSITION, "attachment"))
        .insert_header(("X-Content-Type-Options", "nosniff"));
    let bytes = match req.method() == Method::HEAD {
        true => stream::empty().left_stream(),
        false => pieces(api, blob).right_stream(),
    };
    Ok(Some(response.body(SizedStream::new(upload.size_bytes, bytes))))
}

/// A blob is read on a blocking thread, as fast as the client takes it.
fn pieces(api: &Api, mut blob: Blob) -> ReceiverStream<std::io::Result<Bytes>> {
    let (sender, pieces) = mpsc::channel(AHEAD);
    api.runtime.spawn_blocking(move || {
        loop {
            let mut piece = vec![0; PIECE];
            let read = blob.read(&mut piece).map(|count| {
                piece.truncate(count);
                Bytes::from(piece)
            });
            let over = !read.as_ref().is_ok_and(|piece| !piece.is_empty());
            let is_end = read.as_ref().is_ok_and(Bytes::is_empty);
            // A client that hung up wants no more.
            if is_end || sender.blocking_send(read).is_err() || over {
                return;
            }
        }
    });
    ReceiverStream::new(pieces)
}

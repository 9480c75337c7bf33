//! `GET /b1/build/log/http/{id}?count=N`: one chunk of the log.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;

use super::envelope::Refusal;
use super::fields::Fields;
use super::places::Places;
use super::{TEXT, field, named};
use crate::Api;
use crate::error::Error;

/// What is said after the last chunk.
pub(super) const BYE: &str = "bye";

/// Chunk number `count`, nothing where it is not there yet, `bye` after the last.
pub(crate) async fn poll(
    req: HttpRequest,
    api: web::Data<Api>,
    places: web::Data<Places>,
) -> Result<HttpResponse, Refusal> {
    let Some(build) = named(&req, &api).await? else { return Ok(invalid_id()) };
    let fields = Fields::of_query(req.query_string());
    let count = fields.get("count").ok_or_else(|| field("count", "is missing"))?;
    let number = count
        .parse::<usize>()
        .map_err(|_| Error::from(field("count", "must be the number of a chunk, from 0 on")))?;
    let (chunk, seen) = places.chunk(&api.store, build.id, number).await?;
    let body = match chunk {
        Some(chunk) => Bytes::from(chunk),
        // The row was read before the events: what was over then has no later ones.
        None if build.state.is_finished() && seen >= build.last_seq => {
            Bytes::from_static(BYE.as_bytes())
        }
        None => Bytes::new(),
    };
    Ok(HttpResponse::Ok()
        .content_type(TEXT)
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(body))
}

fn invalid_id() -> HttpResponse {
    HttpResponse::NotFound().content_type(TEXT).body("invalid id ...")
}

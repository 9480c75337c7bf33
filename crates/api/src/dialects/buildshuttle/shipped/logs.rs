//! `GET /{app}-{app_uuid}/{number}/logs`: everything so far, as the classic builder prints it.
//!
//! Clients hide what they take for secrets by dropping lines that look like the builder's own
//! (`Step 2/5 : ARG …`, ` ---> …`), so they must look so whatever built the image.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use slipway_follow::{Format, Renderer};
use slipway_store::StoreError;

use super::{Refusal, paths};
use crate::Api;
use crate::error::Error;
use crate::live::{Past, head_of_stream};

/// Everything so far. 404 as long as there is nothing.
pub(crate) async fn logs(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Refusal> {
    let (_, build) = paths::build(&req, &api).await?;
    let (past, renderer) = (Past::of(&api.live.hub, &build), Renderer::new(Format::Classic));
    let mut pieces = Box::pin(pieces(past, renderer));
    let Some(first) = pieces.try_next().await.map_err(Error::from)? else {
        return Err(Refusal::NotFound);
    };
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    if req.method() == Method::HEAD {
        return Ok(head_of_stream(&mut response));
    }
    Ok(response.streaming(stream::iter([Ok(first)]).chain(pieces)))
}

fn pieces(past: Past, renderer: Renderer) -> impl Stream<Item = Result<Bytes, StoreError>> {
    stream::try_unfold((past, renderer), |(mut past, mut renderer)| async move {
        let text = past.next_text(|events| renderer.batch(events)).await?;
        Ok(text.map(|text| (Bytes::from(text), (past, renderer))))
    })
}

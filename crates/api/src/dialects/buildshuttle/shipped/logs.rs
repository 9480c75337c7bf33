//! `GET /{app}-{app_uuid}/{number}/logs`: everything so far, as the classic builder prints it.
//!
//! Clients hide what they take for secrets by dropping lines that look like the builder's own
//! (`Step 2/5 : ARG …`, ` ---> …`), so they must look so whatever built the image.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use slipway_domain::BuildId;
use slipway_follow::{Format, Renderer, Tail};
use slipway_store::StoreError;

use super::{Refusal, paths};
use crate::Api;
use crate::error::Error;
use crate::live::head_of_stream;

/// One log as far as it has got.
struct Log {
    tail: Tail,
    build: BuildId,
    renderer: Renderer,
    last: i64,
    until: i64,
}

/// Everything so far. 404 as long as there is nothing.
pub(crate) async fn logs(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Refusal> {
    let (_, build) = paths::build(&req, &api).await?;
    let tail = Tail::new(&api.store, &api.queue, build.id, 0);
    let renderer = Renderer::new(Format::Classic);
    let mut log = Log { tail, build: build.id, renderer, last: 0, until: build.last_seq };
    let Some(first) = log.next().await.map_err(Error::from)? else {
        return Err(Refusal::NotFound);
    };
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    if req.method() == Method::HEAD {
        return Ok(head_of_stream(&mut response));
    }
    let first = stream::iter([Ok(Bytes::from(first))]);
    Ok(response.streaming(first.chain(log.into_stream())))
}

impl Log {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, StoreError>> {
        stream::try_unfold(self, |mut log| async move {
            Ok(log.next().await?.map(|text| (Bytes::from(text), log)))
        })
    }

    /// The next text, never empty: an empty chunk would end the answer.
    async fn next(&mut self) -> Result<Option<String>, StoreError> {
        while self.last < self.until {
            // All of them were there: the build was forgotten meanwhile.
            let gone = || StoreError::LogMissing(self.build);
            let batch = self.tail.ready().await?.ok_or_else(gone)?;
            self.last = batch.last().map_or(self.until, |event| event.seq);
            let text = self.renderer.batch(&batch);
            if !text.is_empty() {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }
}

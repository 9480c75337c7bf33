//! `GET /api/v1/builds`: the builds of every dialect, newest first.

use actix_web::{HttpRequest, HttpResponse, web};
use slipway_domain::FieldError;
use slipway_store::builds;

use super::NO_CACHE;
use super::envelope::Refusal;
use super::log;
use crate::Api;
use crate::error::Error;

const DEFAULT_LIMIT: u16 = 50;
const MAX_LIMIT: u16 = 200;

/// A page of builds, and how many there are.
pub(crate) async fn list(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Refusal> {
    let (limit, offset) = page(req.query_string())?;
    let total = builds::count(&api.store).await.map_err(Error::from)?;
    let mut shown = Vec::new();
    for build in builds::page(&api.store, offset, limit).await.map_err(Error::from)? {
        shown.push(log::in_short(&api, &build).await.map_err(Error::from)?);
    }
    let body = format!("{{\"builds\":[{}],\"total\":{total}}}", shown.join(","));
    Ok(HttpResponse::Ok().insert_header(NO_CACHE).content_type("application/json").body(body))
}

/// Limit and offset. Other parameters are passed by: pages add some against caches.
fn page(query: &str) -> Result<(u16, u32), FieldError> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|_| FieldError::new("query", "is not name=value&name=value"))?;
    let (mut limit, mut offset) = (DEFAULT_LIMIT, 0);
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        match name.as_str() {
            "limit" => {
                let good = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                limit = good.ok_or_else(|| FieldError::new("limit", "must be 1 to 200"))?;
            }
            "offset" => {
                let good = value.parse().ok();
                offset = good.ok_or_else(|| {
                    FieldError::new("offset", "must be a whole number that is not negative")
                })?;
            }
            _ => {}
        }
    }
    Ok((limit, offset))
}

//! Which pages may call the older services' APIs, in the words of CORS.
//!
//! The templates' service was open to all pages, and boatyard brought a page of its own, which is
//! of another origin now. No cookie and no login is read here, so a page learns nothing that its
//! reader's machine could not ask for as well; where that is too much, operators name the pages.

use actix_cors::Cors;
use actix_web::http::Method;

use crate::Origins;

/// An hour, after which a browser asks again.
const MAX_AGE_SECONDS: usize = 3600;

/// Lets pages of these origins read and submit. Of all others a request is done as it was
/// before there was CORS, and the browser keeps the answer from them.
pub(crate) fn open_to(origins: &Origins) -> Cors {
    let cors = if origins.are_all() {
        Cors::default().allow_any_origin().send_wildcard()
    } else {
        let origins = origins.clone();
        Cors::default().allowed_origin_fn(move |origin, _| {
            origin.to_str().is_ok_and(|origin| origins.lists(origin))
        })
    };
    cors.block_on_origin_mismatch(false)
        .allowed_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_any_header()
        .max_age(MAX_AGE_SECONDS)
}

//! Which pages may talk to this service: all of them, as before. No cookie and no login is
//! read here, so a page learns nothing that its reader's machine could not ask for as well.

use actix_cors::Cors;
use actix_web::http::Method;

/// An hour, after which a browser asks again.
const MAX_AGE_SECONDS: usize = 3600;

/// Lets pages of any origin read and submit.
pub(crate) fn open_to_all() -> Cors {
    Cors::default()
        .allow_any_origin()
        .send_wildcard()
        .allowed_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_any_header()
        .max_age(MAX_AGE_SECONDS)
}

//! A request that waits holds little.
//!
//! The library gives each request's headers a table of 32 places, of two hundred bytes each, and
//! few requests have more than four. A thousand followers that come at once wait together for the
//! row of their build, and what they hold until then, the process keeps for good.

use std::mem;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;

/// Gives a request's headers a table of their size.
pub(crate) fn headers(req: &mut ServiceRequest) {
    let headers = mem::take(req.headers_mut());
    let mut packed = HeaderMap::with_capacity(headers.len_keys());
    headers.into_iter().for_each(|(name, value)| packed.append(name, value));
    *req.headers_mut() = packed;
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_same_headers_in_a_smaller_table() {
        let given = [("host", "x"), ("accept", "a/b"), ("cookie", "a=1"), ("cookie", "b=2")];
        let mut req = TestRequest::default();
        for header in given {
            req = req.append_header(header);
        }
        let mut req = req.to_srv_request();
        req.headers_mut().reserve(16);
        let before = req.headers().capacity();
        headers(&mut req);
        assert!(req.headers().capacity() * 2 < before, "{}", req.headers().capacity());
        let text = |(name, value): (&_, &actix_web::http::header::HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        let mut kept: Vec<String> = req.headers().iter().map(text).collect();
        // Those of one name are in order; the names are in none.
        kept.sort_by_key(|line| line.split(':').next().unwrap().to_owned());
        assert_eq!(kept, ["accept: a/b", "cookie: a=1", "cookie: b=2", "host: x"]);
    }
}

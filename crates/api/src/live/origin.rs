//! Whose pages may open a WebSocket, or call the older services' APIs.
//!
//! A browser lets any page open one to any server, and sends along what it knows of that
//! server; unlike other requests, the answer is not kept from the page. All it says is from
//! where the page is. A client that is no browser says nothing, and is free to lie.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header;

/// Origins that are allowed besides the server's own, as the header `Origin` has them:
/// `https://ci.example`, with the port where it is not the scheme's. `*` stands for all.
/// Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Origins(Arc<[String]>);

impl Origins {
    /// All of them.
    #[must_use]
    pub fn all() -> Self {
        Self(Arc::new(["*".to_owned()]))
    }

    /// Reads a list of origins. Gives back the first that is none.
    ///
    /// # Errors
    /// When one of them is no `scheme://host` or `scheme://host:port`.
    pub fn parse(list: &[String]) -> Result<Self, &str> {
        match list.iter().find(|origin| *origin != "*" && host_of(origin).is_none()) {
            Some(bad) => Err(bad),
            None => Ok(Self(list.iter().map(|origin| origin.to_ascii_lowercase()).collect())),
        }
    }

    /// Whether the page that a request comes from, if it is one, may open a WebSocket. The
    /// origin, if not.
    pub(crate) fn check(&self, req: &HttpRequest) -> Result<(), String> {
        let Some(origin) = req.headers().get(header::ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or("?").to_ascii_lowercase();
        let host = req.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let own = host_of(&origin).zip(host).is_some_and(|((host, port), asked)| {
            let (name, at) = split_port(asked, usual_port(&origin));
            name.eq_ignore_ascii_case(host) && at == port
        });
        if own || self.lists(&origin) {
            return Ok(());
        }
        Err(origin)
    }

    /// Whether an origin is in the list.
    pub(crate) fn lists(&self, origin: &str) -> bool {
        self.are_all() || self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }

    /// Whether the list is of all there are.
    pub(crate) fn are_all(&self) -> bool {
        self.0.iter().any(|allowed| allowed == "*")
    }
}

/// Host and port of an origin.
fn host_of(origin: &str) -> Option<(&str, u16)> {
    let (_, host) = origin.split_once("://")?;
    let (name, port) = split_port(host, usual_port(origin));
    let named = !name.is_empty() && !name.contains(['/', '?', '#', '@', ' ']);
    named.then_some((name, port))
}

fn usual_port(origin: &str) -> u16 {
    let tls = origin.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
    if tls { 443 } else { 80 }
}

/// `host`, `host:port`, `[::1]:port`.
fn split_port(host: &str, usual: u16) -> (&str, u16) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => match port.parse() {
            Ok(port) => (name, port),
            Err(_) => (host, usual),
        },
        Some(_) | None => (host, usual),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn allows(origins: &Origins, host: &str, origin: &str) -> bool {
        let request = TestRequest::default().insert_header((header::HOST, host));
        let request = request.insert_header((header::ORIGIN, origin));
        origins.check(&request.to_http_request()).is_ok()
    }

    #[test]
    fn the_servers_own_pages_and_those_that_are_listed() {
        let none = Origins::default();
        for (host, origin) in [
            ("ci.example", "https://ci.example"),
            ("ci.example:443", "https://ci.example"),
            ("CI.example", "http://ci.EXAMPLE"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("[::1]", "http://[::1]"),
        ] {
            assert!(allows(&none, host, origin), "{host} {origin}");
        }
        for (host, origin) in [
            ("ci.example", "https://evil.example"),
            ("ci.example", "https://ci.example.evil.example"),
            ("ci.example", "https://ci.example:8443"),
            ("ci.example:8080", "http://ci.example"),
            ("127.0.0.1:8080", "http://127.0.0.1:3000"),
            ("ci.example", "null"),
            ("ci.example", ""),
            ("ci.example", "ci.example"),
        ] {
            assert!(!allows(&none, host, origin), "{host} {origin}");
        }
        assert!(none.check(&TestRequest::default().to_http_request()).is_ok(), "no browser");

        let listed = Origins::parse(&["https://UI.example:8443".into()]).unwrap();
        assert!(allows(&listed, "ci.example", "https://ui.example:8443"));
        assert!(!allows(&listed, "ci.example", "https://ui.example"));
        assert!(allows(&Origins::parse(&["*".into()]).unwrap(), "ci.example", "null"));
        assert!(Origins::all().are_all() && !listed.are_all());
    }

    #[test]
    fn what_is_no_origin() {
        for bad in ["ui.example", "https://", "https://ui.example/", "https://u@ui.example", ""] {
            assert_eq!(Origins::parse(&[bad.to_owned()]).unwrap_err(), bad);
        }
    }
}

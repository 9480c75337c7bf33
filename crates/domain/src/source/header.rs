//! Headers that a request for a source may not bring.

/// What frames a request or says where it goes: with one of these a request could be made two,
/// or its answer something else than the file.
const OURS: [&str; 15] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "if-range",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Whether a header is Slipway's own to set, in any spelling.
#[must_use]
pub fn frames_a_request(name: &str) -> bool {
    OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours))
}

//! Servers that have been asked too often, and when they may be asked again.

use chrono::DateTime;
use http::{HeaderMap, StatusCode, header};

/// Characters of a date that a server may have shown.
const MAX_CHARS: usize = 40;

/// When it is worth asking again, in words, if this answer refuses for the number of requests.
/// The inner is nothing where the server does not say.
pub(super) fn rate_limit(status: StatusCode, headers: &HeaderMap) -> Option<Option<String>> {
    let after = headers.get(header::RETRY_AFTER).and_then(|value| in_words(value.to_str().ok()?));
    // Of GitHub and others, which have 403 for much.
    let used_up = headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0");
    let reset = headers.get("x-ratelimit-reset").filter(|_| used_up);
    let again = after.or_else(|| date(reset?.to_str().ok()?));
    match status {
        StatusCode::TOO_MANY_REQUESTS => Some(again),
        StatusCode::FORBIDDEN if used_up || again.is_some() => Some(again),
        _ => None,
    }
}

/// `Retry-After` is seconds or a date (RFC 9110). Anything else is not shown.
fn in_words(value: &str) -> Option<String> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(format!("in {seconds} s"));
    }
    let is_date = value.ends_with(" GMT")
        && value.len() <= MAX_CHARS
        && value.chars().all(|c| c.is_ascii_alphanumeric() || " ,:-".contains(c));
    is_date.then(|| format!("after {value}"))
}

/// `x-ratelimit-reset` is a time, in seconds since 1970.
fn date(seconds: &str) -> Option<String> {
    let at = DateTime::from_timestamp(seconds.trim().parse().ok()?, 0)?;
    Some(format!("after {}", at.format("%a, %d %b %Y %H:%M:%S GMT")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(status: u16, headers: &[(&'static str, &str)]) -> Option<Option<String>> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        rate_limit(StatusCode::from_u16(status).unwrap(), &map)
    }

    #[test]
    fn what_servers_say() {
        assert_eq!(limit(429, &[]), Some(None));
        assert_eq!(limit(429, &[("retry-after", "30")]), Some(Some("in 30 s".to_owned())));
        assert_eq!(
            limit(429, &[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")]),
            Some(Some("after Wed, 21 Oct 2026 07:28:00 GMT".to_owned()))
        );
        assert_eq!(limit(429, &[("retry-after", "<b>never</b> GMT")]), Some(None));
        assert_eq!(limit(403, &[("x-ratelimit-remaining", "0")]), Some(None));
        let used_up = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1792567680")];
        assert_eq!(limit(403, &used_up), Some(Some("after Wed, 21 Oct 2026 07:28:00 GMT".into())));
        assert_eq!(limit(403, &[used_up[1]]), None);
        assert_eq!(limit(403, &[("retry-after", "60")]), Some(Some("in 60 s".to_owned())));
        assert_eq!(limit(403, &[("x-ratelimit-remaining", "17")]), None);
        assert_eq!(limit(503, &[("retry-after", "60")]), None);
    }
}

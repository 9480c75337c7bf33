//! Logins in addresses, whether they are known as secrets or not.

/// Puts stars in place of the login in every address (`https://user:password@host`). A name
/// alone is left in addresses of other schemes than http: `ssh://git@host` has no secret, while
/// `https://TOKEN@host` has one.
pub(super) fn scrub(text: String) -> String {
    if !text.contains("://") {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(ends_authority).unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        let is_http = before.ends_with("http://") || before.ends_with("https://");
        match authority.rsplit_once('@') {
            Some((login, host)) if is_http || login.contains(':') => {
                out.push_str("***@");
                out.push_str(host);
            }
            Some(_) | None => out.push_str(authority),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn ends_authority(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>' | '`')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_in_addresses() {
        for (text, clean) in [
            ("https://user:hunter2@r.example/x", "https://***@r.example/x"),
            ("https://token@g.example/r.git", "https://***@g.example/r.git"),
            ("'http://u:p@ss@h:80' and http://b/@c", "'http://***@h:80' and http://b/@c"),
            ("ssh://git@g.example/r", "ssh://git@g.example/r"),
            ("postgres://u:pw@db/x amqp://u:pw@mq", "postgres://***@db/x amqp://***@mq"),
            ("fatal: https://u:p@h", "fatal: https://***@h"),
            ("nobody@example.org :// @", "nobody@example.org :// @"),
            ("https://a/b?mail=c@d", "https://a/b?mail=c@d"),
            ("https://", "https://"),
            ("HTTPS://u:p@h", "HTTPS://***@h"),
        ] {
            assert_eq!(scrub(text.to_owned()), clean);
        }
    }
}

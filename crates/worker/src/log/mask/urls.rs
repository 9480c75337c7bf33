//! Logins in addresses, whether they are known as secrets or not.

/// Puts stars in place of the login in every address (`https://user:password@host`). A name
/// alone is left in addresses of other schemes than http: `ssh://git@host` has no secret, while
/// `https://TOKEN@host` has one. Of an address that is at one of `signed` (`host/path?`), all that
/// follows goes too, in whatever order it is written and wherever it is cut.
pub(super) fn scrub(text: String, signed: &[String]) -> String {
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
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        match authority.rsplit_once('@') {
            Some((login, _)) if is_http || login.contains(':') => {
                out.push_str("***@");
                out.push_str(host);
            }
            Some(_) | None => out.push_str(authority),
        }
        rest = match path_of_signed(host, tail, signed).and_then(|path| tail.split_at_checked(path))
        {
            Some((path, query)) => {
                out.push_str(path);
                let query_end = query.find(ends_query).unwrap_or(query.len());
                let (query, tail) = query.split_at(query_end);
                if !query.is_empty() {
                    out.push_str("***");
                }
                // Of a quote within a quote.
                let escape = query.len() - query.trim_end_matches('\\').len();
                out.extend(std::iter::repeat_n('\\', escape));
                tail
            }
            None => tail,
        };
    }
    out.push_str(rest);
    out
}

/// How long the path of an address is, its question mark included, where it is a signed one.
fn path_of_signed(host: &str, tail: &str, signed: &[String]) -> Option<usize> {
    signed.iter().find_map(|place| {
        let path = place.strip_prefix(host)?;
        tail.starts_with(path).then_some(path.len())
    })
}

fn ends_query(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '<' | '>' | '`')
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
            assert_eq!(scrub(text.to_owned(), &[]), clean);
        }
    }

    #[test]
    fn queries_of_signed_addresses() {
        let signed = ["b.example:81/ctx.tgz?".to_owned()];
        let all = "https://b.example:81/ctx.tgz?";
        for (text, clean) in [
            (format!("{all}a=1&sig=x#f) y"), format!("{all}*** y")),
            (format!("Get \"{all}sig=x\": no"), format!("Get \"{all}***\": no")),
            (format!("\\\"{all}sig=x\\\""), format!("\\\"{all}***\\\"")),
            (format!("{all}si"), format!("{all}***")),
            (all.to_owned(), all.to_owned()),
            (format!("{all}*** and {all}***&a=b"), format!("{all}*** and {all}***")),
            (
                "http://u:p@b.example:81/ctx.tgz?s".into(),
                "http://***@b.example:81/ctx.tgz?***".into(),
            ),
            ("https://b.example:81/ctx.tgz".into(), "https://b.example:81/ctx.tgz".into()),
            ("https://b.example:81/other?s".into(), "https://b.example:81/other?s".into()),
        ] {
            assert_eq!(scrub(text, &signed), clean);
        }
    }
}

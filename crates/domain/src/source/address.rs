//! Addresses of archives, and what they hide.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{ParseError, Url};

use crate::{Credentials, FieldError, Secret};

const MAX_CHARS: usize = 8 * 1024;

/// What an address held that nobody may see. It goes to be sealed.
#[derive(Debug, Clone, Default)]
pub struct Hidden {
    /// The login that stood before the host.
    pub login: Option<Credentials>,
    /// The whole address where it has a query: that is how addresses are signed.
    pub url: Option<Secret>,
}

/// Where an archive is: `http` or `https`, as it may be shown, without login, query and
/// fragment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArchiveUrl(String);

impl ArchiveUrl {
    /// Reads an address and takes out of it what must not be shown.
    ///
    /// # Errors
    /// When it is no `http` or `https` address. It is not quoted: it may hold a password.
    pub fn parse(text: &str) -> Result<(Self, Hidden), FieldError> {
        let mut url = http("source.url", text)?;
        let login = take_login(&mut url);
        url.set_fragment(None);
        let whole = url.query().is_some().then(|| Secret::from(url.to_string()));
        url.set_query(None);
        Ok((Self(url.into()), Hidden { login, url: whole }))
    }

    /// The address as it may be shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArchiveUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

pub(super) fn http(field: &str, text: &str) -> Result<Url, FieldError> {
    const AS: &str = "write it as https://host/path";
    let refuse = |message: &str| FieldError::new(field, message);
    if text.len() > MAX_CHARS {
        return Err(refuse("is longer than 8192 characters"));
    }
    let text = text.trim();
    check_spelling(field, text)?;
    let url = Url::parse(text).map_err(|error| refuse(fault(error)).hint(AS))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("is not of http or https").hint(AS));
    }
    check_place(field, text)?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(refuse("has no host").hint(AS));
    }
    Ok(url)
}

/// Refuses what a parser takes for something else and changes without a word: the address
/// that is fetched, shown and kept is to be the one that was given.
pub(super) fn check_spelling(field: &str, text: &str) -> Result<(), FieldError> {
    let refuse = |message: &str, hint: &str| Err(FieldError::new(field, message).hint(hint));
    if text.contains(char::is_whitespace) {
        return refuse("has a blank, a tab or a newline in it", "write a blank as %20");
    }
    if text.contains(char::is_control) {
        return refuse("has a control character in it", "copy it again, or write it by hand");
    }
    if text.contains('\\') {
        return refuse("has a backslash in it", "write / between folders, and a backslash as %5C");
    }
    Ok(())
}

/// The same of what stands between scheme and path.
fn check_place(field: &str, text: &str) -> Result<(), FieldError> {
    let refuse = |message: &str, hint: &str| Err(FieldError::new(field, message).hint(hint));
    let after = text.split_once(':').map_or("", |(_, after)| after);
    let place = after.strip_prefix("//").filter(|place| !place.starts_with('/'));
    let Some(place) = place else {
        return refuse("has not two slashes after its scheme", "write it as https://host/path");
    };
    let end = place.find(['/', '?', '#']).unwrap_or(place.len());
    let (place, _) = place.split_at(end);
    match place.matches('@').count() {
        0 => {}
        1 if place.starts_with('@') || place.starts_with(":@") => {
            return refuse("has an @ without a login before it", "leave the @ out");
        }
        1 => {}
        _ => {
            return refuse("has more than one @ before its path", "write one in a login as %40");
        }
    }
    if place.ends_with(":0") {
        return refuse(NO_PORT, "leave it out for the usual one");
    }
    Ok(())
}

pub(super) const NO_PORT: &str = "has a port that there is not: a port is 1 to 65535";

/// Why a text is no address.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library has more to come")]
const fn fault(error: ParseError) -> &'static str {
    match error {
        ParseError::InvalidPort => NO_PORT,
        ParseError::EmptyHost => "has no host",
        ParseError::IdnaError
        | ParseError::InvalidIpv4Address
        | ParseError::InvalidIpv6Address
        | ParseError::InvalidDomainCharacter => "has a host that is no name and no IP address",
        _ => "is no address",
    }
}

/// The login before the host, decoded. The address has none after that.
pub(super) fn take_login(url: &mut Url) -> Option<Credentials> {
    let decoded =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let username = decoded(url.username());
    let password = url.password().map(decoded);
    // Neither fails for http and https, which have hosts.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if username.is_empty() && password.is_none() {
        return None;
    }
    Some(match password {
        Some(password) => Credentials { username, password: password.into() },
        // As in `https://TOKEN@host/`: whoever takes it there takes it as a name alone.
        None => Credentials { username, password: String::new().into() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_taken_out() {
        let (url, hidden) =
            ArchiveUrl::parse("https://u%40x:p%3Aw@h.example/a.tgz?X-Signature=s3cret#top")
                .unwrap();
        assert_eq!(url.as_str(), "https://h.example/a.tgz");
        let login = hidden.login.unwrap();
        assert_eq!((login.username.as_str(), login.password.expose()), ("u@x", "p:w"));
        assert_eq!(hidden.url.unwrap().expose(), "https://h.example/a.tgz?X-Signature=s3cret");

        let (url, hidden) = ArchiveUrl::parse("http://h.example:81").unwrap();
        assert_eq!(url.as_str(), "http://h.example:81/");
        assert!(hidden.login.is_none() && hidden.url.is_none());
    }

    #[test]
    fn other_addresses_are_refused_unseen() {
        for bad in [
            "",
            "https://u:pw@h:99999/x",
            "https://u:pw@@h/x",
            "h.example/a",
            "ftp://u:pw@h/x",
            "file:///etc",
            "https://",
            "https://u:pw@",
        ] {
            let error = ArchiveUrl::parse(bad).unwrap_err();
            assert_eq!(error.field, "source.url");
            assert!(!format!("{error:?}").contains("pw"), "{error:?}");
        }
    }

    #[test]
    fn what_a_parser_would_change_is_refused_with_the_reason() {
        for (bad, message) in [
            ("https://h.example/a b.tgz", "blank"),
            ("https://h.example/a\tb.tgz", "tab"),
            ("https://h.example/a\n.tgz", "newline"),
            ("https://h.example/a\0.tgz", "control character"),
            ("https:\\\\h.example\\a.tgz", "backslash"),
            ("https://h.example\\@evil.example/a", "backslash"),
            ("https:/h.example/a.tgz", "two slashes"),
            ("https:h.example/a.tgz", "two slashes"),
            ("https:///h.example/a.tgz", "two slashes"),
            ("https://@h.example/a.tgz", "without a login"),
            ("https://:@h.example/a.tgz", "without a login"),
            ("https://a@b@h.example/a.tgz", "more than one @"),
            ("https://h.example:99999/a.tgz", "1 to 65535"),
            ("https://h.example:0/a.tgz", "1 to 65535"),
            ("https://h.example:port/a.tgz", "1 to 65535"),
            ("https://1.2.3.4.5/a.tgz", "no IP address"),
            ("https://[::g]/a.tgz", "no IP address"),
            ("https://", "no host"),
        ] {
            let error = ArchiveUrl::parse(bad).unwrap_err();
            assert_eq!(error.field, "source.url");
            assert!(error.message.contains(message), "{bad:?}: {error:?}");
        }
        // A line break at the end is of the shell that made the request.
        ArchiveUrl::parse("https://h.example/a@b/c.tgz?x=@:/\n").unwrap();
    }
}

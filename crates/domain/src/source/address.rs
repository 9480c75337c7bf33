//! Addresses of archives, and what they hide.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::{self, take_login};
use crate::{Credentials, FieldError, Secret};

const AS: &str = "write it as https://host/path";

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
        let mut url = address::http("source.url", text, AS)?;
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

//! Addresses of archives, and what they hide.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

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
    let refuse = |message: &str| FieldError::new(field, message);
    if text.len() > MAX_CHARS {
        return Err(refuse("is longer than 8192 characters"));
    }
    let url = Url::parse(text.trim())
        .map_err(|_| refuse("is no address").hint("write it as https://host/path"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(refuse("is not of http or https").hint("write it as https://host/path"));
    }
    Ok(url)
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
        for bad in ["", "h.example/a", "ftp://u:pw@h/x", "file:///etc", "https://", "https://u:pw@"]
        {
            let error = ArchiveUrl::parse(bad).unwrap_err();
            assert_eq!(error.field, "source.url");
            assert!(!format!("{error:?}").contains("pw"), "{error:?}");
        }
    }
}

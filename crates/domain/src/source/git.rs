//! Repositories and what is named in them.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{ParseError, Url};

use super::Hidden;
use crate::FieldError;
use crate::address::{NO_PORT, check_spelling, http, take_login};

const MAX_REF_CHARS: usize = 255;

/// Where a repository is: `https`, `http` or `ssh`, as it may be shown. The user of an SSH
/// address stays, because it is part of the place; a password never does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GitUrl(String);

impl GitUrl {
    /// Reads an address, also as `user@host:path`, and takes out what must not be shown.
    ///
    /// # Errors
    /// When it is of another kind: `file:`, `ext::` and the like would read or run things on
    /// the worker. It is not quoted: it may hold a password.
    pub fn parse(text: &str) -> Result<(Self, Hidden), FieldError> {
        const FIELD: &str = "source.url";
        let text = text.trim();
        let other = || {
            FieldError::new(FIELD, "is of another kind than https, http or ssh")
                .hint("write it as https://host/path.git, ssh://git@host/path.git or git@host:path")
        };
        if text.starts_with('-') || names_a_program(text) {
            return Err(other());
        }
        check_spelling(FIELD, text)?;
        let scheme = text.split(':').next().unwrap_or_default();
        let is_http = ["http", "https"].iter().any(|http| scheme.eq_ignore_ascii_case(http));
        let port = Url::parse(text).map(|url| url.port());
        if text.starts_with("ssh://") && matches!(port, Err(ParseError::InvalidPort) | Ok(Some(0)))
        {
            return Err(FieldError::new(FIELD, NO_PORT)
                .hint("write it as ssh://git@host:22/path.git, or git@host:path without a port"));
        }
        if text.starts_with("ssh://") && Url::parse(text).is_ok_and(|url| url.password().is_some())
        {
            return Err(FieldError::new(FIELD, "has a password, and ssh takes a key")
                .hint("leave the password out and give a private key, or use the https address"));
        }
        if !is_http && (text.starts_with("ssh://") || !text.contains("://")) {
            return Ok((Self(ssh(text).ok_or_else(other)?), Hidden::default()));
        }
        if !is_http {
            return Err(other());
        }
        let mut url = http(FIELD, text, "write it as https://host/path.git")?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(FieldError::new(
                FIELD,
                "has a query or a fragment, which no repository has",
            )
            .hint("name the branch, tag or commit in source.ref, the folder in source.subdir"));
        }
        let login = take_login(&mut url);
        Ok((Self(url.into()), Hidden { login, url: None }))
    }

    /// The address as it may be shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is reached by SSH.
    #[must_use]
    pub fn is_ssh(&self) -> bool {
        self.0.starts_with("ssh://")
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether git would take it for `program::address`. Further on, two colons are of an IPv6
/// address.
fn names_a_program(text: &str) -> bool {
    text.split('/').next().is_some_and(|first| first.contains("::"))
}

/// An SSH address in the long form; `None` if it is none.
fn ssh(text: &str) -> Option<String> {
    let long = if text.starts_with("ssh://") {
        text.to_owned()
    } else {
        let (place, path) = text.split_once(':')?;
        let (user, host) = place.split_once('@')?;
        if path.is_empty() || path.starts_with("//") || host.contains('/') {
            return None;
        }
        // Relative to the user's home, which servers that have no homes read alike.
        format!("ssh://{user}@{host}/{}", path.trim_start_matches('/'))
    };
    let url = Url::parse(&long).ok()?;
    let is_name = |name: &str| !name.is_empty() && !name.starts_with('-');
    let host = url.host_str().filter(|host| is_name(host))?.to_owned();
    let user = url.username().to_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !(user.is_empty() || is_name(&user) && user.chars().all(plain))
        || !host.chars().all(|c| plain(c) || matches!(c, ':' | '[' | ']'))
        || url.path().trim_matches('/').is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return None;
    }
    Some(url.into())
}

/// A branch, tag, full reference or commit, as `git check-ref-format` allows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GitRef(String);

impl GitRef {
    /// Reads a reference.
    ///
    /// # Errors
    /// When no branch or tag can have this name, such as one that begins with a dash.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        let parts_are_names = text.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.strip_suffix(".lock").is_none()
                && !part.ends_with('.')
        });
        let strange = |c: char| {
            c.is_control()
                || c.is_whitespace()
                || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\')
        };
        let good = parts_are_names
            && text.len() <= MAX_REF_CHARS
            && !text.starts_with('-')
            && !text.contains("..")
            && !text.contains("@{")
            && text != "@"
            && !text.contains(strange);
        good.then(|| Self(text.to_owned())).ok_or_else(|| {
            let least = Self::LEAST_DIGITS;
            FieldError::new("source.ref", "is no name of a branch, tag or commit").hint(format!(
                "write it as main, v1.2, refs/heads/main or the hexadecimal digits of a commit, \
                 {least} of them at least"
            ))
        })
    }

    /// Digits that a commit is named by at least. Fewer are likely to be those of several.
    pub const LEAST_DIGITS: usize = 7;

    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it may be a commit: 7 to 64 hexadecimal digits.
    #[must_use]
    pub fn may_be_commit(&self) -> bool {
        (Self::LEAST_DIGITS..=64).contains(&self.0.len()) && self.is_hexadecimal()
    }

    /// Whether it would be a commit if it had more digits.
    #[must_use]
    pub fn has_too_few_digits(&self) -> bool {
        (4..Self::LEAST_DIGITS).contains(&self.0.len()) && self.is_hexadecimal()
    }

    fn is_hexadecimal(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

impl fmt::Display for GitRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_in_all_spellings() {
        for (text, shown) in [
            ("https://h.example/a/b.git", "https://h.example/a/b.git"),
            ("https://ci:t0ken@h.example/a.git", "https://h.example/a.git"),
            ("https://[2001:db8::1]/a.git", "https://[2001:db8::1]/a.git"),
            ("git@h.example:a/b.git", "ssh://git@h.example/a/b.git"),
            ("git@h.example:/srv/b.git", "ssh://git@h.example/srv/b.git"),
            ("ssh://git@h.example:2222/b", "ssh://git@h.example:2222/b"),
        ] {
            assert_eq!(GitUrl::parse(text).unwrap().0.as_str(), shown);
        }
        let (_, hidden) = GitUrl::parse("https://ci:t0ken@h.example/a.git").unwrap();
        assert_eq!(hidden.login.unwrap().password.expose(), "t0ken");
    }

    #[test]
    fn what_runs_or_reads_things_is_refused() {
        for bad in [
            "",
            "/srv/repo.git",
            "file:///etc",
            "ext::sh -c id",
            "--upload-pack=touch /tmp/x",
            "git://h.example/a",
            "fd::17",
            "git@-oProxyCommand=id:a",
            "ssh://-oProxyCommand=id/a",
            "ssh://git@-h/a",
            "ssh://-u@h/a",
            "https://h.example/a#main",
            "h.example:a/b",
            "git@h.example:a b",
            "git@h.example:a\\b",
            "https:/h.example/a.git",
        ] {
            assert_eq!(GitUrl::parse(bad).unwrap_err().field, "source.url", "{bad:?}");
        }
        let error = GitUrl::parse("ssh://git:hunter2@h.example:2222/b").unwrap_err();
        assert_eq!(error.to_string(), "source.url: has a password, and ssh takes a key");
        let error = GitUrl::parse("https://h.example:99999/a.git").unwrap_err();
        assert!(error.message.contains("1 to 65535"), "{error:?}");
        let error = GitUrl::parse("ssh://git@h.example:99999/a.git").unwrap_err();
        assert!(error.message.contains("1 to 65535"), "{error:?}");
    }

    #[test]
    fn references_as_git_allows_them() {
        for good in ["main", "v1.2", "feature/a-b", "refs/tags/v1", "4f2a9c1", "a@b"] {
            assert_eq!(GitRef::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "-b",
            "--upload-pack=x",
            "a..b",
            "a b",
            "a:b",
            "/a",
            "a/",
            ".a",
            "a.lock",
            "@",
            "a@{1}",
        ] {
            assert_eq!(GitRef::parse(bad).unwrap_err().field, "source.ref", "{bad:?}");
        }
        assert!(GitRef::parse("4f2a9c1").unwrap().may_be_commit());
        assert!(!GitRef::parse("main").unwrap().may_be_commit());
    }
}

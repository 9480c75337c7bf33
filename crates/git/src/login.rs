//! Logins, and where they may go.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use slipway_domain::{Credentials, GitUrl, Secret};
use url::Url;

use crate::GitFetch;
use crate::scrub::Scrub;

/// What may be shown to one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    pub(crate) login: Option<Credentials>,
    pub(crate) token: Option<Secret>,
    pub(crate) ssh_key: Option<Secret>,
}

/// A server as far as logins go: what differs in one of these is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) scheme: String,
    /// In lowercase; IPv6 addresses in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Server {
    /// The server of an address; `None` if it has no host, which none has that was read.
    pub(crate) fn of(url: &GitUrl) -> Option<Self> {
        let url = Url::parse(url.as_str()).ok()?;
        let host = url.host_str()?.to_ascii_lowercase();
        let usual = if url.scheme() == "ssh" { Some(22) } else { None };
        let port = url.port_or_known_default().or(usual)?;
        Some(Self { scheme: url.scheme().to_owned(), host, port })
    }

    /// Its address, as settings of git name it.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}:{}/", self.scheme, self.host, self.port)
    }
}

impl Access {
    /// All that came with the request.
    pub(crate) fn of(what: &GitFetch) -> Self {
        let GitFetch { login, token, ssh_key, .. } = what;
        Self { login: login.clone(), token: token.clone(), ssh_key: ssh_key.clone() }
    }

    /// Whether there is no login at all.
    pub(crate) const fn is_empty(&self) -> bool {
        self.login.is_none() && self.token.is_none() && self.ssh_key.is_none()
    }

    /// Whether there is a login for this server.
    pub(crate) const fn fits(&self, server_is_ssh: bool) -> bool {
        if server_is_ssh {
            self.ssh_key.is_some()
        } else {
            self.login.is_some() || self.token.is_some()
        }
    }

    /// The header of HTTP that says who asks.
    pub(crate) fn header(&self, host: &str) -> Option<String> {
        let (name, password) = match (&self.token, &self.login) {
            (Some(token), _) => (username(host), token.expose().trim()),
            (None, Some(login)) => (login.username.as_str(), login.password.expose()),
            (None, None) => return None,
        };
        Some(format!("Authorization: Basic {}", STANDARD.encode(format!("{name}:{password}"))))
    }

    /// Tells what must not be seen in what git says.
    pub(crate) fn hide(&self, host: &str, scrub: &mut Scrub) {
        if let Some(token) = &self.token {
            scrub.add(token.expose().trim());
        }
        if let Some(login) = &self.login {
            scrub.add(login.password.expose());
            // As in `https://TOKEN@host/`.
            if login.password.expose().is_empty() {
                scrub.add(&login.username);
            }
        }
        if let Some(header) = self.header(host).as_deref().and_then(|h| h.rsplit(' ').next()) {
            scrub.add(header);
        }
    }
}

/// The name that goes with a token. GitHub wants `x-access-token` for those of apps and any
/// for the others, Bitbucket `x-token-auth`; GitLab knows a token of OAuth by the name
/// `oauth2` and takes any name with the others, as do Gitea and Forgejo.
fn username(host: &str) -> &'static str {
    match host {
        "github.com" => "x-access-token",
        "bitbucket.org" => "x-token-auth",
        host if host.ends_with(".ghe.com") => "x-access-token",
        _ => "oauth2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Server {
        Server::of(&GitUrl::parse(text).unwrap().0).unwrap()
    }

    #[test]
    fn what_makes_another_server() {
        let ours = server("https://H.example/a.git");
        assert_eq!(ours, server("https://h.example:443/other/b.git"));
        for other in ["http://h.example/a", "https://h.example:8443/a", "https://x.h.example/a"] {
            assert_ne!(ours, server(other));
        }
        assert_eq!(server("git@H.example:a"), server("ssh://other@h.example:22/b"));
        assert_eq!(ours.origin(), "https://h.example:443/");
    }

    #[test]
    fn tokens_go_with_a_name_that_the_server_takes() {
        let access = Access { token: Some("t0ken\n".to_owned().into()), ..Access::default() };
        let header = |host| access.header(host).unwrap();
        assert_eq!(
            header("github.com"),
            format!("Authorization: Basic {}", STANDARD.encode("x-access-token:t0ken"))
        );
        assert_eq!(
            header("gitlab.example"),
            format!("Authorization: Basic {}", STANDARD.encode("oauth2:t0ken"))
        );
    }
}

//! Where a Docker host listens.

use std::net::IpAddr;
use std::path::PathBuf;

use url::Url;

/// The port that `docker -H tcp://host` means.
const DEFAULT_PORT: u16 = 2375;
/// The port that `docker --tlsverify -H tcp://host` means.
const DEFAULT_TLS_PORT: u16 = 2376;

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A socket in the file system.
    Unix(PathBuf),
    /// TCP, plain or with TLS. `host` is a name or an address, without the brackets of IPv6.
    Tcp { host: String, port: u16 },
}

impl Address {
    /// Reads `unix:///path`, `tcp://host:port`, `http://host:port` or, over TLS, also
    /// `https://host:port`. The error completes the sentence "the url …".
    pub(super) fn parse(url: &str, tls: bool) -> Result<Self, &'static str> {
        if let Some(path) = url.strip_prefix("unix://") {
            return match path {
                _ if tls => Err("is that of a socket, which takes no tls_ca, tls_cert and tls_key"),
                path if !path.starts_with('/') => Err("has no absolute path after unix://"),
                path => Ok(Self::Unix(PathBuf::from(path))),
            };
        }
        let url = Url::parse(url).map_err(|_| "is no url")?;
        match url.scheme() {
            "tcp" => {}
            "http" if !tls => {}
            "http" => return Err("begins with http, and there are tls_ca, tls_cert and tls_key"),
            "https" if tls => {}
            "https" => return Err("asks for tls, which takes tls_ca, tls_cert and tls_key"),
            "ssh" => return Err("asks for ssh, which is not supported"),
            _ => return Err("has another scheme than unix, tcp or http"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a login in it, which an engine does not take");
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err("has a path, which an engine does not have");
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("has no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        // `url` knows port 80 as the default of http and then hides it: an engine on port 80
        // has to be written as tcp. The same goes for https and 443.
        let usual = if tls { DEFAULT_TLS_PORT } else { DEFAULT_PORT };
        Ok(Self::Tcp { host, port: url.port().unwrap_or(usual) })
    }

    /// Whether it is on this machine, so that nobody else's packets get there.
    pub(super) fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => {
                host == "localhost"
                    || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_urls() {
        let tcp = |host: &str, port| Ok(Address::Tcp { host: host.to_owned(), port });
        let plain = |url| Address::parse(url, false);
        assert_eq!(
            plain("unix:///var/run/docker.sock"),
            Ok(Address::Unix("/var/run/docker.sock".into()))
        );
        assert_eq!(plain("tcp://build-1:2376"), tcp("build-1", 2376));
        assert_eq!(plain("tcp://build-1"), tcp("build-1", DEFAULT_PORT));
        assert_eq!(plain("http://10.0.0.7:2375/"), tcp("10.0.0.7", 2375));
        assert_eq!(plain("tcp://[::1]:9"), tcp("::1", 9));
        let safe = |url| Address::parse(url, true);
        assert_eq!(safe("tcp://build-1"), tcp("build-1", DEFAULT_TLS_PORT));
        assert_eq!(safe("https://build-1:9"), tcp("build-1", 9));
    }

    #[test]
    fn bad_urls() {
        for url in [
            "",
            "docker.sock",
            "/var/run/docker.sock",
            "unix://docker.sock",
            "unix://",
            "https://h:1",
            "ssh://h",
            "npipe:////./pipe/x",
            "tcp://",
            "tcp://u:p@h:1",
            "tcp://h:1/path",
            "tcp://h:99999",
            "tcp://h:1?x=1",
        ] {
            assert!(Address::parse(url, false).is_err(), "{url}");
        }
        for url in ["unix:///var/run/docker.sock", "http://h:1"] {
            assert!(Address::parse(url, true).is_err(), "{url}");
        }
    }

    #[test]
    fn what_is_on_this_machine() {
        let is_local = |url| Address::parse(url, false).unwrap().is_local();
        for url in
            ["unix:///a", "tcp://127.0.0.1", "tcp://127.3.2.1", "tcp://[::1]", "tcp://localhost"]
        {
            assert!(is_local(url), "{url}");
        }
        for url in ["tcp://10.0.0.7", "tcp://0.0.0.0", "tcp://build-1", "tcp://localhost.evil"] {
            assert!(!is_local(url), "{url}");
        }
    }
}

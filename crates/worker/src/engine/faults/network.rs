//! Trouble with a registry, in the words that pulls and pushes share. Both builders reach
//! registries through Go's HTTP client, so that these are mostly its words.

use slipway_domain::Reason;

/// A kind of trouble with a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It speaks HTTP where the host insists on HTTPS.
    PlainHttp,
    /// Its certificate is not trusted by the host.
    Certificate,
    /// It wants a login, or refuses the one it got.
    Denied,
    /// It answered that there were too many requests.
    TooMany,
    /// It cannot be reached, or broke off.
    Unreachable,
    /// It answered with an error of its own.
    ServerError,
}

/// The words, the most telling first: a sentence can have several of them.
const WORDS: [(Trouble, &[&str]); 6] = [
    // `Get "https://10.0.0.7:5000/v2/": http: server gave HTTP response to HTTPS client`
    (Trouble::PlainHttp, &["server gave HTTP response to HTTPS client"]),
    // `Get "https://r.example/v2/": x509: certificate signed by unknown authority`
    (Trouble::Certificate, &["x509: ", "tls: failed to verify certificate"]),
    (
        Trouble::TooMany,
        // `toomanyrequests: You have reached your pull rate limit …` (Docker Hub)
        &["toomanyrequests", "429 Too Many Requests", "error parsing HTTP 429 "],
    ),
    (
        Trouble::Denied,
        &[
            // `Head "http://127.0.0.1:5102/v2/base/nope/manifests/1": no basic auth credentials`
            // classic pull and push without a login
            "no basic auth credentials",
            // `unauthorized: authentication required`, `Head "…": unauthorized: …`
            "unauthorized",
            "authentication required",
            // `unexpected status code [manifests 1]: 401 Unauthorized` (BuildKit)
            // `failed to authorize: failed to fetch anonymous token: unexpected status: 401
            // Unauthorized` (BuildKit)
            "401 Unauthorized",
            "403 Forbidden",
            // `error parsing HTTP 403 response body: invalid character '<' …` (classic and push)
            "error parsing HTTP 401 ",
            "error parsing HTTP 403 ",
            // `pull access denied for x, repository does not exist or may require 'docker login'`
            "access denied",
            // `denied: requested access to the resource is denied`, and what other registries
            // put after the code `denied`. (`permission denied: …` is a host's.)
            "access to the resource is denied",
            ": denied: ",
            "insufficient_scope",
        ],
    ),
    (
        Trouble::Unreachable,
        &[
            // `Get "http://127.0.0.1:5999/v2/": dial tcp 127.0.0.1:5999: connect: connection refused`
            "connection refused",
            "connection reset",
            "broken pipe",
            // `dial tcp: lookup registry.nowhere.invalid on 10.0.0.2:53: no such host`
            "no such host",
            "server misbehaving",
            "no route to host",
            "network is unreachable",
            // `dial tcp 10.0.0.7:5000: i/o timeout`, `net/http: TLS handshake timeout`,
            // `net/http: request canceled while waiting for connection (Client.Timeout exceeded …)`
            "i/o timeout",
            "TLS handshake timeout",
            "request canceled",
            "Client.Timeout",
            "context deadline exceeded",
            // `Get "http://127.0.0.1:5103/v2/": EOF`, `unexpected EOF`
            ": EOF",
            "unexpected EOF",
        ],
    ),
    (
        Trouble::ServerError,
        &[
            // `received unexpected HTTP status: 500 Internal Server Error` (classic and push)
            "received unexpected HTTP status",
            "error parsing HTTP ",
            // `pulling from host r.example failed with status code [manifests 1]: 500 Internal
            // Server Error` (BuildKit)
            "failed with status code [",
            // `unexpected status code [manifests 1]: 500 Internal Server Error`, `unexpected status
            // from HEAD request to …: 500 Internal Server Error` (BuildKit 0.11 and later)
            "unexpected status",
        ],
    ),
];

impl Trouble {
    /// What kind of trouble the words tell of, if any.
    pub(super) fn of(text: &str) -> Option<Self> {
        if text.starts_with("denied: ") {
            return Some(Self::Denied);
        }
        let found = WORDS.iter().find(|(_, words)| words.iter().any(|word| text.contains(word)));
        found.map(|(trouble, _)| *trouble)
    }

    /// The reason while building: for a base image.
    pub(super) fn of_pull(self) -> Reason {
        match self {
            Self::Denied => Reason::BaseImageDenied,
            Self::PlainHttp
            | Self::Certificate
            | Self::TooMany
            | Self::Unreachable
            | Self::ServerError => self.of_push(),
        }
    }

    /// The reason while pushing.
    pub(super) fn of_push(self) -> Reason {
        match self {
            Self::Denied => Reason::RegistryDenied,
            Self::Unreachable => Reason::RegistryUnreachable,
            Self::PlainHttp | Self::Certificate | Self::TooMany | Self::ServerError => {
                Reason::RegistryError
            }
        }
    }

    /// What to do about it. `registry` is a host and port.
    pub(super) fn hint(self, registry: &str) -> String {
        match self {
            Self::PlainHttp => format!(
                "the registry has no https: put {registry} into insecure-registries in the \
                 daemon.json of the docker host, or give the registry a certificate"
            ),
            Self::Certificate => format!(
                "put the registry's ca certificate into /etc/docker/certs.d/{registry}/ca.crt on \
                 the docker host"
            ),
            Self::Denied => format!(
                "give registry_auth a login for {registry} that has the right to this image"
            ),
            Self::TooMany => format!("wait, or give registry_auth a login for {registry}"),
            Self::Unreachable => format!(
                "check that {registry} is the registry's name and that the docker host can reach it"
            ),
            Self::ServerError => format!("the log of the registry {registry} may say more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Observed on engine 20.10, with registries that are not on loopback.
    #[test]
    fn sentences_that_need_another_registry() {
        for (text, expected) in [
            (
                "Get \"https://172.29.1.1:5201/v2/\": http: server gave HTTP response to HTTPS client",
                Some(Trouble::PlainHttp),
            ),
            (
                "failed to do request: Head \"https://172.29.1.1:5202/v2/x/manifests/1\": x509: \
                 certificate signed by unknown authority",
                Some(Trouble::Certificate),
            ),
            ("denied: requested access to the resource is denied", Some(Trouble::Denied)),
            ("open /run/x: permission denied: unknown", None),
            ("no space left on device", None),
        ] {
            assert_eq!(Trouble::of(text), expected, "{text}");
        }
    }
}

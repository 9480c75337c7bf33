//! What a registry wants to see of whoever asks: the header `WWW-Authenticate`.

use http::{HeaderMap, header};

/// A way in that a registry names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A token, from a server of the registry's choice.
    Bearer {
        /// Where tokens are.
        realm: String,
        /// For what service, in the words of that server.
        service: Option<String>,
    },
    /// Name and password.
    Basic,
}

impl Challenge {
    /// The best of what an answer names: a token where one is to be had.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(header::WWW_AUTHENTICATE).iter();
        let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        let all =
            texts.iter().flat_map(|text| http_auth::parse_challenges(text).unwrap_or_default());
        let mut found = None;
        for challenge in all {
            let param = |wanted: &str| {
                let named =
                    challenge.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                named.map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                if let Some(realm) = param("realm") {
                    return Some(Self::Bearer { realm, service: param("service") });
                }
            } else if challenge.scheme.eq_ignore_ascii_case("basic") {
                found = Some(Self::Basic);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::WWW_AUTHENTICATE, value.parse().unwrap());
        }
        Challenge::of(&headers)
    }

    #[test]
    fn as_registries_write_them() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.into(), service: service.map(Into::into) })
        };
        let hub = "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",\
                   scope=\"repository:library/busybox:pull,push\",error=\"invalid_token\"";
        assert_eq!(of(&[hub]), bearer("https://auth.docker.io/token", Some("registry.docker.io")));
        assert_eq!(of(&["bearer Realm=\"https://a\""]), bearer("https://a", None));
        assert_eq!(of(&["Basic realm=\"slipway\""]), Some(Challenge::Basic));
        let both = ["Basic realm=x, Bearer realm=\"https://a\", service=b"];
        assert_eq!(of(&both), bearer("https://a", Some("b")));
        assert_eq!(
            of(&["Basic realm=\"x\"", "Bearer realm=\"https://a\""]),
            bearer("https://a", None)
        );
        assert_eq!(of(&["Bearer service=\"x\""]), None);
        assert_eq!(of(&["Negotiate", "\"\"", "="]), None);
        assert_eq!(of(&[]), None);
    }
}

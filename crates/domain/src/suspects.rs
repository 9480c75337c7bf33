//! Build arguments that look like secrets.

use crate::BuildSpec;

/// What the names of secrets begin with, have in them, and end with.
const BEGINNINGS: [&str; 1] = ["AWS_"];
const PARTS: [&str; 4] = ["PASSWORD", "PASSWD", "SECRET", "CREDENTIAL"];
const ENDS: [&str; 3] = ["TOKEN", "_KEY", "_PAT"];
/// Names that look like it and are public.
const PUBLIC: [&str; 3] = ["_REGION", "PUBLIC_KEY", "AWS_PROFILE"];

impl BuildSpec {
    /// The names of build arguments that look like those of secrets and have a value. Arguments
    /// end up in the image's history and in the builder's cache, for whoever can pull it.
    pub fn args_like_secrets(&self) -> impl Iterator<Item = &str> {
        let given = self.args.iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, _)| name.as_str()).filter(|name| is_like_a_secret(name))
    }
}

/// Whether a build argument's name is like that of a secret.
#[must_use]
pub fn is_like_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let looks_so = BEGINNINGS.iter().any(|word| name.starts_with(word))
        || PARTS.iter().any(|word| name.contains(word))
        || ENDS.iter().any(|word| name.ends_with(word));
    looks_so && !PUBLIC.iter().any(|word| name.ends_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_their_names() {
        for name in [
            "NPM_TOKEN",
            "token",
            "DB_PASSWORD",
            "MYSQL_PASSWORD_ROOT",
            "CLIENT_SECRET_2",
            "api_key",
            "AWS_ACCESS_KEY_ID",
            "AWS_SESSION_TOKEN",
            "GH_PAT",
        ] {
            assert!(is_like_a_secret(name), "{name}");
        }
        let harmless =
            ["VERSION", "HTTP_PROXY", "TOKENS", "KEYBOARD", "AWS_REGION", "GPG_PUBLIC_KEY"];
        for name in harmless {
            assert!(!is_like_a_secret(name), "{name}");
        }
    }
}

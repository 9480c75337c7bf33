//! Takes secret values out of text.
//!
//! Text is masked by whole lines, so a value cannot hide across the border of two chunks.
//! A value of several lines is masked line by line. Values under four characters would
//! turn the log into stars and hide nothing.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use slipway_domain::Secrets;

const SHORTEST: usize = 4;
const STARS: &str = "***";

/// What must not surface. Has no `Debug` that shows it.
#[derive(Clone, Default)]
pub(crate) struct Mask {
    /// Longest first, so that a value within another one does not spoil it.
    needles: Vec<String>,
}

impl Mask {
    /// A mask for the secrets of a build, as they are and in the forms in which they
    /// travel: base64 (alone, and as `user:password`) and percent-encoded.
    #[must_use]
    pub(crate) fn new(secrets: &Secrets) -> Self {
        let mut needles = Vec::new();
        for secret in secrets.values() {
            add_forms(secret.expose(), &mut needles);
        }
        for login in secrets.registry_auth.values() {
            let pair = format!("{}:{}", login.username, login.password.expose());
            needles.push(STANDARD.encode(&pair));
            needles.push(URL_SAFE.encode(&pair));
        }
        needles.retain(|needle| needle.chars().count() >= SHORTEST);
        needles.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        needles.dedup();
        Self { needles }
    }

    /// The text without the values.
    #[must_use]
    pub(crate) fn apply(&self, mut text: String) -> String {
        for needle in &self.needles {
            if text.contains(needle.as_str()) {
                text = text.replace(needle.as_str(), STARS);
            }
        }
        text
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({} values)", self.needles.len())
    }
}

fn add_forms(value: &str, needles: &mut Vec<String>) {
    let lines = value.lines().map(str::trim).filter(|line| line.chars().count() >= SHORTEST);
    needles.extend(lines.map(str::to_owned));
    needles.push(STANDARD.encode(value));
    needles.push(STANDARD_NO_PAD.encode(value));
    needles.push(URL_SAFE.encode(value));
    needles.push(URL_SAFE_NO_PAD.encode(value));
    needles.push(url::form_urlencoded::byte_serialize(value.as_bytes()).collect());
}

#[cfg(test)]
mod tests {
    use slipway_domain::{Credentials, RegistryHost};

    use super::*;

    fn mask(password: &str) -> Mask {
        let login = Credentials { username: "user".into(), password: password.to_owned().into() };
        let registry = RegistryHost::normalised("r.example");
        Mask::new(&Secrets { registry_auth: [(registry, login)].into(), ..Secrets::default() })
    }

    #[test]
    fn every_form_goes() {
        let mask = mask("hunter2/&x");
        for form in [
            "hunter2/&x".to_owned(),
            STANDARD.encode("hunter2/&x"),
            STANDARD.encode("user:hunter2/&x"),
            "hunter2%2F%26x".to_owned(),
        ] {
            assert_eq!(mask.apply(format!("a {form} b\n")), "a *** b\n", "{form}");
        }
        assert_eq!(mask.apply("hunter3".into()), "hunter3");
        assert!(!format!("{mask:?}").contains("hunter2"));
    }

    #[test]
    fn short_values_stay_and_long_ones_go_line_by_line() {
        assert_eq!(mask("abc").apply("abc".into()), "abc");
        let mask = mask("first line\nsecond line");
        assert_eq!(mask.apply("x first line\nsecond line y\n".into()), "x ***\n*** y\n");
    }
}

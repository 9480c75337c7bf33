//! Takes logins out of what git says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const STARS: &str = "***";
/// Shorter ones would star half of any sentence; they are no secrets either.
const LEAST_CHARS: usize = 4;

/// Knows what must not be seen. It has no `Debug`.
#[derive(Default)]
pub(crate) struct Scrub {
    secrets: Vec<String>,
}

impl Scrub {
    /// Also in the forms that a server could send it back in.
    pub(crate) fn add(&mut self, secret: &str) {
        let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for form in [secret.to_owned(), STANDARD.encode(secret), percent] {
            if form.chars().count() >= LEAST_CHARS && !self.secrets.contains(&form) {
                self.secrets.push(form);
            }
        }
        // A secret may hold another.
        self.secrets.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// A line without secrets, without logins in addresses, and without what a terminal
    /// would take for an order.
    pub(crate) fn line(&self, line: &str) -> String {
        let mut clean: String = line.chars().filter(|c| !c.is_control()).collect();
        for secret in &self.secrets {
            clean = clean.replace(secret, STARS);
        }
        without_userinfo(&clean)
    }
}

/// Stars in place of what stands before the host in an address.
fn without_userinfo(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after
            .find(|c: char| c == '/' || c.is_whitespace() || matches!(c, '\'' | '"'))
            .unwrap_or(after.len());
        let (place, tail) = after.split_at(end);
        match place.rsplit_once('@') {
            // Which user of SSH it is, is part of the place.
            Some(("git", _)) | None => clean.push_str(place),
            Some((_, host)) => {
                clean.push_str(STARS);
                clean.push('@');
                clean.push_str(host);
            }
        }
        rest = tail;
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_left() {
        let mut scrub = Scrub::default();
        scrub.add("s3cret/+");
        let said = scrub.line(
            "fatal: 'https://ci:pw@h.example/a' s3cret/+ czNjcmV0Lys= s3cret%2F%2B \u{1b}[31m",
        );
        assert_eq!(said, "fatal: 'https://***@h.example/a' *** *** *** [31m");
        assert_eq!(scrub.line("ssh://git@h.example/a"), "ssh://git@h.example/a");
        assert_eq!(scrub.line("see https://h.example"), "see https://h.example");
    }
}

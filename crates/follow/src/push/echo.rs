//! What a receiver repeats of the secrets that it was sent.
//!
//! Some answer with the headers of the request, above all those that are made to look at
//! requests, and answers are kept and shown. An address and a login are sealed, so an answer is
//! kept without them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use slipway_domain::{Follower, FollowerAddress};
use url::Url;

use super::webhook::ANSWER_BYTES;

/// What stands in a secret's place.
pub(super) const STARS: &str = "***";
/// Shorter ones are in every text.
const SHORTEST: usize = 4;

/// The secrets that a follower is told with, in the forms in which they may come back.
pub(super) struct Echo(Vec<String>);

impl Echo {
    pub(super) fn of(follower: &Follower) -> Self {
        let mut forms = Vec::new();
        if let Some(value) = &follower.authorization {
            let value = value.expose();
            forms.push(value.to_owned());
            // Without the scheme, such as Basic or Bearer.
            let login = value.split_once(' ').map_or(value, |(_, login)| login).trim();
            forms.push(login.to_owned());
            if let Some(plain) = STANDARD.decode(login).ok().and_then(|b| String::from_utf8(b).ok())
            {
                let password = plain.split_once(':').map(|(_, password)| password.to_owned());
                forms.push(plain);
                forms.extend(password);
            }
        }
        if let FollowerAddress::Http { url, .. } = &follower.address
            && let Ok(url) = url.expose().parse::<Url>()
        {
            forms.extend(url.query().map(ToOwned::to_owned));
            forms.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        }
        // As some write JSON.
        let escaped = forms.iter().map(|form| form.replace('/', "\\/")).collect::<Vec<_>>();
        forms.extend(escaped);
        forms.retain(|form| form.chars().count() >= SHORTEST);
        // Those that hold others go first.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self(forms)
    }

    /// A text without them. `cut` is whether more of it was sent than was read: it may end in
    /// the middle of one.
    fn hide(&self, mut text: String, cut: bool) -> String {
        for form in &self.0 {
            if text.contains(form.as_str()) {
                text = text.replace(form.as_str(), STARS);
            }
        }
        if cut {
            let begun = self.0.iter().filter_map(|form| begun(&text, form)).max();
            text.truncate(text.len() - begun.unwrap_or(0));
        }
        text
    }

    /// The value of a header of an answer.
    pub(super) fn header(&self, value: &[u8]) -> String {
        self.hide(String::from_utf8_lossy(value).into_owned(), false)
    }

    /// The body of an answer, as far as it was read.
    pub(super) fn body(&self, body: &[u8]) -> String {
        self.hide(String::from_utf8_lossy(body).into_owned(), body.len() >= ANSWER_BYTES)
    }
}

/// With how many bytes of a secret's beginning a text ends.
fn begun(text: &str, form: &str) -> Option<usize> {
    let lengths = (SHORTEST..form.len()).rev();
    lengths.into_iter().find(|length| form.get(..*length).is_some_and(|part| text.ends_with(part)))
}

#[cfg(test)]
mod tests {
    use slipway_domain::{FollowerForm, FollowerKind};

    use super::*;

    fn echo(url: &str) -> Echo {
        let (address, authorization) = FollowerAddress::parse("url", url).unwrap();
        Echo::of(&Follower {
            kind: FollowerKind::Status,
            form: FollowerForm::Native,
            address,
            authorization,
            signing_key: None,
        })
    }

    #[test]
    fn what_was_sent_does_not_stand_in_what_was_answered() {
        let echo = echo("https://user:pa%2Fss%3Fword@h.example/in?key=k3yk3y&a=b");
        let basic = STANDARD.encode("user:pa/ss?word");
        let escaped = basic.replace('/', "\\/");
        let text = format!(
            "a: Basic {basic}, {basic}, {escaped}, user:pa/ss?word, pa\\/ss?word, \
             GET /in?key=k3yk3y&a=b, k3yk3y, user, b"
        );
        assert_eq!(
            echo.body(text.as_bytes()),
            "a: ***, ***, ***, ***, ***, GET /in?***, ***, user, b"
        );
        assert_eq!(echo.header(b"x k3yk3y"), "x ***");
    }

    #[test]
    fn a_secret_that_an_answer_was_cut_off_in() {
        let echo = echo("https://t0k3n-of-mine@h.example/");
        let long = format!("{}t0k3n-of", " ".repeat(ANSWER_BYTES - 8));
        assert_eq!(echo.body(long.as_bytes()), " ".repeat(ANSWER_BYTES - 8));
        assert_eq!(echo.body(b"t0k3n-of"), "t0k3n-of");
    }
}

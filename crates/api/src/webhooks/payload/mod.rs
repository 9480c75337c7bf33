//! What deliveries say, in the words of each forge.

mod github;
mod gitlab;

use std::borrow::Cow;

use actix_web::web;
use slipway_domain::{CommitId, FieldError, Forge, Happening};

use crate::error::Error;

/// What a delivery tells.
#[derive(Debug)]
pub(crate) enum Told {
    /// That the webhook works.
    Ping,
    /// Something that no trigger is for.
    Nothing,
    /// Something happened.
    Happened {
        /// What.
        happening: Happening,
        /// Why nothing comes of it, whatever the triggers are.
        ignored: Option<String>,
    },
}

/// What in the message of a commit keeps it from being built.
const SKIP: [&str; 2] = ["[skip ci]", "[skip build]"];

/// Reads a delivery. `event` is what the forge's header says of it.
pub(crate) fn read(forge: Forge, event: &str, body: &[u8]) -> Result<Told, Error> {
    match forge {
        // Gitea tells in GitHub's words.
        Forge::Github | Forge::Gitea => github::read(forge, event, body),
        Forge::Gitlab => gitlab::read(event, body),
    }
}

/// The JSON of a body, which GitHub also sends as a form. What has been declared a form may be JSON
/// all the same: so do programs send it that are not told what they send.
pub(super) fn json(body: &[u8], declared_form: bool) -> Result<Cow<'_, [u8]>, Error> {
    let is_object = || body.trim_ascii_start().starts_with(b"{");
    if !body.starts_with(b"payload=") && (!declared_form || is_object()) {
        return Ok(Cow::Borrowed(body));
    }
    let odd = |problem: &str| Error::Malformed { form: "form", problem: problem.to_owned() };
    let text = std::str::from_utf8(body).map_err(|_| odd("it is not UTF-8"))?;
    let pairs = web::Query::<Vec<(String, String)>>::from_query(text)
        .map_err(|_| odd("it is not name=value"))?
        .into_inner();
    let payload = pairs.into_iter().find_map(|(name, value)| (name == "payload").then_some(value));
    let payload = payload.filter(|payload| !payload.trim().is_empty()).ok_or_else(|| {
        FieldError::new("payload", "is missing in the form: it holds the event as JSON")
            .hint("set the webhook's content type to application/json at the forge")
    })?;
    Ok(Cow::Owned(payload.into_bytes()))
}

/// The commit that a message belongs to is not to be built.
fn skipped(message: Option<&str>) -> Option<String> {
    let message = message?.to_ascii_lowercase();
    let word = SKIP.into_iter().find(|word| message.contains(word))?;
    Some(format!("the commit's message has {word}"))
}

/// The commit in a field of the forge's, where it is one: all zeros stand for none.
fn commit(field: &str, text: Option<&str>) -> Result<Option<CommitId>, Error> {
    match text {
        Some(text) if text.bytes().any(|byte| byte != b'0') => {
            let named = |error| FieldError { field: field.to_owned(), ..error };
            Ok(Some(CommitId::parse(text).map_err(named)?))
        }
        Some(_) | None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_have_the_json_in_a_field() {
        for declared in [true, false] {
            assert_eq!(&*json(b"{\"a\": 1}", declared).unwrap(), b"{\"a\": 1}");
            assert_eq!(&*json(b"payload=%7B%22a%22%3A+1%7D", declared).unwrap(), b"{\"a\": 1}");
            json(b"payload=\xff", declared).unwrap_err();
        }
        assert_eq!(&*json(b"a=b&payload=%7B%7D", true).unwrap(), b"{}");
        for without in [&b""[..], b"a=b", b"payload", b"payload=", b"payload=+", b"data=%7B%7D"] {
            let refused = json(without, true).unwrap_err().answer().body;
            assert_eq!(refused.field.as_deref(), Some("payload"), "{without:?}");
        }
    }

    #[test]
    fn messages_that_ask_for_no_build() {
        assert!(skipped(Some("Fix it\n\n[Skip CI]")).unwrap().contains("[skip ci]"));
        assert!(skipped(Some("docs [skip build]")).is_some());
        assert!(skipped(Some("skip ci")).is_none() && skipped(None).is_none());
    }
}

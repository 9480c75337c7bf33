//! What deliveries say, in the words of each forge.

mod github;
mod gitlab;

use std::borrow::Cow;

use actix_web::web;
use slipway_domain::{CommitId, Forge, Happening};

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

/// The JSON of a body, which GitHub also sends as a form.
pub(super) fn json(body: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    if !body.starts_with(b"payload=") {
        return Ok(Cow::Borrowed(body));
    }
    let odd = |problem: &str| Error::Malformed { form: "form", problem: problem.to_owned() };
    let text = std::str::from_utf8(body).map_err(|_| odd("it is not UTF-8"))?;
    let pairs = web::Query::<Vec<(String, String)>>::from_query(text)
        .map_err(|_| odd("it is not name=value"))?
        .into_inner();
    let payload = pairs.into_iter().find_map(|(name, value)| (name == "payload").then_some(value));
    Ok(Cow::Owned(payload.unwrap_or_default().into_bytes()))
}

/// The commit that a message belongs to is not to be built.
fn skipped(message: Option<&str>) -> Option<String> {
    let message = message?.to_ascii_lowercase();
    let word = SKIP.into_iter().find(|word| message.contains(word))?;
    Some(format!("the commit's message has {word}"))
}

/// A commit, where it is one: all zeros stand for none.
fn commit(text: Option<&str>) -> Result<Option<CommitId>, Error> {
    match text {
        Some(text) if text.bytes().any(|byte| byte != b'0') => Ok(Some(CommitId::parse(text)?)),
        Some(_) | None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_have_the_json_in_a_field() {
        assert_eq!(&*json(b"{\"a\": 1}").unwrap(), b"{\"a\": 1}");
        assert_eq!(&*json(b"payload=%7B%22a%22%3A+1%7D").unwrap(), b"{\"a\": 1}");
        json(b"payload=\xff").unwrap_err();
    }

    #[test]
    fn messages_that_ask_for_no_build() {
        assert!(skipped(Some("Fix it\n\n[Skip CI]")).unwrap().contains("[skip ci]"));
        assert!(skipped(Some("docs [skip build]")).is_some());
        assert!(skipped(Some("skip ci")).is_none() && skipped(None).is_none());
    }
}

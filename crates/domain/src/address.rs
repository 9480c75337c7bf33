//! Addresses as they are written, whoever is named by them: sources and followers alike.
//!
//! What a parser would mend without a word is refused: the address that is dialled, shown and
//! kept is to be the one that was given.

use url::{ParseError, Url};

use crate::{Credentials, FieldError};

const MAX_CHARS: usize = 8 * 1024;

/// Reads an `http` or `https` address. `write_as` is the advice to who wrote none.
///
/// # Errors
/// When it is none, or one that a parser would change. It is not quoted: it may hold a password.
pub(crate) fn http(field: &str, text: &str, write_as: &str) -> Result<Url, FieldError> {
    let refuse = |message: &str| FieldError::new(field, message);
    check_length(field, text)?;
    let text = text.trim();
    check_spelling(field, text)?;
    let url = Url::parse(text).map_err(|error| refuse(fault(error)).hint(write_as))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("is not of http or https").hint(write_as));
    }
    check_place(field, text, write_as)?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(refuse("has no host").hint(write_as));
    }
    if url.port() == Some(0) {
        return Err(refuse(NO_PORT).hint("leave it out for the usual one"));
    }
    Ok(url)
}

/// Refuses what is longer than any address.
pub(crate) fn check_length(field: &str, text: &str) -> Result<(), FieldError> {
    if text.len() > MAX_CHARS {
        return Err(FieldError::new(field, "is longer than 8192 characters"));
    }
    Ok(())
}

/// Refuses what a parser takes for something else and changes without a word: the address
/// that is fetched, shown and kept is to be the one that was given.
pub(crate) fn check_spelling(field: &str, text: &str) -> Result<(), FieldError> {
    let refuse = |message: &str, hint: &str| Err(FieldError::new(field, message).hint(hint));
    if text.contains(char::is_whitespace) {
        return refuse("has a blank, a tab or a newline in it", "write a blank as %20");
    }
    if text.contains(char::is_control) {
        return refuse("has a control character in it", "copy it again, or write it by hand");
    }
    if text.contains('\\') {
        return refuse("has a backslash in it", "write / between folders, and a backslash as %5C");
    }
    Ok(())
}

/// The same of what stands between scheme and path.
fn check_place(field: &str, text: &str, write_as: &str) -> Result<(), FieldError> {
    let refuse = |message: &str, hint: &str| Err(FieldError::new(field, message).hint(hint));
    let after = text.split_once(':').map_or("", |(_, after)| after);
    let place = after.strip_prefix("//").filter(|place| !place.starts_with('/'));
    let Some(place) = place else {
        return refuse("has not two slashes after its scheme", write_as);
    };
    let end = place.find(['/', '?', '#']).unwrap_or(place.len());
    let (place, _) = place.split_at(end);
    match place.matches('@').count() {
        0 => {}
        1 if place.starts_with('@') || place.starts_with(":@") => {
            return refuse("has an @ without a login before it", "leave the @ out");
        }
        1 => {}
        _ => {
            return refuse("has more than one @ before its path", "write one in a login as %40");
        }
    }
    Ok(())
}

/// What is wrong with a port that is none.
pub(crate) const NO_PORT: &str = "has a port that there is not: a port is 1 to 65535";

/// Why a text is no address.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library has more to come")]
const fn fault(error: ParseError) -> &'static str {
    match error {
        ParseError::InvalidPort => NO_PORT,
        ParseError::EmptyHost => "has no host",
        ParseError::IdnaError
        | ParseError::InvalidIpv4Address
        | ParseError::InvalidIpv6Address
        | ParseError::InvalidDomainCharacter => "has a host that is no name and no IP address",
        _ => "is no address",
    }
}

/// The login before the host, decoded. The address has none after that.
pub(crate) fn take_login(url: &mut Url) -> Option<Credentials> {
    let decoded =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let username = decoded(url.username());
    let password = url.password().map(decoded);
    // Neither fails for http and https, which have hosts.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if username.is_empty() && password.is_none() {
        return None;
    }
    Some(match password {
        Some(password) => Credentials { username, password: password.into() },
        // As in `https://TOKEN@host/`: whoever takes it there takes it as a name alone.
        None => Credentials { username, password: String::new().into() },
    })
}

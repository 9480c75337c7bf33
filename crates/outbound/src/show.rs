//! What people may see of an address, and of what the system says about one.

use std::io;

use url::Url;

/// An address without what may be a secret in it: the userinfo, the query (where signed
/// links carry their signature) and the fragment.
#[must_use]
pub fn show_url(url: &Url) -> String {
    if url.cannot_be_a_base() {
        // `data:` and its like are all content.
        return format!("{}:", url.scheme());
    }
    let mut shown = url.clone();
    // These fail only for addresses that have no userinfo.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.into()
}

/// What the system says, without its number: `connection refused (os error 111)`.
pub(crate) fn in_words(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return "it closed the connection".to_owned();
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out() {
        let show = |text: &str| show_url(&Url::parse(text).unwrap());
        assert_eq!(show("https://u:p@h.example:8443/a/b?sig=x#y"), "https://h.example:8443/a/b");
        assert_eq!(show("https://token@h.example/a"), "https://h.example/a");
        assert_eq!(show("ssh://git@h.example/a.git"), "ssh://h.example/a.git");
        assert_eq!(show("data:text/plain,secret"), "data:");
        assert_eq!(show("file:///etc/passwd?x"), "file:///etc/passwd");
    }
}

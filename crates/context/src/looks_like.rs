//! What a file is that is no archive, for the message that says so.

/// A guess, and what to do where there is more to say than what an archive is.
pub(crate) struct LooksLike {
    pub(crate) what: Option<&'static str>,
    pub(crate) hint: Option<&'static str>,
}

const UNPACK: &str = "send what is inside it, not packed a second time";
const REPACK: &str = "send a tar, a zip, or a tar in gzip, bzip2, xz or zstd";
const PAGE: &str = "see what the address answers: a page to log in, or one that says what is \
                    missing, comes where the file should";
const LFS: &str = "send the file that it stands for, as with git lfs pull";

/// Files that begin with bytes of their own, and what to do about them.
const MAGICS: [(&[u8], &str, &str); 14] = [
    (b"PK\x03\x04", "a zip file", UNPACK),
    (b"PK\x05\x06", "an empty zip file", UNPACK),
    (b"\x1f\x8b", "a gzip file", UNPACK),
    (b"\xfd7zXZ\0", "an xz file", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd file", UNPACK),
    (b"BZh", "a bzip2 file", UNPACK),
    (b"\x1f\x9d", "a file compressed with compress", REPACK),
    (b"\x04\x22\x4d\x18", "an lz4 file", REPACK),
    (b"LZIP", "an lzip file", REPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z file", REPACK),
    (b"Rar!", "a rar file", REPACK),
    (b"!<arch>\n", "an ar archive, such as a Debian package", REPACK),
    (b"\x7fELF", "a program", REPACK),
    (b"version https://git-lfs", "a pointer of Git LFS", LFS),
];

/// Looks at the first bytes, a block at most.
pub(crate) fn looks_like(start: &[u8]) -> LooksLike {
    let by_magic = MAGICS.iter().find(|(magic, ..)| start.starts_with(magic));
    if let Some((_, what, hint)) = by_magic {
        return LooksLike { what: Some(what), hint: Some(hint) };
    }
    let Some(text) = as_text(start) else { return LooksLike { what: None, hint: None } };
    let (what, hint) = match text.to_ascii_lowercase() {
        text if ["<!doctype html", "<html", "<head"].iter().any(|tag| text.starts_with(tag)) => {
            ("an HTML page", Some(PAGE))
        }
        text if text.starts_with('<') => ("XML", Some(PAGE)),
        text if text.starts_with(['{', '[']) => ("JSON", Some(PAGE)),
        text if text.starts_with("from ") => ("a Dockerfile", None),
        _ => ("text", None),
    };
    LooksLike { what: Some(what), hint }
}

/// The start of a text without the spaces in front of it.
fn as_text(start: &[u8]) -> Option<&str> {
    // A tar that is cut begins with a name and goes on with zeros.
    let end = start.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let text = match std::str::from_utf8(&start[..end]) {
        Ok(text) => text,
        // The block may end within a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(start.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let printable = |char: char| !char.is_control() || matches!(char, '\n' | '\r' | '\t' | '\x0c');
    (text.len() > 3 && text.chars().all(printable)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_send_instead_is_told() {
        for (start, what) in [
            (&b"\n <!DOCTYPE html>\n<title>404"[..], Some("an HTML page")),
            (b"<HTML lang=en>", Some("an HTML page")),
            (b"<?xml version=\"1.0\"?><Error>", Some("XML")),
            (b"{\"message\": \"Not Found\"}", Some("JSON")),
            (b"# comment\nFROM scratch", Some("text")),
            (b"from scratch\n", Some("a Dockerfile")),
            (b"404: Not Found", Some("text")),
            (b"version https://git-lfs.github.com/spec/v1\n", Some("a pointer of Git LFS")),
            (b"\x1f\x8b\x08", Some("a gzip file")),
            (b"\xff\xfe\x01", None),
            (b"x", None),
        ] {
            assert_eq!(looks_like(start).what, what, "{}", String::from_utf8_lossy(start));
        }
    }
}

//! Makes output text safe to keep and to show.
//!
//! Colours stay (SGR sequences, `ESC [ … m`, ECMA-48 8.3.117); every other escape
//! sequence can move the cursor, set a window's title or answer back into a terminal, and
//! goes. A progress bar that redraws itself with `\r` becomes its last state.

use std::borrow::Cow;

const ESC: char = '\u{1b}';

/// Cleans one line, given without its newline.
pub(super) fn line(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    if is_plain(text.as_bytes()) {
        return text;
    }
    let text = text.strip_suffix('\r').unwrap_or(&text);
    let last = text.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default();
    Cow::Owned(without_controls(last))
}

/// Whether there is nothing to clean in these lines, if they are UTF-8.
pub(super) fn is_plain(lines: &[u8]) -> bool {
    // Without a branch for each byte: these are all bytes that a build prints. The one of which
    // characters are made that have control codes of their own (C1, U+0080 to U+009F) is looked at
    // more closely.
    lines.iter().fold(true, |is_plain, byte| {
        let is_shown = (*byte >= b' ') & (*byte != 0x7f) & (*byte != 0xc2);
        is_plain & (is_shown | (*byte == b'\t') | (*byte == b'\n'))
    })
}

/// Cleans what is named in one line, such as a step: nothing in it begins another line.
pub(super) fn name(text: &str) -> String {
    line(text.trim_end().replace(['\r', '\n'], " ").as_bytes()).into_owned()
}

fn without_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let length = if from.starts_with(ESC) {
            let (length, keep) = escape(from);
            if keep {
                out.push_str(&from[..length]);
            }
            length
        } else {
            from.chars().next().map_or(from.len(), char::len_utf8)
        };
        rest = &from[length..];
    }
    out.push_str(rest);
    out
}

/// The length in bytes of the escape sequence that `text` begins with, and whether it
/// only sets colours.
fn escape(text: &str) -> (usize, bool) {
    let bytes = text.as_bytes();
    match bytes.get(1) {
        // CSI: parameters and intermediates, then one final byte.
        Some(b'[') => {
            let end = bytes.iter().skip(2).position(|byte| (0x40..=0x7e).contains(byte));
            match end {
                Some(end) => {
                    let plain =
                        bytes[2..2 + end].iter().all(|b| matches!(b, b'0'..=b'9' | b';' | b':'));
                    (2 + end + 1, plain && bytes[2 + end] == b'm')
                }
                None => (bytes.len(), false),
            }
        }
        // OSC, DCS, SOS, PM, APC: up to BEL or ESC \.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            let bell = text.find('\u{7}').map(|at| at + 1);
            let terminator = text.find("\u{1b}\\").map(|at| at + 2);
            let end = match (bell, terminator) {
                (Some(bell), Some(terminator)) => bell.min(terminator),
                (one, other) => one.or(other).unwrap_or(bytes.len()),
            };
            (end, false)
        }
        Some(_) => {
            let next = text[1..].chars().next().map_or(0, char::len_utf8);
            (1 + next, false)
        }
        None => (1, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_stay_and_the_rest_goes() {
        assert_eq!(line(b"plain \t text"), "plain \t text");
        assert_eq!(line(b"\x1b[1;31mred\x1b[0m"), "\x1b[1;31mred\x1b[0m");
        assert_eq!(line(b"\x1b[2Jgone\x1b[10;10Hhere\x1b[?25l"), "gonehere");
        assert_eq!(line(b"\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b"), "ab");
        assert_eq!(line(b"\x1b[31"), "");
        assert_eq!(line(b"a\x1b"), "a");
        assert_eq!(line(b"bell\x07 null\0 del\x7f"), "bell null del");
        assert_eq!(line(b"10%\r50%\r100%\r"), "100%");
        assert_eq!(line(b"ends in crlf\r"), "ends in crlf");
        assert_eq!(line(b"bad \xff utf"), "bad \u{fffd} utf");
        assert_eq!(line("\u{1b}é".as_bytes()), "");
        assert_eq!(line("20 °C\u{9b}2J £\u{85}".as_bytes()), "20 °C2J £");
    }

    #[test]
    fn names_are_one_line() {
        assert_eq!(name("RUN <<EOF\r\nmake\nEOF\n"), "RUN <<EOF  make EOF");
        assert_eq!(name("RUN \u{1b}]0;title\u{7}a\u{1b}[31mb"), "RUN a\u{1b}[31mb");
    }
}

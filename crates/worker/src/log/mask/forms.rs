//! The forms in which a value travels.
//!
//! What a program prints need not be the value as it was given: it may be encoded, alone or
//! within something longer. Each form here is a text that is looked for as it is.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::super::clean;

/// Values under four characters would turn the log into stars and hide nothing.
pub(super) const SHORTEST: usize = 4;
/// The widths at which `base64`, `openssl` and PEM break their lines, and OpenSSH its keys.
const WIDTHS: [usize; 3] = [76, 64, 70];
/// An end of a line's text that is shorter may as well be something else.
const SHORTEST_END: usize = 6;

/// Whether the text may end with one of several lines that base64 was broken into, and not the last
/// of them. What stands before it, as an indent does, is no matter.
pub(super) fn ends_with_full_line(text: &str) -> bool {
    let is_of_it = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    let shortest = WIDTHS.into_iter().min().unwrap_or_default();
    text.bytes().rev().take_while(is_of_it).take(shortest).count() == shortest
}

/// The pieces of `value` that lines hold, where base64 of something longer was broken into lines:
/// wherever in that it began, and wherever in it a line began. As many as it has bytes, about.
pub(super) fn in_lines(value: &str) -> Vec<String> {
    let [longest, ..] = WIDTHS;
    let mut forms = Vec::new();
    for (first, text) in shifted(value.trim_end_matches(['\r', '\n']).as_bytes()) {
        // Lines begin where groups of four do, and of 70 in the middle of one, too.
        for start in (first % 2..text.len()).step_by(2) {
            let end = text.len().min(start + longest);
            forms.extend(text.get(start..end).map(str::to_owned));
        }
    }
    forms.retain(|form| form.len() >= SHORTEST_END);
    forms
}

/// Every form of `value` but those of [`in_lines`].
pub(super) fn of(value: &str) -> Vec<String> {
    let mut forms = Vec::new();
    // The log has whole lines, without what terminals would act on.
    let lines = value.lines().map(|line| clean::line(line.as_bytes()).trim().to_owned());
    forms.extend(lines.flat_map(|line| [quoted(&line, "'\\''"), quoted(&line, "'\"'\"'"), line]));
    // Beyond that only the value itself is looked for: one that a program read from a file ends
    // without the line break that the file ends with.
    for value in [value, value.trim_end_matches(['\r', '\n'])] {
        in_base64(value.as_bytes(), &mut forms);
        in_json(value, &mut forms);
        in_urls(value, &mut forms);
    }
    forms.retain(|form| form.chars().count() >= SHORTEST);
    forms
}

/// Of the bytes alone, and of the bytes within something longer, where they may begin at each
/// of three places within a group. A group that is shared with a neighbour is left out.
fn in_base64(bytes: &[u8], forms: &mut Vec<String>) {
    forms.extend([STANDARD.encode(bytes), URL_SAFE.encode(bytes)]);
    let alone = [STANDARD_NO_PAD.encode(bytes), URL_SAFE_NO_PAD.encode(bytes)];
    for width in WIDTHS {
        let lines = alone.iter().flat_map(|text| text.as_bytes().chunks(width));
        forms.extend(lines.map(|line| String::from_utf8_lossy(line).into_owned()));
    }
    forms.extend(alone);
    forms.extend(shifted(bytes).into_iter().map(|(_, text)| text));
}

/// The base64 of the bytes where others are before them: at which place of the whole it begins, and
/// itself. With its last character and without, which holds bits of a neighbour if there is one.
fn shifted(bytes: &[u8]) -> Vec<(usize, String)> {
    let mut texts = Vec::new();
    for before in 0..3 {
        let mut shifted = vec![0; before];
        shifted.extend_from_slice(bytes);
        // Six bits a character: those at either end that hold bits of a neighbour differ.
        let first = (before * 8).div_ceil(6);
        let end = shifted.len() * 8 / 6;
        for text in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            texts.extend(text.get(first..end).map(|text| (first, text.to_owned())));
            // As the last of what was encoded, its final bits are its own.
            texts.extend(text.get(first..).map(|text| (first, text.to_owned())));
        }
    }
    texts
}

/// As a shell shows it under `set -x`: a quote within it ends the quotation and begins another.
fn quoted(line: &str, quote: &str) -> String {
    line.replace('\'', quote)
}

/// As a JSON string has it, also as Go writes one, which is what engines and registries' tools
/// are written in, as those do that escape slashes, and as those that write nothing but ASCII.
fn in_json(value: &str, forms: &mut Vec<String>) {
    let json = serde_json::to_string(value).unwrap_or_default();
    let json = json.trim_start_matches('"');
    let json = json.strip_suffix('"').unwrap_or(json);
    let go = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let lower = ascii(json, |unit| format!("\\u{unit:04x}"));
    let upper = ascii(json, |unit| format!("\\u{unit:04X}"));
    forms.extend([&lower, &upper].map(|json| json.replace('/', "\\/")));
    forms.extend([json.to_owned(), json.replace('/', "\\/"), go, lower, upper]);
}

fn ascii(json: &str, escaped: impl Fn(u16) -> String) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| escaped(*unit)));
        }
    }
    out
}

/// Percent-encoded: by each of the sets of characters that libraries leave as they are, a blank
/// as itself or as a plus, with digits in either case.
fn in_urls(value: &str, forms: &mut Vec<String>) {
    // RFC 3986; the same with paths left whole, as Python has it; encodeURIComponent; encodeURI;
    // forms; Go's PathEscape and its logins; all that RFC 3986 lets stand in a path.
    for kept in [
        "-._~",
        "-._~/",
        "-_.!~*'()",
        "-_.!~*'();/?:@&=+$,#",
        "*-._",
        "-._~$&+:=@",
        "-._~$&+,;=",
        "-._~!$&'()*+,;=:@",
    ] {
        let upper = percent(value, kept, "%20", |byte| format!("%{byte:02X}"));
        let lower = percent(value, kept, "%20", |byte| format!("%{byte:02x}"));
        for text in [upper, lower] {
            forms.push(text.replace("%20", "+"));
            forms.push(text);
        }
    }
}

fn percent(value: &str, kept: &str, blank: &str, escaped: impl Fn(u8) -> String) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match char::from(byte) {
            ' ' => out.push_str(blank),
            c if c.is_ascii_alphanumeric() || kept.contains(c) => out.push(c),
            _ => out.push_str(&escaped(byte)),
        }
    }
    out
}

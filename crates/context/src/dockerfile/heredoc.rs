//! Which here-documents an instruction begins, so that their lines are passed over.

use super::instructions::{trim_start, word};

/// The words that end the instruction's here-documents in their order, and for each whether
/// tabs before it are passed over (`<<-`).
pub(super) fn names(logical: &[u8]) -> Vec<(String, bool)> {
    if !logical.windows(2).any(|pair| pair == b"<<") || !can_have_one(logical) {
        return Vec::new();
    }
    // Names in another encoding are no names.
    let Ok(text) = std::str::from_utf8(logical) else { return Vec::new() };
    let Some(words) = split(text) else { return Vec::new() };
    words.iter().filter_map(|word| named(word)).collect()
}

/// Only these three, also as what `ONBUILD` keeps for later, and not as a JSON list.
fn can_have_one(logical: &[u8]) -> bool {
    let first = word(logical);
    let rest = trim_start(trim_start(logical).get(first.len()..).unwrap_or_default());
    if first.eq_ignore_ascii_case(b"ONBUILD") {
        return !word(rest).eq_ignore_ascii_case(b"ONBUILD") && can_have_one(rest);
    }
    let takes = [&b"RUN"[..], b"COPY", b"ADD"].iter().any(|name| first.eq_ignore_ascii_case(name));
    takes && serde_json::from_slice::<Vec<String>>(without_flags(rest)).is_err()
}

/// What follows `--mount=…` and the like.
fn without_flags(mut rest: &[u8]) -> &[u8] {
    while rest.starts_with(b"--") {
        let flag = word(rest).len();
        rest = trim_start(rest.get(flag..).unwrap_or_default());
    }
    rest
}

/// `<<NAME`, `<<-NAME`, `3<<"NAME"`: a whole word, with one pair of angles.
fn named(word: &str) -> Option<(String, bool)> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
    let (rest, chomp) = rest.strip_prefix('-').map_or((rest, false), |rest| (rest, true));
    if rest.contains('<') {
        return None;
    }
    let name = unquoted(rest);
    (!name.is_empty()).then_some((name, chomp))
}

/// The words of a line as a shell splits them, quotes and all. `None` where a quote is not
/// closed.
fn split(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => {
                word.push(c);
                word.extend(chars.next());
                continue;
            }
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    if !word.is_empty() {
        words.push(word);
    }
    quote.is_none().then_some(words)
}

fn unquoted(word: &str) -> String {
    let (mut out, mut quote) = (String::new(), None);
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', None | Some('"')) => out.extend(chars.next()),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => out.push(c),
        }
    }
    out
}

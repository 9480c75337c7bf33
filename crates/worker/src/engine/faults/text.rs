//! Making an engine's words fit for a message.

/// Bytes of a message.
const MAX_MESSAGE: usize = 500;
/// Bytes of an instruction within a message.
const MAX_INSTRUCTION: usize = 160;

/// The words on one line, without control characters and without the full stop.
pub(super) fn clean(text: &str) -> String {
    let printable = text.replace(|c: char| c.is_control(), " ");
    let line = printable.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches('.').to_owned()
}

/// A message of a length that everyone can show.
pub(crate) fn message(text: &str) -> String {
    clip(&clean(text), MAX_MESSAGE)
}

/// An instruction, short enough to leave room for what happened to it.
pub(super) fn instruction(text: &str) -> String {
    clip(&clean(text), MAX_INSTRUCTION)
}

fn clip(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit - '…'.len_utf8());
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_short_line() {
        assert_eq!(clean(" a\tb\r\n\u{1b}[1mc.  "), "a b [1mc");
        assert_eq!(message(&"ä".repeat(400)).len(), 499);
        assert!(message(&"ä".repeat(400)).ends_with("ä…"));
    }
}

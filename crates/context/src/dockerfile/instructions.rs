//! A Dockerfile, instruction by instruction, as BuildKit reads it
//! (frontend/dockerfile/parser/parser.go in moby/buildkit).

use super::heredoc;

/// A stretch of a Dockerfile: an instruction with all its lines, or a line without one.
pub(super) struct Instruction<'a> {
    /// As it stands there, with comments between, here-documents and line ends.
    pub(super) text: &'a [u8],
    /// The Dockerfile ends in the middle of it.
    pub(super) is_cut: bool,
    word: Vec<u8>,
}

impl Instruction<'_> {
    /// Whether it is this one, which is given in capitals; a line without one is "".
    pub(super) fn is(&self, word: &str) -> bool {
        self.word.eq_ignore_ascii_case(word.as_bytes())
    }
}

/// The stretches of a Dockerfile in order; together they are all of it.
pub(super) struct Instructions<'a> {
    rest: &'a [u8],
    escape: u8,
    /// What stands at the top may be directives, until a line is none.
    directives: bool,
    at_start: bool,
}

impl<'a> Instructions<'a> {
    pub(super) fn of(dockerfile: &'a [u8]) -> Self {
        Self { rest: dockerfile, escape: b'\\', directives: true, at_start: true }
    }

    /// The next line with its end.
    fn line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end =
            self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |n| n + 1);
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(line)
    }

    /// `# escape=` and its like count until the first line that is no directive.
    fn directive(&mut self, line: &[u8]) {
        if !self.directives {
            return;
        }
        let text = String::from_utf8_lossy(line);
        let named = text.strip_prefix('#').and_then(|text| text.split_once('='));
        let Some((name, value)) = named.map(|(name, value)| (name.trim(), value.trim())) else {
            self.directives = false;
            return;
        };
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric());
        self.directives = is_name && !value.is_empty();
        if self.directives && name.eq_ignore_ascii_case("escape") && value == "`" {
            self.escape = b'`';
        }
    }

    /// A line without what makes it go on on the next; `true` where it does. Two of the
    /// character are no sign of that.
    fn continued<'b>(&self, line: &'b [u8]) -> (&'b [u8], bool) {
        let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |n| n + 1);
        match line.get(..end) {
            Some([before @ .., last]) if *last == self.escape && before.last() != Some(last) => {
                (before, true)
            }
            _ => (line, false),
        }
    }
}

impl<'a> Iterator for Instructions<'a> {
    type Item = Instruction<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let whole = self.rest;
        let mut first = self.line()?;
        if std::mem::take(&mut self.at_start) {
            first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
        }
        let first = trim_start(trim_end(first));
        self.directive(first);
        let first = if first.starts_with(b"#") { &[] } else { first };
        let (part, mut goes_on) = self.continued(first);
        let mut logical = part.to_vec();
        while goes_on {
            let Some(line) = self.line() else { break };
            let line = trim_end(line);
            let start = trim_start(line);
            // Comments and empty lines between do not end it.
            if start.is_empty() || start.starts_with(b"#") {
                continue;
            }
            let (part, more) = self.continued(line);
            logical.extend_from_slice(part);
            goes_on = more;
        }
        for (name, chomp) in heredoc::names(&logical) {
            while let Some(line) = self.line() {
                let line = trim_end(line);
                let tabs = line.iter().take_while(|byte| chomp && **byte == b'\t').count();
                if line.get(tabs..) == Some(name.as_bytes()) {
                    break;
                }
            }
        }
        let text = whole.get(..whole.len() - self.rest.len()).unwrap_or(whole);
        Some(Instruction { text, is_cut: goes_on, word: word(&logical).to_vec() })
    }
}

/// The first word of an instruction.
pub(super) fn word(logical: &[u8]) -> &[u8] {
    let logical = trim_start(logical);
    let end = logical.iter().position(|byte| is_blank(*byte)).unwrap_or(logical.len());
    logical.get(..end).unwrap_or_default()
}

pub(super) fn trim_start(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|byte| !is_space(*byte)).unwrap_or(line.len());
    line.get(start..).unwrap_or_default()
}

fn trim_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |n| n + 1);
    line.get(..end).unwrap_or_default()
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0b | 0x0c | b'\r')
}

fn is_space(byte: u8) -> bool {
    is_blank(byte) || byte == b'\n'
}

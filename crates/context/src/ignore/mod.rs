//! `.dockerignore`, as docker reads it.
//!
//! Not as git reads its own: a pattern starts at the top of the context, `*` stops at a
//! slash, and the last pattern that matches a path, or a folder above it, decides. A line
//! with `!` takes back what an earlier one left out, also below a folder that is left out.
//! The rules are those of github.com/moby/patternmatcher (`patternmatcher.go`, and
//! `ignorefile` for the file itself); no library for git's rules has them. Docker makes regular
//! expressions of patterns, and some characters mean more there than they should (`\b`, a star
//! in brackets); here each means what Go's `filepath.Match` says, which is what is documented.

mod pattern;
mod steps;

use pattern::Pattern;
use steps::Malformed;

use crate::{ContextError, refuse};

/// The patterns of one `.dockerignore`.
#[derive(Debug, Default)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

impl Ignore {
    /// Bytes of a `.dockerignore` at most. Every path is held against every pattern.
    pub const MOST_BYTES: u64 = 64 << 10;

    /// Rules that leave out nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { patterns: Vec::new() }
    }

    /// Reads the text of the file called `file`.
    ///
    /// # Errors
    /// [`ContextError::Refused`] names the line that is no pattern, or says that the file is
    /// larger than [`Self::MOST_BYTES`].
    pub fn parse(text: &[u8], file: &str) -> Result<Self, ContextError> {
        if text.len() as u64 > Self::MOST_BYTES {
            return Err(refuse::large_ignore_file(file, Self::MOST_BYTES));
        }
        let text = String::from_utf8_lossy(text);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut patterns = Vec::new();
        for (index, line) in text.lines().enumerate() {
            // A number sign after a space is a name.
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let pattern = Pattern::parse(line.trim())
                .map_err(|Malformed| refuse::ignore_line(file, index + 1, line))?;
            patterns.push(pattern);
        }
        Ok(Self { patterns })
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a path of the context is left out; it is normalised.
    pub(crate) fn leaves_out(&self, path: &[u8]) -> bool {
        let path = String::from_utf8_lossy(path);
        let mut left_out = false;
        for pattern in &self.patterns {
            // One that would change nothing need not be looked at.
            if pattern.takes_back() == left_out && pattern.matches(&path) {
                left_out = !pattern.takes_back();
            }
        }
        left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(rules: &str, path: &str) -> bool {
        Ignore::parse(rules.as_bytes(), ".dockerignore").unwrap().leaves_out(path.as_bytes())
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        for (rules, path, expected) in [
            ("*.md\n!README.md", "README.md", false),
            ("*.md\n!README.md", "CHANGES.md", true),
            ("!README.md\n*.md", "README.md", true),
            ("docs\n!docs/README.md", "docs/README.md", false),
            ("docs\n!docs/README.md", "docs/other/README.md", true),
            ("docs/\n!docs/README.md", "docs/README.md", false),
            ("**\n!src", "src/deep/main.c", false),
            ("**\n!src\nsrc/deep", "src/deep/main.c", true),
            ("**\n!src\nsrc/deep\n!src/deep/main.c", "src/deep/main.c", false),
            ("*\n!*/*.whl", "dist/a-2.4.0+g08.whl", false),
            ("", "any", false),
        ] {
            assert_eq!(left_out(rules, path), expected, "{rules:?} {path}");
        }
    }

    #[test]
    fn the_file_is_read_line_by_line() {
        let rules = "\u{feff}# comment\n\n  /a/./b/../c/  \r\n ! /a/c/kept \n #named\n.\n/\n..\n";
        for (path, expected) in [
            ("a/c/x", true),
            ("a/c/kept", false),
            ("a/b", false),
            ("#named", true),
            ("# comment", false),
            ("x", false),
        ] {
            assert_eq!(left_out(rules, path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_named_by_its_line() {
        for line in ["!", "! ", "[", "a[", "[]a]", "[^", "[-x]", "[x-]", "[a-b-c]", "[z-a]", "\\"] {
            let text = format!("fine\n{line}\n");
            let error = Ignore::parse(text.as_bytes(), "app/.dockerignore").unwrap_err();
            let start = "line 2 of app/.dockerignore is no pattern: ";
            assert!(error.to_string().starts_with(start), "{error}");
        }
        let large = vec![b'a'; 70_000];
        assert!(Ignore::parse(&large, ".dockerignore").is_err());
    }
}

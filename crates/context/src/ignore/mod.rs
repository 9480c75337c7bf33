//! `.dockerignore`, as docker reads it.
//!
//! Not as git reads its own: a pattern starts at the top of the context, `*` stops at a
//! slash, and the last pattern that counts decides. A line with `!` takes back what an earlier one
//! left out, also below a folder that is left out. A pattern counts for what it matches, and for
//! all below that, unless it changed nothing there: `!folder` takes back what is in the folder only
//! where the folder itself was left out.
//! The rules are those of github.com/moby/patternmatcher (`MatchesUsingParentResults` in
//! `patternmatcher.go`, and `ignorefile` for the file itself); no library for git's rules has them. Docker makes regular
//! expressions of patterns, and some characters mean more there than they should (`\b`, a star
//! in brackets); here each means what Go's `filepath.Match` says, which is what is documented.

mod pattern;
mod steps;

use pattern::Pattern;
use steps::Malformed;

use crate::{ContextError, refuse};

/// The patterns of one `.dockerignore`, and what they said of the folders above the last path.
#[derive(Debug, Default)]
pub struct Ignore {
    patterns: Vec<Pattern>,
    /// The path that was judged last.
    last: String,
    /// For each pattern, how deep on the way to that path it began to count.
    since: Vec<usize>,
}

/// Of a pattern that does not count.
const NEVER: usize = usize::MAX;

impl Ignore {
    /// Bytes of a `.dockerignore` at most. Every path is held against every pattern.
    pub const MOST_BYTES: u64 = 64 << 10;

    /// Rules that leave out nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { patterns: Vec::new(), last: String::new(), since: Vec::new() }
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
        Ok(Self { since: vec![NEVER; patterns.len()], patterns, last: String::new() })
    }

    /// The refusal of the file called `file` that is a link to `target`. Docker follows it; what is
    /// sent here without its rules might be what they are there to keep back.
    #[must_use]
    pub fn linked(file: &str, target: &[u8]) -> ContextError {
        refuse::linked_ignore_file(file, target)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a path of the context is left out; it is normalised. Costs least for one in the
    /// folder of the last.
    pub(crate) fn leaves_out(&mut self, path: &[u8]) -> bool {
        let path = String::from_utf8_lossy(path);
        let ends: Vec<usize> =
            path.match_indices('/').map(|(at, _)| at).chain([path.len()]).collect();
        // What was found of the folders that it shares with the last path holds. Its own end is
        // looked at in any case.
        let shared = ends.iter().take_while(|end| is_above(&self.last, &path, **end)).count();
        let first = shared.min(ends.len() - 1);
        for since in self.since.iter_mut().filter(|since| **since >= first) {
            *since = NEVER;
        }
        let mut taken = Taken::new(self.patterns.len(), ends.len() - first);
        for (number, pattern) in self.patterns.iter().enumerate() {
            pattern.each_end(&path, &mut |end| {
                if let Ok(depth) = ends.binary_search(&end)
                    && let Some(below) = depth.checked_sub(first)
                {
                    taken.note(number, below);
                }
            });
        }
        let mut left_out = false;
        for depth in first..ends.len() {
            left_out = false;
            for (number, pattern) in self.patterns.iter().enumerate() {
                let Some(since) = self.since.get_mut(number) else { continue };
                // One that would change nothing does not begin to count.
                if pattern.takes_back() == left_out && taken.has(number, depth - first) {
                    *since = depth.min(*since);
                }
                if *since <= depth {
                    left_out = !pattern.takes_back();
                }
            }
        }
        path.as_ref().clone_into(&mut self.last);
        left_out
    }
}

/// Whether the first `end` bytes of `path` are `last`, or a folder above it.
fn is_above(last: &str, path: &str, end: usize) -> bool {
    let is_same = last.get(..end).is_some_and(|start| path.get(..end) == Some(start));
    is_same && matches!(last.as_bytes().get(end), None | Some(b'/'))
}

/// At which of the depths of a path which patterns take it: a bit for each.
struct Taken {
    bits: Vec<u64>,
    words: usize,
}

impl Taken {
    fn new(patterns: usize, depths: usize) -> Self {
        let words = depths.div_ceil(64);
        Self { bits: vec![0; words * patterns], words }
    }

    fn note(&mut self, pattern: usize, depth: usize) {
        if let Some(word) = self.bits.get_mut(pattern * self.words + depth / 64) {
            *word |= 1 << (depth % 64);
        }
    }

    fn has(&self, pattern: usize, depth: usize) -> bool {
        let word = self.bits.get(pattern * self.words + depth / 64);
        word.is_some_and(|word| word >> (depth % 64) & 1 == 1)
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
            ("secrets/private.pem\n!secrets", "secrets/private.pem", true),
            ("a/b\n!a", "a/b/c", true),
            ("a/b\n!a", "a/c", false),
            ("a\na/b\n!a", "a/b", false),
            ("a/b\n!a\n!a/b/c", "a/b/c", false),
            ("", "any", false),
        ] {
            assert_eq!(left_out(rules, path), expected, "{rules:?} {path}");
        }
    }

    /// As it goes through a tree, it says of each path what it says of that alone.
    #[test]
    fn what_was_judged_before_makes_no_difference() {
        let rules = "a/b\n!a\n*/x/*\n!**/keep\na/x/y/keep\n!k/m\nk";
        let paths = [
            "a",
            "a/b",
            "a/b/c",
            "a/bc",
            "a/x",
            "a/x/y",
            "a/x/y/keep",
            "a/x/y/keep/z",
            "k/m/n",
            "k",
            "k/m",
            "a/x/keep",
            "b",
            "b/x/y",
            "b/x/keep",
            "a",
            "a/x/y/z",
            "a/x",
        ];
        let mut all = Ignore::parse(rules.as_bytes(), ".dockerignore").unwrap();
        for path in paths.iter().chain(paths.iter().rev()) {
            assert_eq!(all.leaves_out(path.as_bytes()), left_out(rules, path), "{path}");
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

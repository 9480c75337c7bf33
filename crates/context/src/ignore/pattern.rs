//! One line of a `.dockerignore`.
//!
//! Most are a plain name, all of a folder or a name at any depth, and quick to try. The
//! others are walked step by step.

use super::steps::{Malformed, Step, steps, walk};

#[derive(Debug)]
pub(super) struct Pattern {
    takes_back: bool,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Exact(String),
    /// `folder/**`
    Prefix(String),
    /// `**/name`, and `**name`, which is any name that ends so.
    Suffix(String),
    Steps(Vec<Step>),
}

impl Pattern {
    /// Reads a line without the spaces around it.
    pub(super) fn parse(line: &str) -> Result<Self, Malformed> {
        let (takes_back, rest) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        if rest.is_empty() {
            return Err(Malformed);
        }
        let clean = clean(rest);
        // The top of the context is meant, not that of the disk.
        let relative = clean.strip_prefix('/').filter(|rest| !rest.is_empty()).unwrap_or(&clean);
        Ok(Self { takes_back, form: Form::parse(relative)? })
    }

    pub(super) const fn takes_back(&self) -> bool {
        self.takes_back
    }

    /// Gives the length of each folder above the path that it matches, and of the path itself.
    pub(super) fn each_end(&self, path: &str, take: &mut dyn FnMut(usize)) {
        match &self.form {
            Form::Exact(name) => {
                if path.strip_prefix(name.as_str()).is_some_and(ends_or_goes_down) {
                    take(name.len());
                }
            }
            Form::Prefix(start) => {
                let below = path_and_folders(path).filter(|path| path.starts_with(start));
                below.for_each(|path| take(path.len()));
            }
            Form::Suffix(end) => path_and_folders(path)
                .filter(|path| path.ends_with(end) || end.strip_prefix('/') == Some(path))
                .for_each(|path| take(path.len())),
            Form::Steps(steps) => walk(steps, path, take),
        }
    }
}

fn ends_or_goes_down(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

fn path_and_folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end]).chain([path])
}

impl Form {
    fn parse(pattern: &str) -> Result<Self, Malformed> {
        let steps = steps(pattern)?;
        let is_plain = |steps: &[Step]| steps.iter().all(|step| matches!(step, Step::Char(_)));
        // A plain pattern is told by its text: one with escapes or brackets is none.
        let plain = !pattern.contains(['\\', '[', ']']);
        Ok(match (pattern.strip_prefix("**"), steps.as_slice()) {
            (Some(end), [Step::MaybeFolders, Step::Folders, rest @ ..])
                if plain && is_plain(rest) =>
            {
                Self::Suffix(end.to_owned())
            }
            (_, [start @ .., Step::Rest]) if plain && is_plain(start) => {
                Self::Prefix(pattern.trim_end_matches("**").to_owned())
            }
            (_, steps) if plain && is_plain(steps) => Self::Exact(pattern.to_owned()),
            _ => Self::Steps(steps),
        })
    }
}

/// Go's `path.Clean`: one slash between words, no `.`, and `..` where it means something.
fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut words: Vec<&str> = Vec::new();
    for word in path.split('/').filter(|word| !matches!(*word, "" | ".")) {
        match words.last() {
            Some(last) if word == ".." && *last != ".." => drop(words.pop()),
            None if word == ".." && absolute => {}
            Some(_) | None => words.push(word),
        }
    }
    match (absolute, words.is_empty()) {
        (false, true) => ".".to_owned(),
        (false, false) => words.join("/"),
        (true, _) => format!("/{}", words.join("/")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ignore;
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        let mut rules = Ignore::parse(pattern.as_bytes(), ".dockerignore").unwrap();
        rules.leaves_out(path.as_bytes())
    }

    /// The behaviours that patternmatcher's own tests name, each with a path that it takes
    /// and one that it does not.
    #[test]
    fn patterns_match_what_docker_says() {
        for (pattern, taken, left) in [
            ("*.txt", "file.txt", "folder/file.txt"),
            ("a*", "ab/c", "ba"),
            ("a*/b", "abc/b", "a/c/b"),
            ("a*b*c*d*/f", "axbxcxdxxx/f", "axbxcxd/x/f"),
            ("a*b?c*x", "abxbbxdbxebxczzx", "abxbbxdbxebxczzy"),
            ("a/*.txt", "a/file.txt", "a/folder/file.txt"),
            ("a/*.txt**", "a/file.txt", "b/file.txt"),
            ("a?b", "a☺b", "a/b"),
            ("a???b", "axyzb", "a☺b"),
            ("**/*.txt", "file.txt", "file.txt2"),
            ("**/*.txt", "a/b/file.txt", "a/b/file.text"),
            ("**/**/*.txt", "file.txt", "file"),
            ("**/dir", "dir/file", "adir"),
            ("**/dir", "a/b/dir", "a/b/dirs"),
            ("**file", "a/bigfile", "file2"),
            ("**/dir/*", "a/dir/file", "a/dir"),
            ("**/dir/**", "a/dir/b/file", "a/dir"),
            ("**/file*txt", "a/file.x.txt", "a/fil.txt"),
            ("a**/*.txt", "a/b/file.txt", "b/file.txt"),
            ("a**/*.txt", "a/file.txt", "a/file.md"),
            ("a/**/b", "a/b", "a/xb"),
            ("a/**/b", "a/x/y/b", "ab"),
            ("folder/**", "folder/a/b", "folder"),
            ("folder/**", "folder/a", "folders/a"),
            ("folder", "folder/a", "folders"),
            ("**/.hidden", ".hidden", "not.hidden"),
            (".*", ".hidden", "hidden"),
            ("a.b", "a.b", "aXb"),
            ("a(b)c/d", "a(b)c/d", "abc/d"),
            ("a.|)$(}+{b^c", "a.|)$(}+{b^c", "a"),
            ("x-2.4+g08.whl", "x-2.4+g08.whl", "x-2.44g08.whl"),
            ("a[b-d]e", "ace", "aae"),
            ("a[^b-d]e", "aze", "ace"),
            ("a[^b]e", "a/e", "abe"),
            ("[a-ζ]x", "αx", "Ax"),
            ("[\\]a]", "]", "b"),
            ("[x\\-]", "-", "y"),
            ("[[x]", "[", "y"),
            ("a]", "a]", "a"),
            ("a\\*b", "a*b", "aab"),
            ("a\\\\", "a\\", "a"),
            ("**/a\\*", "b/a*", "b/ab"),
            ("/a", "a", "b/a"),
            ("./a//b/", "a/b/c", "a/c"),
        ] {
            assert!(matches(pattern, taken), "{pattern} takes {taken}");
            assert!(!matches(pattern, left), "{pattern} leaves {left}");
        }
        for pattern in ["*", "**", "**/", "**/**"] {
            assert!(matches(pattern, "file") && matches(pattern, "folder/file"), "{pattern}");
        }
    }

    #[test]
    fn a_long_pattern_on_a_long_path_ends_soon() {
        let begun = std::time::Instant::now();
        assert!(!matches(&"*a".repeat(3_000), &"a/".repeat(2_000)));
        assert!(!matches(&"**/a".repeat(2_000), &"b/".repeat(2_000)));
        assert!(begun.elapsed().as_secs() < 300, "{:?}", begun.elapsed());
    }

    #[test]
    fn paths_are_cleaned_as_go_does() {
        for (path, expected) in [
            ("a/./b//c/", "a/b/c"),
            ("a/../b", "b"),
            ("../a/../..", "../.."),
            ("/../a", "/a"),
            ("./", "."),
            ("//", "/"),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }
}

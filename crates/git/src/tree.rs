//! The list of a tree, as `git ls-tree` writes it.

use std::io::{self, BufRead, BufReader, Read};
use std::process::ChildStdout;

use slipway_domain::Failure;

use crate::environment::Environment;
use crate::failure::internal;
use crate::program::Reader;
use crate::repository::Repository;
use crate::session::Session;

/// Bytes of a line at most: git itself takes no longer paths.
const MOST_BYTES: u64 = 64 << 10;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File {
        executable: bool,
    },
    Symlink,
    /// A commit of another repository.
    Submodule,
}

/// An entry of a tree, from its top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) path: Vec<u8>,
}

impl Entry {
    /// Reads `100644 blob 4f2a9c1…<tab>path`. Old releases of git wrote other modes of files.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let mut words = std::str::from_utf8(&line[..tab]).ok()?.split(' ');
        let mode = u32::from_str_radix(words.next()?, 8).ok()?;
        let _type = words.next()?;
        let id = words.next()?.to_owned();
        let kind = match mode & 0o170_000 {
            0o100_000 => Kind::File { executable: mode & 0o111 != 0 },
            0o120_000 => Kind::Symlink,
            0o160_000 => Kind::Submodule,
            _ => return None,
        };
        Some(Self { kind, id, path: line[tab + 1..].to_vec() })
    }
}

/// All entries of a commit's tree, one by one.
pub(crate) struct Tree {
    lines: BufReader<ChildStdout>,
    reader: Reader,
    over: bool,
}

impl Tree {
    pub(crate) fn of(
        environment: &Environment,
        repository: &Repository,
        commit: &str,
    ) -> Result<Self, Failure> {
        let mut git = repository.git(environment);
        git.args(["ls-tree", "-r", "-z", "--full-tree", commit]);
        let mut reader = Reader::start(git)?;
        let out = reader.child.stdout.take();
        let out = out.ok_or_else(|| broken("git has no output"))?;
        Ok(Self { lines: BufReader::with_capacity(64 << 10, out), reader, over: false })
    }

    /// The next one.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, Failure> {
        if self.over {
            return Ok(None);
        }
        let mut line = Vec::new();
        let read = self.lines.by_ref().take(MOST_BYTES).read_until(0, &mut line);
        read.map_err(|error| internal("the list of files cannot be read", &error))?;
        if line.is_empty() {
            self.over = true;
            let ended = self.reader.child.wait();
            let ended = ended.map_err(|error| internal("git cannot be waited for", &error))?;
            // Half a list must not pass for a whole one.
            return if ended.success() { Ok(None) } else { Err(broken("git broke off")) };
        }
        let whole = line.pop() == Some(0);
        let entry = Entry::parse(&line).filter(|_| whole);
        entry.map(Some).ok_or_else(|| broken("git lists what cannot be understood"))
    }
}

/// The entry of one path. Blocks for a moment.
pub(crate) fn entry(
    environment: &Environment,
    repository: &Repository,
    commit: &str,
    path: &str,
) -> Result<Option<Entry>, Failure> {
    let mut git = repository.git(environment);
    git.args(["ls-tree", "-z", "--full-tree", commit, "--", path]);
    let mut reader = Reader::start(git)?;
    let out = reader.child.stdout.take().ok_or_else(|| broken("git has no output"))?;
    let mut line = Vec::new();
    let read = BufReader::new(out).take(MOST_BYTES).read_until(0, &mut line);
    read.map_err(|error| internal("the list of files cannot be read", &error))?;
    line.pop();
    Ok(Entry::parse(&line).filter(|entry| entry.path == path.as_bytes()))
}

/// All submodules of a commit.
pub(crate) async fn submodules(
    session: &Session<'_>,
    repository: &Repository,
    commit: &str,
) -> Result<Vec<Entry>, Failure> {
    let mut git = repository.leashed(session);
    git.args(["ls-tree", "-r", "-z", "--full-tree", commit]);
    let mut found = Vec::new();
    let most = session.watch.limits.submodules;
    let mut take = |line: &[u8]| {
        // One more than may be, which is then found to be too many.
        if let Some(entry) = Entry::parse(line).filter(|entry| entry.kind == Kind::Submodule)
            && found.len() <= most
        {
            found.push(entry);
        }
    };
    let ran = session.read(git, b"\0", &mut take).await?;
    if ran.success { Ok(found) } else { Err(broken("git lists no tree")) }
}

pub(crate) fn broken(what: &str) -> Failure {
    internal("the fetched repository cannot be read", &io::Error::other(what.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ls_tree() {
        let entry = |line: &[u8]| Entry::parse(line).map(|e| (e.kind, e.id, e.path));
        let id = || "4f2a".to_owned();
        assert_eq!(
            entry(b"100755 blob 4f2a\ta b\tc\n\xff"),
            Some((Kind::File { executable: true }, id(), b"a b\tc\n\xff".to_vec()))
        );
        assert_eq!(
            entry(b"100664 blob 4f2a\tx"),
            Some((Kind::File { executable: false }, id(), b"x".to_vec()))
        );
        assert_eq!(entry(b"120000 blob 4f2a\tx"), Some((Kind::Symlink, id(), b"x".to_vec())));
        assert_eq!(entry(b"160000 commit 4f2a\tx"), Some((Kind::Submodule, id(), b"x".to_vec())));
        for bad in [&b"040000 tree 4f2a\tx"[..], b"100644 blob 4f2a", b"", b"x y z\tp"] {
            assert_eq!(entry(bad), None);
        }
    }
}

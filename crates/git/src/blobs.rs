//! The bytes of files, as `git cat-file --batch` gives them: one process for a whole tree.

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::process::{ChildStdin, ChildStdout, Stdio};

use slipway_domain::Failure;

use crate::environment::Environment;
use crate::failure::internal;
use crate::program::Reader;
use crate::repository::Repository;
use crate::tree::broken;

/// Objects that are asked for ahead. Their names have to fit into a pipe (64 KiB): git does
/// not read on while it waits for somebody to take what it wrote.
pub(crate) const AHEAD: usize = 128;

/// The objects of one repository.
pub(crate) struct Blobs {
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
    _reader: Reader,
}

impl Blobs {
    pub(crate) fn of(environment: &Environment, repository: &Repository) -> Result<Self, Failure> {
        let mut git = repository.git(environment);
        git.args(["cat-file", "--batch"]).stdin(Stdio::piped());
        let mut reader = Reader::start(git)?;
        let (asks, answers) = (reader.child.stdin.take(), reader.child.stdout.take());
        let (Some(asks), Some(answers)) = (asks, answers) else {
            return Err(broken("git has no input or output"));
        };
        let answers = BufReader::with_capacity(64 << 10, answers);
        Ok(Self { asks, answers, _reader: reader })
    }

    /// Asks for objects, at most [`AHEAD`] before the last of them is taken.
    pub(crate) fn ask<'a>(&mut self, ids: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
        let names: String = ids.flat_map(|id| [id, "\n"]).collect();
        self.asks.write_all(names.as_bytes()).map_err(failed)
    }

    /// The size of the next one, in bytes. [`Self::bytes`] has to be read to its end then.
    pub(crate) fn next_size(&mut self) -> Result<u64, Failure> {
        let mut line = Vec::new();
        self.answers.by_ref().take(1024).read_until(b'\n', &mut line).map_err(failed)?;
        let line = String::from_utf8_lossy(&line);
        let mut words = line.trim_end().split(' ').skip(1);
        match (words.next(), words.next().map(str::parse)) {
            (Some("blob"), Some(Ok(size))) => Ok(size),
            _ => Err(broken("a file of the commit is missing")),
        }
    }

    /// The bytes of the object whose size was told.
    pub(crate) fn bytes(&mut self, size: u64) -> io::Take<&mut BufReader<ChildStdout>> {
        self.answers.by_ref().take(size)
    }

    /// Reads the line break after an object, and what nobody wanted of it.
    pub(crate) fn end(&mut self, left: u64) -> Result<(), Failure> {
        let end = left.saturating_add(1);
        let read = io::copy(&mut self.answers.by_ref().take(end), &mut io::sink());
        if read.map_err(failed)? == end { Ok(()) } else { Err(broken("git broke off")) }
    }
}

fn failed(error: io::Error) -> Failure {
    internal("git does not give away files", &error)
}

//! A context, entry by entry: each one judged, and the clean tar written.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use crate::archive::InputError;
use crate::contents::Contents;
use crate::dockerfile;
use crate::entry::{Entry, Kind, MODE_BITS, plausible_mtime};
use crate::ignore::Ignore;
use crate::output::CleanTar;
use crate::path::normalise;
use crate::rules::{Rules, Shape};
use crate::scope::{Scope, Standing};
use crate::{ContextError, ContextLimits, ContextOptions, ContextSummary, refuse};

/// Bytes of a file read at a time.
const CHUNK: u64 = 64 << 10;

/// Takes the entries of a tree and writes those of the context, under the rules that hold
/// for every source: names in one spelling, links that stay inside, nothing below a file,
/// no more than the limits, a Dockerfile. Paths are bytes from the top of the tree, with
/// slashes; an entry outside of the context's folder, or left out by `.dockerignore`, is
/// passed over.
///
/// Folders need no entry of their own; one that has entries is there. A context that is
/// dropped without [`Self::finish`] has no end mark, and no builder takes it for whole.
pub struct ContextWriter<W: Write> {
    limits: ContextLimits,
    scope: Scope,
    rules: Rules,
    contents: Contents,
    clean: CleanTar<W>,
    entries: u64,
    /// Of what is written from now on: seconds since 1970.
    time: u64,
    /// Something was seen in the folder that is the context.
    is_there: bool,
    /// Arguments that the Dockerfile is to declare.
    declare: BTreeSet<String>,
    /// The Dockerfile, which has to be read whole before it goes on.
    held: Option<Held>,
}

/// A file that is not written yet.
struct Held {
    entry: Entry,
    path: Vec<u8>,
    text: Vec<u8>,
}

impl<W: Write> ContextWriter<W> {
    /// Begins a context in `out`. `ignore` are the rules of the tree's own `.dockerignore`,
    /// for who has read it; [`ContextOptions::ignore_files`] says where it is.
    ///
    /// # Errors
    /// [`ContextError::Refused`] when the options name a subdir that leads out.
    pub fn new(options: &ContextOptions, ignore: Ignore, out: W) -> Result<Self, ContextError> {
        Self::within(options, &[], ignore, out)
    }

    /// The same for a tree that begins with the folder `top` of its archive.
    pub(crate) fn within(
        options: &ContextOptions,
        top: &[u8],
        ignore: Ignore,
        out: W,
    ) -> Result<Self, ContextError> {
        Ok(Self {
            limits: options.limits,
            scope: Scope::new(options, top, ignore)?,
            rules: Rules::new(options.limits.entries),
            contents: Contents::new(options.dockerfile.clone()),
            clean: CleanTar::new(out),
            entries: 0,
            time: 0,
            is_there: false,
            declare: options.declare.clone(),
            held: None,
        })
    }

    /// When whatever is written from now on was changed last: seconds since 1970, which is what
    /// it is before this is called.
    pub fn set_time(&mut self, seconds: u64) {
        self.time = plausible_mtime(seconds);
    }

    /// Whether a file at `path` would go on. Ask before its bytes are fetched.
    ///
    /// # Errors
    /// [`ContextError::Refused`] when no entry may have that path.
    pub fn wants(&mut self, path: &[u8]) -> Result<bool, ContextError> {
        let normal = normalise(path).map_err(|fault| refuse::name(path, fault))?;
        Ok(match self.scope.place(&normal) {
            Standing::At(_) => true,
            Standing::Top | Standing::Elsewhere | Standing::Ignored => false,
        })
    }

    /// Writes a file of `size` bytes, with the permission bits of `mode`. `data` is read
    /// only when the file goes on, and then `size` bytes of it.
    ///
    /// # Errors
    /// [`ContextError::Refused`] when a rule or limit forbids it, or `data` ends early or
    /// cannot be read; [`ContextError::ReceiverGone`] when nobody takes the context.
    pub fn file(
        &mut self,
        path: &[u8],
        mode: u32,
        size: u64,
        mut data: impl Read,
    ) -> Result<(), ContextError> {
        if !self.begin(&self.entry(Kind::File, path, &[], size, mode))? {
            return Ok(());
        }
        let within = |error| refuse::input(error, Some(path));
        let mut buffer = vec![0; usize::try_from(size.min(CHUNK)).unwrap_or(0)];
        let mut left = size;
        while left > 0 {
            let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            match data.read(&mut buffer[..most]) {
                Ok(0) => return Err(within(InputError::Cut)),
                Ok(count) => {
                    self.data(&buffer[..count])?;
                    left -= count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(within(InputError::Failed(error))),
            }
        }
        self.end_file(size)
    }

    /// Writes a folder.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub fn folder(&mut self, path: &[u8], mode: u32) -> Result<(), ContextError> {
        self.begin(&self.entry(Kind::Folder, path, &[], 0, mode)).map(drop)
    }

    /// Writes a symlink. It has to stay inside the context, which is not the whole tree
    /// where there is a subdir.
    ///
    /// # Errors
    /// As [`Self::file`].
    pub fn symlink(&mut self, path: &[u8], target: &[u8]) -> Result<(), ContextError> {
        self.begin(&self.entry(Kind::Symlink, path, target, 0, 0o777)).map(drop)
    }

    /// Judges the context as a whole and writes the end mark.
    ///
    /// # Errors
    /// [`ContextError::Refused`] when it has no Dockerfile, or a symlink leads out by way of
    /// others; [`ContextError::ReceiverGone`] when nobody takes it.
    pub fn finish(self) -> Result<ContextSummary, ContextError> {
        self.rules.check_all()?;
        if !self.is_there && !self.scope.subdir().is_empty() {
            return Err(refuse::no_folder(self.scope.subdir()));
        }
        self.contents.require_dockerfile(self.scope.subdir(), &self.rules)?;
        let entries = self.entries;
        let bytes = self.clean.finish().map_err(refuse::output)?;
        Ok(ContextSummary { entries, bytes, archive_bytes: bytes })
    }

    /// Judges an entry and writes its header. A file's data follows through [`Self::data`]
    /// and [`Self::end_file`]; `false` when the entry does not go on.
    pub(crate) fn begin(&mut self, entry: &Entry) -> Result<bool, ContextError> {
        let name = &entry.name;
        let normal = normalise(name).map_err(|fault| refuse::name(name, fault))?;
        let path = match self.scope.place(&normal) {
            Standing::At(path) => path,
            Standing::Elsewhere => return Ok(false),
            Standing::Ignored => {
                self.is_there = true;
                return Ok(false);
            }
            Standing::Top => return self.top(entry),
        };
        self.is_there = true;
        let original = match entry.kind {
            Kind::HardLink => self.original(path, &entry.target)?,
            Kind::File | Kind::Folder | Kind::Symlink => Vec::new(),
        };
        let target = &entry.target;
        let shape = match entry.kind {
            Kind::File => Shape::File,
            Kind::Folder => Shape::Folder,
            Kind::Symlink => Shape::Symlink { target },
            Kind::HardLink => Shape::HardLink { target, original: &original },
        };
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(refuse::too_many(self.limits.entries, name));
        }
        self.rules.admit(name, path, shape)?;
        self.contents.note(entry.kind, path);
        // What the tar takes beside the data is small, and counted once it is written.
        if self.clean.bytes().saturating_add(entry.size) > self.limits.bytes {
            return Err(refuse::too_large(self.limits.bytes, Some(name)));
        }
        let target = if entry.kind == Kind::HardLink { &original } else { target };
        if !self.declare.is_empty() && path == self.contents.dockerfile().as_str().as_bytes() {
            return self.hold(entry, path);
        }
        self.clean.entry(entry, path, target).map_err(refuse::output)?;
        Ok(true)
    }

    /// The Dockerfile waits for its end.
    fn hold(&mut self, entry: &Entry, path: &[u8]) -> Result<bool, ContextError> {
        match entry.kind {
            Kind::File if entry.size > dockerfile::MAX_BYTES => {
                return Err(refuse::dockerfile_too_large(path, dockerfile::MAX_BYTES));
            }
            Kind::File => {}
            // Of no use as a Dockerfile, which is said at the end.
            Kind::Folder => {
                self.clean.entry(entry, path, &[]).map_err(refuse::output)?;
                return Ok(true);
            }
            Kind::Symlink | Kind::HardLink => return Err(refuse::dockerfile_is_link(path)),
        }
        let Entry { kind, size, mode, mtime, .. } = *entry;
        let entry = Entry { kind, name: Vec::new(), target: Vec::new(), size, mode, mtime };
        self.held = Some(Held { entry, path: path.to_vec(), text: Vec::new() });
        Ok(true)
    }

    fn let_go(&mut self, held: Held) -> Result<(), ContextError> {
        let text = dockerfile::declare_args(&held.text, &self.declare);
        let size = text.len() as u64;
        let entry = Entry { size, ..held.entry };
        self.clean.entry(&entry, &held.path, &[]).map_err(refuse::output)?;
        self.clean.data(&text).map_err(refuse::output)?;
        self.clean.pad(size).map_err(refuse::output)
    }

    pub(crate) fn data(&mut self, bytes: &[u8]) -> Result<(), ContextError> {
        if let Some(held) = &mut self.held {
            held.text.extend_from_slice(bytes);
            return Ok(());
        }
        self.clean.data(bytes).map_err(refuse::output)
    }

    pub(crate) fn end_file(&mut self, size: u64) -> Result<(), ContextError> {
        if let Some(held) = self.held.take() {
            return self.let_go(held);
        }
        self.clean.pad(size).map_err(refuse::output)
    }

    /// An entry for the context's own folder, which the builder has already.
    fn top(&mut self, entry: &Entry) -> Result<bool, ContextError> {
        let is_folder = entry.kind == Kind::Folder && !entry.name.is_empty();
        self.is_there |= is_folder;
        // A subdir that is no folder holds nothing, and is missed at the end.
        if is_folder || !self.scope.subdir().is_empty() {
            Ok(false)
        } else {
            Err(refuse::nameless(&entry.name))
        }
    }

    /// The path in the context of what a hard link is another name of.
    fn original(&mut self, path: &[u8], target: &[u8]) -> Result<Vec<u8>, ContextError> {
        let normal = normalise(target).map_err(|fault| refuse::hard_link(path, target, fault))?;
        match self.scope.place(&normal) {
            Standing::At(original) => Ok(original.to_vec()),
            Standing::Top => Err(refuse::no_target(path)),
            Standing::Elsewhere => Err(refuse::linked_elsewhere(path, target)),
            Standing::Ignored => Err(refuse::linked_to_ignored(path, target)),
        }
    }

    fn entry(&self, kind: Kind, path: &[u8], target: &[u8], size: u64, mode: u32) -> Entry {
        Entry {
            kind,
            name: path.to_vec(),
            target: target.to_vec(),
            size,
            mode: mode & MODE_BITS,
            mtime: self.time,
        }
    }
}

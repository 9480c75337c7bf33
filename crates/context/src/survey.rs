//! The first look at an archive, for what can be told only from all of it.
//!
//! Whether one folder is around everything, and what `.dockerignore` says, may be known no
//! sooner than at the last entry, and bytes that went to the builder cannot be taken back.
//! So an archive from which either is wanted is read twice. That costs as much as the file
//! has: a plain tar is leapt through from header to header, of a zip the directory is read,
//! and what is compressed is decompressed twice.

use std::io::{Read, Seek};
use std::ops::ControlFlow;

use crate::archive::{self, Data};
use crate::entry::{Entry, Kind};
use crate::ignore::Ignore;
use crate::path::normalise;
use crate::scope::{below, join};
use crate::{ContextError, ContextOptions, Strip, refuse};

/// What macOS puts beside a folder that it makes a zip of: attributes of each file, which
/// belong to no image.
const MACOS: &[u8] = b"__MACOSX";

/// What an archive was found to want.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The folder that the tree begins with.
    pub(crate) top: Vec<u8>,
    pub(crate) ignore: Ignore,
}

/// Reads the archive as far as needed.
pub(crate) fn survey<R: Read + Seek>(
    archive: R,
    options: &ContextOptions,
) -> Result<Findings, ContextError> {
    if !options.ignore && options.strip == Strip::Nothing {
        return Ok(Findings::default());
    }
    let mut survey = Survey::new(options)?;
    archive::walk(archive, &options.limits, &mut |entry, data| survey.note(entry, data))?;
    survey.findings()
}

struct Survey<'a> {
    options: &'a ContextOptions,
    /// Where the Dockerfile is asked for, from the top of the tree.
    asked: Vec<u8>,
    found: bool,
    found_inside: bool,
    top: Top,
    /// The files that may say what to leave out, from the top of the tree.
    names: [Vec<u8>; 2],
    texts: [Option<Vec<u8>>; 2],
    texts_inside: [Option<Vec<u8>>; 2],
}

/// What is at the top of the archive.
enum Top {
    Nothing,
    Folder(Vec<u8>),
    More,
}

impl<'a> Survey<'a> {
    fn new(options: &'a ContextOptions) -> Result<Self, ContextError> {
        let subdir = options.subdir.as_deref().unwrap_or_default().as_bytes();
        let subdir = normalise(subdir).map_err(|fault| refuse::subdir(subdir, fault))?;
        let dockerfile = options.dockerfile.as_str();
        let own = format!("{dockerfile}.dockerignore");
        Ok(Self {
            options,
            asked: join(&subdir, dockerfile.as_bytes()),
            found: false,
            found_inside: false,
            top: Top::Nothing,
            names: [join(&subdir, own.as_bytes()), join(&subdir, b".dockerignore")],
            texts: [None, None],
            texts_inside: [None, None],
        })
    }

    fn note(
        &mut self,
        entry: &Entry,
        data: &mut dyn Data,
    ) -> Result<ControlFlow<()>, ContextError> {
        let name = &entry.name;
        let path = normalise(name).map_err(|fault| refuse::name(name, fault))?;
        let inside = path.iter().position(|byte| *byte == b'/').map(|slash| &path[slash + 1..]);
        self.note_top(&path, inside.is_some() || entry.kind == Kind::Folder);
        self.found |= path == self.asked;
        self.found_inside |= inside == Some(&self.asked);
        if self.options.ignore {
            for (index, name) in self.names.iter().enumerate() {
                if path == *name {
                    self.texts[index] = text(entry, data)?;
                } else if inside == Some(name) {
                    self.texts_inside[index] = text(entry, data)?;
                }
            }
        } else if matches!(self.top, Top::More) {
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn note_top(&mut self, path: &[u8], in_folder: bool) {
        let first = first(path);
        if first.is_empty() || first == MACOS {
            return;
        }
        self.top = match std::mem::replace(&mut self.top, Top::More) {
            Top::Nothing if in_folder => Top::Folder(first.to_vec()),
            Top::Folder(folder) if in_folder && folder == first => Top::Folder(folder),
            Top::Nothing | Top::Folder(_) | Top::More => Top::More,
        };
    }

    fn findings(self) -> Result<Findings, ContextError> {
        let top = self.stripped();
        let texts = if top.is_empty() { &self.texts } else { &self.texts_inside };
        let chosen =
            self.names.iter().zip(texts).find_map(|(name, text)| Some((name, text.as_ref()?)));
        let ignore = match chosen {
            Some((name, text)) => Ignore::parse(text, &String::from_utf8_lossy(name))?,
            None => Ignore::nothing(),
        };
        Ok(Findings { top, ignore })
    }

    /// The folder to begin with. Everything is in it, so that the Dockerfile can only be
    /// found from outside when its path begins with that folder too.
    fn stripped(&self) -> Vec<u8> {
        match &self.top {
            Top::Folder(folder)
                if self.options.strip == Strip::SingleTopFolder
                    && !self.found
                    && (below(&self.asked, folder).is_none() || self.found_inside) =>
            {
                folder.clone()
            }
            Top::Nothing | Top::Folder(_) | Top::More => Vec::new(),
        }
    }
}

fn first(path: &[u8]) -> &[u8] {
    path.split(|byte| *byte == b'/').next().unwrap_or_default()
}

/// The text of a file, one byte longer at most than it may be. A link has none: it is not
/// followed.
fn text(entry: &Entry, data: &mut dyn Data) -> Result<Option<Vec<u8>>, ContextError> {
    if entry.kind != Kind::File {
        return Ok(None);
    }
    let most = usize::try_from(Ignore::MOST_BYTES + 1).unwrap_or(usize::MAX);
    let mut text = Vec::new();
    while text.len() < most {
        let bytes = data.fill()?;
        let count = bytes.len().min(most - text.len());
        if count == 0 {
            break;
        }
        text.extend_from_slice(&bytes[..count]);
        data.consume(count);
    }
    Ok(Some(text))
}

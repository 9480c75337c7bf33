//! The first look at an archive, for what can be told only from all of it.
//!
//! Whether one folder is around everything, and what `.dockerignore` says, may be known no
//! sooner than at the last entry, and bytes that went to the builder cannot be taken back.
//! So an archive from which either is wanted is read twice. That costs as much as the file
//! has: a plain tar is leapt through from header to header, of a zip the directory is read,
//! and what is compressed is decompressed twice. While an archive still comes, the first look
//! is at its beginning alone, and what it saw there is no more than a [`Promise`].

use std::io::{Read, Seek};
use std::ops::ControlFlow;

use crate::archive::{self, BLOCK, Data};
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

/// What the beginning of an archive says about the whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Promise {
    top: Vec<u8>,
    /// Which of the files that say what to leave out counts, and its text.
    ignore: Option<(usize, Rules)>,
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
    archive::walk(archive, &options.limits, &mut |entry, data| {
        survey.note(entry, data)?;
        let settled = !options.ignore && matches!(survey.top, Top::More);
        Ok(if settled { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    survey.findings(&survey.promise())
}

/// Reads the first `most` bytes of the archive, unpacked. `None` when it ends before, or
/// begins at its end.
pub(crate) fn first_look<R: Read + Seek>(
    mut archive: R,
    options: &ContextOptions,
    most: u64,
) -> Result<Option<(Promise, Findings)>, ContextError> {
    if archive::begins_at_its_end(&mut archive)? {
        return Ok(None);
    }
    let mut survey = Survey::new(options)?;
    let mut seen = 0_u64;
    let mut goes_on = false;
    archive::walk(archive, &options.limits, &mut |entry, data| {
        survey.note(entry, data)?;
        seen = seen.saturating_add(entry.size).saturating_add(BLOCK as u64);
        goes_on = seen > most;
        Ok(if goes_on { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    if !goes_on {
        return Ok(None);
    }
    let promise = survey.promise();
    let findings = survey.findings(&promise)?;
    Ok(Some((promise, findings)))
}

pub(crate) struct Survey<'a> {
    options: &'a ContextOptions,
    /// Where the Dockerfile is asked for, from the top of the tree.
    asked: Vec<u8>,
    found: bool,
    found_inside: bool,
    top: Top,
    /// The files that may say what to leave out, from the top of the tree.
    names: [Vec<u8>; 2],
    rules: [Option<Rules>; 2],
    rules_inside: [Option<Rules>; 2],
}

/// A file that says what to leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rules {
    Text(Vec<u8>),
    /// It is another name of this one. Docker would follow it; without what it says, something
    /// would be sent that is not to be.
    Link(Vec<u8>),
}

/// What is at the top of the archive.
enum Top {
    Nothing,
    Folder(Vec<u8>),
    More,
}

impl<'a> Survey<'a> {
    pub(crate) fn new(options: &'a ContextOptions) -> Result<Self, ContextError> {
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
            rules: [None, None],
            rules_inside: [None, None],
        })
    }

    /// Takes note of an entry; of one that says what to leave out it gives back as much of the
    /// data as it has read.
    pub(crate) fn note(
        &mut self,
        entry: &Entry,
        data: &mut dyn Data,
    ) -> Result<Option<Vec<u8>>, ContextError> {
        let name = &entry.name;
        let path = normalise(name).map_err(|fault| refuse::name(name, fault))?;
        let inside = path.iter().position(|byte| *byte == b'/').map(|slash| &path[slash + 1..]);
        self.note_top(&path, inside.is_some() || entry.kind == Kind::Folder);
        self.found |= path == self.asked;
        self.found_inside |= inside == Some(&self.asked);
        if !self.options.ignore {
            return Ok(None);
        }
        for (index, name) in self.names.iter().enumerate() {
            let rules = if path == *name {
                &mut self.rules
            } else if inside == Some(name) {
                &mut self.rules_inside
            } else {
                continue;
            };
            let (found, read) = Rules::of(entry, data)?;
            rules[index] = found;
            return Ok(Some(read));
        }
        Ok(None)
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

    /// What holds if nothing else comes.
    fn promise(&self) -> Promise {
        let ignore = self.chosen().map(|(index, rules)| (index, rules.clone()));
        Promise { top: self.stripped().to_vec(), ignore }
    }

    /// Whether the tree still begins where it was promised.
    pub(crate) fn keeps_top(&self, promise: &Promise) -> bool {
        self.stripped() == promise.top
    }

    /// Whether what is left out is still what was promised.
    pub(crate) fn keeps_ignore(&self, promise: &Promise) -> bool {
        self.chosen() == promise.ignore.as_ref().map(|(index, rules)| (*index, rules))
    }

    fn findings(&self, promise: &Promise) -> Result<Findings, ContextError> {
        let ignore = match &promise.ignore {
            Some((index, rules)) => {
                let file = String::from_utf8_lossy(&self.names[*index]);
                match rules {
                    Rules::Text(text) => Ignore::parse(text, &file)?,
                    Rules::Link(target) => return Err(Ignore::linked(&file, target)),
                }
            }
            None => Ignore::nothing(),
        };
        Ok(Findings { top: promise.top.clone(), ignore })
    }

    /// What the first of the files says that is there.
    fn chosen(&self) -> Option<(usize, &Rules)> {
        let rules = if self.stripped().is_empty() { &self.rules } else { &self.rules_inside };
        rules.iter().enumerate().find_map(|(index, rules)| Some((index, rules.as_ref()?)))
    }

    /// The folder to begin with. Everything is in it, so that the Dockerfile can only be
    /// found from outside when its path begins with that folder too.
    fn stripped(&self) -> &[u8] {
        match &self.top {
            Top::Folder(folder)
                if self.options.strip == Strip::SingleTopFolder
                    && !self.found
                    && (below(&self.asked, folder).is_none() || self.found_inside) =>
            {
                folder
            }
            Top::Nothing | Top::Folder(_) | Top::More => &[],
        }
    }
}

fn first(path: &[u8]) -> &[u8] {
    path.split(|byte| *byte == b'/').next().unwrap_or_default()
}

impl Rules {
    /// What an entry of the file's name says, and as much of its data as that took: a byte more at
    /// most than the text may have.
    fn of(entry: &Entry, data: &mut dyn Data) -> Result<(Option<Self>, Vec<u8>), ContextError> {
        match entry.kind {
            Kind::File => {}
            Kind::Symlink | Kind::HardLink => {
                return Ok((Some(Self::Link(entry.target.clone())), Vec::new()));
            }
            Kind::Folder => return Ok((None, Vec::new())),
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
        Ok((Some(Self::Text(text.clone())), text))
    }
}

//! What each entry must be like, beside and above those that came before it.

use crate::ContextError;
use crate::links::{Leads, Links, LinksFault};
use crate::path::{PathFault, Target, judge_target};
use crate::places::{Known, PlaceFault, Places};
use crate::refuse;

/// What an entry is, with what only that kind has. A target is as its sender wrote it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape<'a> {
    File,
    Folder,
    Symlink { target: &'a [u8] },
    HardLink { target: &'a [u8], original: &'a [u8] },
}

/// The memory of a context while it is read: its symlinks, and what stands where.
pub(crate) struct Rules {
    links: Links,
    places: Places,
    most_entries: u64,
}

impl Rules {
    pub(crate) fn new(most_entries: u64) -> Self {
        Self { links: Links::default(), places: Places::new(most_entries), most_entries }
    }

    /// Judges an entry that wants to stand at `path`, called `name` by its sender, and notes
    /// it there.
    pub(crate) fn admit(
        &mut self,
        name: &[u8],
        path: &[u8],
        shape: Shape<'_>,
    ) -> Result<(), ContextError> {
        if let Some(link) = self.links.above(path) {
            return Err(refuse::behind_symlink(name, link));
        }
        match shape {
            Shape::File | Shape::Folder => self.links.forget(path),
            Shape::Symlink { target } => self.admit_symlink(path, target)?,
            Shape::HardLink { target, original } => {
                self.admit_hard_link(path, target, original)?;
            }
        }
        self.put(path, shape)
    }

    /// Judges what can be judged only now that all entries are known.
    pub(crate) fn check_all(&self) -> Result<(), ContextError> {
        self.links.check_winding().map_err(|fault| match fault {
            LinksFault::Outside(path) => {
                let target = self.links.target(&path).unwrap_or_default();
                refuse::symlink(&path, target, PathFault::Leaves)
            }
            LinksFault::TooMany | LinksFault::TooTangled => refuse::tangled(),
        })
    }

    /// Where a path of the context leads.
    pub(crate) fn leads(&self, path: &[u8]) -> Leads {
        self.links.leads(path)
    }

    fn put(&mut self, path: &[u8], shape: Shape<'_>) -> Result<(), ContextError> {
        let put = match shape {
            Shape::Folder => self.places.put_folder(path),
            Shape::File | Shape::Symlink { .. } | Shape::HardLink { .. } => {
                self.places.put_leaf(path)
            }
        };
        put.map_err(|fault| match fault {
            PlaceFault::BelowFile(file) => refuse::below_file(path, file),
            PlaceFault::AboveEntries => refuse::above_entries(path),
            PlaceFault::TooMany => refuse::too_many(self.most_entries, path),
        })
    }

    fn admit_symlink(&mut self, path: &[u8], target: &[u8]) -> Result<(), ContextError> {
        if target.is_empty() {
            return Err(refuse::no_target(path));
        }
        let winding = match judge_target(path, target) {
            Ok(Target::Inside) => false,
            Ok(Target::Winding) => true,
            Err(fault) => return Err(refuse::symlink(path, target, fault)),
        };
        self.links.keep(path, target, winding).map_err(|_| refuse::tangled())
    }

    /// Unlike a symlink's, a hard link's target starts at the top and means an entry that
    /// came before.
    fn admit_hard_link(
        &mut self,
        path: &[u8],
        target: &[u8],
        original: &[u8],
    ) -> Result<(), ContextError> {
        if let Some(link) = self.links.above(original) {
            return Err(refuse::behind_symlink(target, link));
        }
        match self.places.at(original) {
            Known::Leaf if original != path => {}
            // The engine would take the old entry away first, and then link to nothing.
            Known::Leaf => return Err(refuse::linked_to_itself(path)),
            Known::Folder => return Err(refuse::linked_to_folder(path, target)),
            Known::Nothing => return Err(refuse::linked_to_nothing(path, target)),
        }
        // A hard link to a symlink is that symlink again, read from another folder.
        match self.links.target(original).map(<[u8]>::to_vec) {
            Some(target) => self.admit_symlink(path, &target),
            None => {
                self.links.forget(path);
                Ok(())
            }
        }
    }
}

//! What stands where in an archive, kept for as long as it is read.
//!
//! A file cannot have entries below it, and a hard link needs the file that it is another
//! name of. An engine finds either only when it unpacks, and blames itself. Kept is a keyed
//! hash for each path and one byte for what is there: about 20 bytes an entry, 4 MiB at the
//! limit of 200,000.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, DefaultHasher, Hasher as _, RandomState};

/// Folders count too that have no entry of their own, and a single path can name a thousand
/// of them: so many places are kept for each entry that is allowed.
const PLACES_FOR_ONE: u64 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A file or a link.
    Leaf,
    Folder,
    /// A folder with something in it.
    Inhabited,
}

/// Why an entry cannot stand where it wants to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlaceFault<'a> {
    /// There is a file or link at this path, which is above it.
    BelowFile(&'a [u8]),
    /// It is a file or link, and there are entries below its path.
    AboveEntries,
    /// There are more places than can be kept.
    TooMany,
}

/// What a path is known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Leaf,
    Folder,
    Nothing,
}

pub(crate) struct Places {
    hashing: RandomState,
    places: HashMap<u64, Place>,
    most: u64,
}

impl Places {
    pub(crate) fn new(most_entries: u64) -> Self {
        Self {
            hashing: RandomState::new(),
            places: HashMap::new(),
            most: most_entries.saturating_mul(PLACES_FOR_ONE),
        }
    }

    /// Puts a folder at `path`.
    pub(crate) fn put_folder<'a>(&mut self, path: &'a [u8]) -> Result<(), PlaceFault<'a>> {
        let hash = self.put_folders_above(path)?;
        let place = self.places.entry(hash).or_insert(Place::Folder);
        // A folder that comes after a file of its name takes its place.
        if *place == Place::Leaf {
            *place = Place::Folder;
        }
        self.check_number()
    }

    /// Puts a file or a link at `path`.
    pub(crate) fn put_leaf<'a>(&mut self, path: &'a [u8]) -> Result<(), PlaceFault<'a>> {
        let hash = self.put_folders_above(path)?;
        if self.places.insert(hash, Place::Leaf) == Some(Place::Inhabited) {
            return Err(PlaceFault::AboveEntries);
        }
        self.check_number()
    }

    /// What is at `path`.
    pub(crate) fn at(&self, path: &[u8]) -> Known {
        let mut walk = Walk::new(&self.hashing, path);
        while walk.next_folder().is_some() {}
        match self.places.get(&walk.end()) {
            Some(Place::Leaf) => Known::Leaf,
            Some(Place::Folder | Place::Inhabited) => Known::Folder,
            None => Known::Nothing,
        }
    }

    /// Notes the folders that lead to `path`, and gives the hash of `path` itself.
    fn put_folders_above<'a>(&mut self, path: &'a [u8]) -> Result<u64, PlaceFault<'a>> {
        let mut walk = Walk::new(&self.hashing, path);
        while let Some((folder, hash)) = walk.next_folder() {
            match self.places.entry(hash) {
                Entry::Vacant(place) => drop(place.insert(Place::Inhabited)),
                Entry::Occupied(mut place) => {
                    if place.insert(Place::Inhabited) == Place::Leaf {
                        return Err(PlaceFault::BelowFile(folder));
                    }
                }
            }
            self.check_number()?;
        }
        Ok(walk.end())
    }

    fn check_number(&self) -> Result<(), PlaceFault<'static>> {
        let count = u64::try_from(self.places.len()).unwrap_or(u64::MAX);
        if count > self.most { Err(PlaceFault::TooMany) } else { Ok(()) }
    }
}

/// The way down to a path, with the hash of each folder on it.
struct Walk<'a> {
    path: &'a [u8],
    walked: usize,
    hasher: DefaultHasher,
}

impl<'a> Walk<'a> {
    fn new(hashing: &RandomState, path: &'a [u8]) -> Self {
        Self { path, walked: 0, hasher: hashing.build_hasher() }
    }

    fn next_folder(&mut self) -> Option<(&'a [u8], u64)> {
        let rest = &self.path[self.walked..];
        let length = rest.iter().skip(1).position(|byte| *byte == b'/')? + 1;
        self.hasher.write(&rest[..length]);
        self.walked += length;
        Some((&self.path[..self.walked], self.hasher.finish()))
    }

    /// The hash of the path itself, once there is no folder more.
    fn end(mut self) -> u64 {
        self.hasher.write(&self.path[self.walked..]);
        self.hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_something_below_it_in_either_order() {
        let mut places = Places::new(100);
        places.put_leaf(b"a").unwrap();
        assert_eq!(places.put_leaf(b"a/b/c"), Err(PlaceFault::BelowFile(b"a")));
        let mut places = Places::new(100);
        places.put_leaf(b"a/b/c").unwrap();
        assert_eq!(places.put_leaf(b"a/b"), Err(PlaceFault::AboveEntries));
    }

    #[test]
    fn a_second_entry_of_a_name_takes_the_place_of_the_first() {
        let mut places = Places::new(100);
        places.put_leaf(b"a").unwrap();
        places.put_leaf(b"a").unwrap();
        places.put_folder(b"a").unwrap();
        places.put_leaf(b"a/b").unwrap();
        places.put_folder(b"a").unwrap();
        assert_eq!(places.put_leaf(b"a"), Err(PlaceFault::AboveEntries));
    }

    #[test]
    fn what_is_there() {
        let mut places = Places::new(100);
        places.put_leaf(b"a/b").unwrap();
        assert_eq!(places.at(b"a"), Known::Folder);
        assert_eq!(places.at(b"a/b"), Known::Leaf);
        assert_eq!(places.at(b"b"), Known::Nothing);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut places = Places::new(10);
        let deep = "d/".repeat(41) + "x";
        assert_eq!(places.put_leaf(deep.as_bytes()), Err(PlaceFault::TooMany));
    }
}

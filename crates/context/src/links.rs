//! The symlinks of an archive, kept for as long as it is read.
//!
//! Words alone do not tell where a path leads once symlinks stand in it. Three tricks need a
//! memory: writing to `a/b` when `a` is a symlink; a hard link to a symlink, which is the
//! same relative target read from another folder; and `..` after a symlink, which starts
//! from where that one points. Only symlinks are kept, under a keyed hash of their path, so
//! that the memory depends on their number and not on the size of the archive.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, DefaultHasher, Hasher as _, RandomState};

use crate::path::parts;

/// Bytes of targets and paths that are kept at most: 150,000 links with targets of 150 bytes.
const MOST_HELD: usize = 32 << 20;
/// What the map needs beside the bytes.
const COST_OF_ONE: usize = 64;
/// Symlinks followed in one path before Linux answers `ELOOP`.
const MOST_HOPS: u32 = 40;
/// Words looked at to resolve all winding links of one archive: a fraction of a second.
const MOST_STEPS: u32 = 2_000_000;

#[derive(Default)]
pub(crate) struct Links {
    hashing: RandomState,
    targets: HashMap<u64, Box<[u8]>>,
    /// Paths of the links that words alone cannot judge.
    winding: Vec<Box<[u8]>>,
    held: usize,
}

/// Where a path leads when the symlinks in it are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leads {
    /// To a path in the context, by way of so many symlinks.
    Inside {
        hops: u32,
    },
    Outside,
    /// In a circle, which opens nothing.
    Nowhere,
    /// It takes too many steps to tell.
    Unknown,
}

/// What the symlinks as a whole were refused for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinksFault {
    /// There are more than can be kept.
    TooMany,
    /// They are too tangled to be followed to the end.
    TooTangled,
    /// The link at this path leads out by way of another one.
    Outside(Vec<u8>),
}

impl Links {
    /// The first folder above `path` that is a symlink.
    pub(crate) fn above<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        if self.targets.is_empty() {
            return None;
        }
        let mut hasher = self.hashing.build_hasher();
        let mut end = 0;
        while let Some(length) = path[end..].iter().position(|byte| *byte == b'/') {
            hasher = below(&hasher, end == 0, &path[end..end + length]);
            if self.targets.contains_key(&hasher.finish()) {
                return path.get(..end + length);
            }
            end += length + 1;
        }
        None
    }

    /// The target of the symlink at `path`, if there is one.
    pub(crate) fn target(&self, path: &[u8]) -> Option<&[u8]> {
        if self.targets.is_empty() {
            return None;
        }
        self.targets.get(&self.hash(path)).map(AsRef::as_ref)
    }

    /// Remembers a symlink.
    pub(crate) fn keep(
        &mut self,
        path: &[u8],
        target: &[u8],
        winding: bool,
    ) -> Result<(), LinksFault> {
        self.held += target.len() + COST_OF_ONE;
        if winding {
            self.held += path.len() + COST_OF_ONE;
            self.winding.push(path.into());
        }
        if self.held > MOST_HELD {
            return Err(LinksFault::TooMany);
        }
        self.targets.insert(self.hash(path), target.into());
        Ok(())
    }

    /// Another entry took the place of whatever was at `path`.
    pub(crate) fn forget(&mut self, path: &[u8]) {
        if !self.targets.is_empty() {
            self.targets.remove(&self.hash(path));
        }
    }

    /// Follows the winding links, now that all others are known.
    pub(crate) fn check_winding(&self) -> Result<(), LinksFault> {
        let mut steps = MOST_STEPS;
        for path in &self.winding {
            match self.follow(path, &mut steps) {
                Leads::Inside { .. } | Leads::Nowhere => {}
                Leads::Outside => return Err(LinksFault::Outside(path.to_vec())),
                Leads::Unknown => return Err(LinksFault::TooTangled),
            }
        }
        Ok(())
    }

    /// Where `path` leads.
    pub(crate) fn leads(&self, path: &[u8]) -> Leads {
        self.follow(path, &mut MOST_STEPS.clone())
    }

    fn follow(&self, path: &[u8], steps: &mut u32) -> Leads {
        let mut todo: Vec<&[u8]> = parts(path).rev().collect();
        // One hasher for each folder on the way down, so that `..` is a step back.
        let mut way: Vec<DefaultHasher> = Vec::new();
        let mut hops = 0;
        while let Some(part) = todo.pop() {
            *steps = match steps.checked_sub(1) {
                Some(left) => left,
                None => return Leads::Unknown,
            };
            if part == b".." {
                if way.pop().is_none() {
                    return Leads::Outside;
                }
                continue;
            }
            let here = match way.last() {
                Some(folder) => below(folder, false, part),
                None => below(&self.hashing.build_hasher(), true, part),
            };
            match self.targets.get(&here.finish()) {
                Some(_) if hops == MOST_HOPS => return Leads::Nowhere,
                Some(target) => {
                    hops += 1;
                    todo.extend(parts(target).rev());
                }
                None => way.push(here),
            }
        }
        Leads::Inside { hops }
    }

    fn hash(&self, path: &[u8]) -> u64 {
        let mut hasher = self.hashing.build_hasher();
        for (index, part) in parts(path).enumerate() {
            hasher = below(&hasher, index == 0, part);
        }
        hasher.finish()
    }
}

/// The hasher of a path one part longer.
fn below(folder: &DefaultHasher, at_top: bool, part: &[u8]) -> DefaultHasher {
    let mut hasher = folder.clone();
    if !at_top {
        hasher.write(b"/");
    }
    hasher.write(part);
    hasher
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(pairs: &[(&str, &str)]) -> Links {
        let mut links = Links::default();
        for (path, target) in pairs {
            links.keep(path.as_bytes(), target.as_bytes(), true).unwrap();
        }
        links
    }

    #[test]
    fn a_symlink_above_is_found_at_any_depth() {
        let links = links(&[("a/b", "x"), ("c", "x")]);
        assert_eq!(links.above(b"a/b/c/d"), Some(&b"a/b"[..]));
        assert_eq!(links.above(b"c/d"), Some(&b"c"[..]));
        for path in [&b"a/b"[..], b"a/bb/c", b"c", b"a/c", b"cc/d"] {
            assert_eq!(links.above(path), None, "{path:?}");
        }
        assert_eq!(links.target(b"a/b"), Some(&b"x"[..]));
        assert_eq!(links.target(b"a/b/x"), None);
    }

    #[test]
    fn dots_after_a_symlink_start_from_where_it_points() {
        let links = links(&[
            ("deep/er/top", "../../folder"),
            ("inside", "deep/er/top/x"),
            ("outside", "deep/er/top/../.."),
        ]);
        assert_eq!(links.leads(b"inside"), Leads::Inside { hops: 2 });
        assert_eq!(links.leads(b"outside"), Leads::Outside);
        assert_eq!(links.check_winding(), Err(LinksFault::Outside(b"outside".to_vec())));
    }

    #[test]
    fn circles_and_tangles_end() {
        let circle = links(&[("a", "b"), ("b", "a")]);
        assert_eq!(circle.leads(b"a"), Leads::Nowhere);
        assert_eq!(circle.check_winding(), Ok(()));

        let mut tangle = Links::default();
        for _ in 0..2_000 {
            tangle.keep(b"a", "x/../".repeat(800).as_bytes(), true).unwrap();
        }
        assert_eq!(tangle.check_winding(), Err(LinksFault::TooTangled));
    }

    #[test]
    fn a_replaced_symlink_is_one_no_more() {
        let mut links = links(&[("a", "b")]);
        links.forget(b"a");
        assert_eq!(links.above(b"a/b"), None);
        assert_eq!(links.leads(b"a"), Leads::Inside { hops: 0 });
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut links = Links::default();
        let target = "x".repeat(4000);
        let refused = (0..20_000).find_map(|number: u32| {
            links.keep(number.to_string().as_bytes(), target.as_bytes(), false).err()
        });
        assert_eq!(refused, Some(LinksFault::TooMany));
    }
}

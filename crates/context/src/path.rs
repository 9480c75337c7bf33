//! Names of entries and targets of links, judged by their words alone.

/// The longest path that Linux opens.
const LONGEST_PATH: usize = 4096;
/// The longest name that the usual file systems hold.
const LONGEST_PART: usize = 255;

/// Why a name cannot be in a build context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathFault {
    Absolute,
    Leaves,
    Control,
    TooLong,
}

/// Where a symlink points, as far as the words tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Inside, whatever the other links are.
    Inside,
    /// Inside if the folders it names are folders: it has a `..` after a name, and were that
    /// name a symlink, `..` would start from where that one points.
    Winding,
}

/// A path as the words of a name mean it: without `.`, `..`, doubled slashes and a slash at
/// the end. The context itself is the empty path.
pub(crate) fn normalise(name: &[u8]) -> Result<Vec<u8>, PathFault> {
    check_bytes(name)?;
    let mut path = Vec::with_capacity(name.len());
    for part in parts(name) {
        if part == b".." {
            if path.is_empty() {
                return Err(PathFault::Leaves);
            }
            let parent = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            path.truncate(parent);
        } else {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(part);
        }
    }
    Ok(path)
}

/// Judges the target of a symlink at `path`, which is normalised.
pub(crate) fn judge_target(path: &[u8], target: &[u8]) -> Result<Target, PathFault> {
    check_bytes(target)?;
    let mut depth = parts(path).count().saturating_sub(1);
    let mut verdict = Target::Inside;
    let mut named = false;
    for part in parts(target) {
        if part == b".." {
            depth = depth.checked_sub(1).ok_or(PathFault::Leaves)?;
            if named {
                verdict = Target::Winding;
            }
        } else {
            depth += 1;
            named = true;
        }
    }
    Ok(verdict)
}

/// The words of a path, `..` among them.
pub(crate) fn parts(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."))
}

fn check_bytes(name: &[u8]) -> Result<(), PathFault> {
    if name.starts_with(b"/") {
        return Err(PathFault::Absolute);
    }
    if name.iter().any(u8::is_ascii_control) {
        return Err(PathFault::Control);
    }
    if name.len() >= LONGEST_PATH || parts(name).any(|part| part.len() > LONGEST_PART) {
        return Err(PathFault::TooLong);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_path() {
        for (name, path) in [
            ("a", "a"),
            ("./a//b/.", "a/b"),
            ("a/../b", "b"),
            ("a/b/../../c/", "c"),
            ("./", ""),
            ("", ""),
            ("..a/...", "..a/..."),
        ] {
            assert_eq!(normalise(name.as_bytes()), Ok(path.as_bytes().to_vec()), "{name:?}");
        }
        for (name, fault) in [
            ("/etc/passwd", PathFault::Absolute),
            ("..", PathFault::Leaves),
            ("a/../../a", PathFault::Leaves),
            ("a\0b", PathFault::Control),
            ("a\nb", PathFault::Control),
            ("\x7f", PathFault::Control),
            (&"a".repeat(256), PathFault::TooLong),
            (&"a/".repeat(2048), PathFault::TooLong),
        ] {
            assert_eq!(normalise(name.as_bytes()), Err(fault), "{name:?}");
        }
    }

    #[test]
    fn a_target_starts_from_the_folder_of_its_link() {
        for (path, target, verdict) in [
            ("a/b/link", "../../x", Ok(Target::Inside)),
            ("a/b/link", "../../../x", Err(PathFault::Leaves)),
            ("link", "..", Err(PathFault::Leaves)),
            ("link", ".", Ok(Target::Inside)),
            ("link", "a/../b", Ok(Target::Winding)),
            ("link", "a/../../b", Err(PathFault::Leaves)),
            ("a/link", "/a/x", Err(PathFault::Absolute)),
        ] {
            assert_eq!(judge_target(path.as_bytes(), target.as_bytes()), verdict, "{target:?}");
        }
    }
}

//! One entry of a tree, whatever it was read from.

/// What a build context can keep of a file's mode: setuid, setgid and sticky bits too,
/// as docker does. They are no danger before someone runs the image, who chose to.
pub(crate) const MODE_BITS: u32 = 0o7777;

/// The year 2242, the last in eleven octal digits. Later times are refused by some readers.
const LATEST_MTIME: u64 = 0o777_7777_7777;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Symlink,
    HardLink,
}

/// An entry as its sender described it; nothing of it is trusted yet.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) name: Vec<u8>,
    /// What a link points to.
    pub(crate) target: Vec<u8>,
    /// Bytes of data that follow; none but a file has any.
    pub(crate) size: u64,
    pub(crate) mode: u32,
    /// Seconds since 1970.
    pub(crate) mtime: u64,
}

/// A time that every reader takes. One before 1970 is read as an enormous number.
pub(crate) fn plausible_mtime(seconds: u64) -> u64 {
    i64::try_from(seconds).map_or(0, |_| seconds.min(LATEST_MTIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_no_reader_takes_are_brought_near() {
        let before_1970 = (-315_619_200_i64).cast_unsigned();
        for (seconds, plausible) in
            [(0, 0), (1_700_000_000, 1_700_000_000), (1 << 40, LATEST_MTIME), (before_1970, 0)]
        {
            assert_eq!(plausible_mtime(seconds), plausible);
        }
    }
}

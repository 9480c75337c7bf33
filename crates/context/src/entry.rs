//! One entry of a tree, whatever it was read from.

/// What a build context can keep of a file's mode: setuid, setgid and sticky bits too,
/// as docker does. They are no danger before someone runs the image, who chose to.
pub(crate) const MODE_BITS: u32 = 0o7777;

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

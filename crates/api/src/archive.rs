//! Whether bytes are a build context, by their beginning.
//!
//! The guard that reads every entry stands before the engine. Here at the door only what
//! can never become a build is turned away, while its sender is still there to be told.

use crate::error::Error;

/// A tar header is this long; nothing shorter can be one.
pub(crate) const HEAD_BYTES: usize = 512;

/// What archives begin with that a context can be: gzip, bzip2, xz, zstd, its frames that hold
/// nothing, and zip, also one without entries or after a marker of a split one.
const PACKED: [&[u8]; 7] = [
    &[0x1f, 0x8b, 0x08],
    b"BZh",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x07\x08",
];

macro_rules! unsupported {
    ($what:literal) => {
        concat!(
            "this is ",
            $what,
            ", which is not supported; tar, plain or compressed, and zip are"
        )
    };
}

/// What other things begin with, and what they are called.
const OTHERS: [(&[u8], &str); 9] = [
    (b"7z\xbc\xaf", unsupported!("7z")),
    (b"Rar!", unsupported!("rar")),
    (b"\x5d\0\0", unsupported!("lzma")),
    (b"\x1f\x9d", unsupported!("compress's .Z")),
    (b"\x04\x22\x4d\x18", unsupported!("lz4")),
    (b"LZIP", unsupported!("lzip")),
    (b"!<arch>\n", unsupported!("an ar archive, such as a Debian package")),
    (b"--", "this looks like a multipart form; send the archive itself as the body"),
    (b"<", "this looks like a page of HTML or XML, not like an archive"),
];

/// Looks at the first [`HEAD_BYTES`] bytes, or at all where there are fewer.
pub(crate) fn check(head: &[u8]) -> Result<(), Error> {
    let head = head.get(..HEAD_BYTES).unwrap_or(head);
    if head.is_empty() {
        return Err(Error::EmptyBody);
    }
    // A zstd may begin with a frame to be skipped, of which there are sixteen kinds.
    let skipped = head.len() > 4 && head[0] & 0xf0 == 0x50 && head[1..4] == [0x2a, 0x4d, 0x18];
    if skipped || PACKED.iter().any(|magic| head.starts_with(magic)) || is_tar_header(head) {
        return Ok(());
    }
    // Two blocks of nothing are the end mark of an archive, here before any entry.
    if head.len() == HEAD_BYTES && head.iter().all(|byte| *byte == 0) {
        return Err(Error::NotAnArchive { found: "this is an empty tar: it has no files in it" });
    }
    let other = OTHERS.iter().find(|(magic, _)| head.starts_with(magic));
    let found = other.map_or("this is no tar, plain or compressed, and no zip", |(_, found)| found);
    Err(Error::NotAnArchive { found })
}

/// POSIX and GNU archives carry a magic; older ones only a checksum: the sum of the
/// header's bytes, its own eight counted as spaces, in octal at offset 148.
fn is_tar_header(head: &[u8]) -> bool {
    let Some(head) = head.first_chunk::<HEAD_BYTES>() else { return false };
    if &head[257..262] == b"ustar" {
        return true;
    }
    let digits: String =
        head[148..156].iter().map(|byte| char::from(*byte)).filter(char::is_ascii_digit).collect();
    let sum: u32 = head
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    u32::from_str_radix(&digits, 8).is_ok_and(|stored| stored == sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(magic: &[u8]) -> Vec<u8> {
        let mut head = vec![0_u8; HEAD_BYTES];
        head[..10].copy_from_slice(b"Dockerfile");
        head[257..257 + magic.len()].copy_from_slice(magic);
        head
    }

    #[test]
    fn tar_old_and_new_and_packed_and_zip() {
        for head in [
            &b"\x1f\x8b\x08\x00"[..],
            b"BZh9",
            b"\xfd7zXZ\0",
            b"\x28\xb5\x2f\xfd ",
            b"\x52\x2a\x4d\x18 ",
            b"PK\x03\x04",
        ] {
            assert!(check(head).is_ok(), "{head:?}");
        }
        assert!(check(&header(b"ustar\x0000")).is_ok());
        let mut old = header(b"");
        let sum: u32 = old.iter().map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
        old[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert!(check(&old).is_ok());
        old[0] ^= 1;
        assert!(check(&old).is_err());
    }

    #[test]
    fn what_else_it_is_is_said() {
        let said = |head: &[u8]| check(head).unwrap_err().to_string();
        assert_eq!(said(b""), "the request has no body");
        assert!(said(b"7z\xbc\xaf").contains("7z"));
        assert!(said(b"\x5d\0\0\x80\0").contains("lzma"));
        assert!(said(b"!<arch>\ndebian-binary").contains("Debian"));
        assert!(said(b"<!doctype html>").contains("HTML"));
        assert!(said(b"FROM scratch\n").contains("no tar"));
        // Of a body, as much comes at once as the network makes it.
        assert!(said(&[0; HEAD_BYTES]).contains("empty tar"));
        assert!(said(&[0; 2 * HEAD_BYTES]).contains("empty tar"));
        assert!(said(&[0; HEAD_BYTES - 1]).contains("no tar"));
        assert!(said(b"\x1f\x8b").contains("no tar"));
    }
}

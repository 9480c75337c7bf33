//! A tar in each compression, as its own tool reads it, and what is made to harm.

use std::io::Write as _;

use lzma_rust2::{XzOptions, XzWriter};
use slipway_domain::Reason;
use slipway_test_support::archives::{self, gzip};

use crate::zip_by_hand::Zip;
use crate::{guard, refusal};

pub(crate) fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

type Pack = fn(&[u8]) -> Vec<u8>;
pub(crate) const ALL: [(&str, Pack); 4] =
    [("gzip", gzip), ("bzip2", bzip2), ("xz", xz), ("zstd", zstd)];

#[test]
fn each_compression_passes_whole_or_in_parts() {
    let tar = archives::honest();
    let clean = guard(&*tar).unwrap();
    let (first, second) = tar.split_at(700);
    for (name, pack) in ALL {
        assert_eq!(guard(&*pack(&tar)).as_ref(), Ok(&clean), "{name}");
        let parts = [pack(first), pack(b""), pack(second)].concat();
        assert_eq!(guard(&*parts).as_ref(), Ok(&clean), "{name} in parts");
    }
    // zstd's parallel writers put a frame of their own in front.
    let skippable = [&b"\x50\x2a\x4d\x18\x04\0\0\0size"[..], &zstd(&tar)].concat();
    assert_eq!(guard(&*skippable).as_ref(), Ok(&clean));
}

#[test]
fn what_follows_is_taken_as_each_tool_takes_it() {
    let tar = archives::honest();
    for (name, pack) in ALL {
        let with = |end: &[u8]| guard(&*[&pack(&tar), end].concat()).map(drop);
        let ignores = matches!(name, "gzip" | "bzip2");
        assert_eq!(with(b"rubbish").is_ok(), ignores, "{name}");
        assert_eq!(with(&[0; 1024]).is_ok(), ignores || name == "xz", "{name}");
        // xz pads to words.
        assert_eq!(with(&[0; 1023]).is_ok(), ignores, "{name}");
    }
}

#[test]
fn every_cut_of_each_is_noticed() {
    let tar = archives::honest();
    for (name, pack) in ALL {
        let packed = pack(&tar);
        for length in 12..packed.len() {
            let failure = guard(&packed[..length]).expect_err(name);
            assert_eq!(failure.reason, Reason::ContextTruncated, "{name} at {length}: {failure}");
        }
    }
}

#[test]
fn damage_is_named_by_the_compression() {
    let data = archives::random_bytes(10_000);
    let tar = archives::Tar::with_dockerfile().file("data", &data).end();
    for (name, pack) in ALL {
        let mut packed = pack(&tar);
        let middle = packed.len() / 2;
        packed[middle] ^= 0xff;
        // zstd has a checksum only where it was asked for: random bytes may be other ones.
        if name == "zstd" {
            packed[8] ^= 0xff;
        }
        let failure = guard(&*packed).expect_err(name);
        let start = format!("the {name} compression of the build context is damaged");
        assert!(failure.message.starts_with(&start), "{name}: {failure}");
    }
}

#[test]
fn an_archive_in_an_archive_is_told() {
    let zip = Zip::with_dockerfile().end();
    let tar = archives::honest();
    for (outer, pack) in ALL {
        for (inner, packed) in [
            ("a zip file", zip.clone()),
            ("a gzip file", gzip(&tar)),
            ("a bzip2 file", bzip2(&tar)),
            ("an xz file", xz(&tar)),
            ("a zstd file", zstd(&tar)),
        ] {
            let (reason, message) = refusal(&*pack(&packed));
            assert_eq!(reason, Reason::ContextNotAnArchive);
            let expected =
                format!("the {outer} of the build context holds no tar archive but {inner}");
            assert_eq!(message, expected);
        }
    }
    let page = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>";
    let failure = guard(&page[..]).unwrap_err();
    assert_eq!(failure.message, "the build context is not an archive but an HTML page");
    assert!(failure.hint.unwrap().contains("see what the address answers"));
}

/// Four gigabytes to remember, for a file of a hundred bytes.
#[test]
fn a_dictionary_of_gigabytes_is_not_made() {
    let (reason, message) = refusal(&*xz_that_wants_memory());
    assert_eq!(reason, Reason::ContextTooLarge);
    assert_eq!(
        message,
        "the xz compression of the build context takes more than 128 MiB of memory to undo"
    );
    let (reason, message) = refusal(&*zstd_that_wants_memory());
    assert_eq!(reason, Reason::ContextTooLarge);
    assert_eq!(
        message,
        "the zstd compression of the build context takes more than 128 MiB of memory to undo"
    );
}

pub(crate) fn xz_that_wants_memory() -> Vec<u8> {
    let mut bytes = xz(&archives::honest());
    // Behind the header of the stream: the size of the block's header in words, its flags,
    // the filter, the length of its property, and the property, which is the dictionary.
    let header = 12..12 + (usize::from(bytes[12]) + 1) * 4;
    let dictionary = bytes[header.clone()].windows(2).position(|pair| pair == [0x21, 1]).unwrap();
    bytes[header.start + dictionary + 2] = 40;
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[header.start..header.end - 4]);
    bytes[header.end - 4..header.end].copy_from_slice(&crc.sum().to_le_bytes());
    bytes
}

pub(crate) fn zstd_that_wants_memory() -> Vec<u8> {
    // A frame without a size, with a window of two gigabytes, and one block as it is.
    [&b"\x28\xb5\x2f\xfd\x00\xa8\x21\x00\x00"[..], b"data"].concat()
}

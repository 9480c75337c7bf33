//! Small archives of every kind, honest and hostile, and what becomes of them when bytes
//! are changed: flipped, cut, moved from one into another, put in place of a length.
//!
//! They are made here, so that no binary lies in the repository. The fuzzer begins with the
//! same ones: `cargo test -p slipway-context --test guard write_corpus -- --ignored`.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use slipway_test_support::archives::{self, Tar};
use tar::EntryType;

use crate::harmless::assert_harmless;
use crate::packings::{self, bzip2, xz, xz_that_wants_memory, zstd, zstd_that_wants_memory};
use crate::zip_by_hand::{Packed, Zip, packed};

static CORPUS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(corpus);

/// Each with a name for its file.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let mut corpus: Vec<(String, Vec<u8>)> = archives::refused()
        .into_iter()
        .filter(|sample| sample.bytes.len() < 20_000)
        .map(|sample| (sample.name.replace([' ', ','], "-"), sample.bytes))
        .collect();
    let trees = [
        ("honest", archives::honest()),
        ("rich", rich_tar()),
        ("folded", folded_tar()),
        ("loop", symlink_loop()),
    ];
    for (name, tar) in trees {
        for (packing, pack) in packings::ALL {
            corpus.push((format!("{name}-{packing}"), pack(&tar)));
        }
        corpus.push((name.to_owned(), tar));
    }
    corpus.extend([
        ("zip".to_owned(), rich_zip()),
        ("zip-overlap".to_owned(), {
            let again = Packed { offset: Some(0), ..packed("Dockerfile", archives::DOCKERFILE) };
            Zip::with_dockerfile().add(&again).end()
        }),
        ("xz-dictionary".to_owned(), xz_that_wants_memory()),
        ("zstd-window".to_owned(), zstd_that_wants_memory()),
        ("nested".to_owned(), bzip2(&xz(&zstd(&archives::honest())))),
        ("page".to_owned(), b"<!doctype html><title>404</title>".to_vec()),
    ]);
    corpus
}

fn rich_tar() -> Vec<u8> {
    let long = "long/".repeat(40);
    Tar::with_dockerfile()
        .file(".dockerignore", b"*.o\n!keep.o\n**/tmp\n[a-c]?\\*\n")
        .folder("app")
        .file("app/data", &archives::random_bytes(700))
        .symlink("app/link", "../app/data")
        .hard_link("hard", "app/data")
        .file(&long, b"long")
        .symlink("long-link", &long)
        .pax(&[("path", b"pax/path"), ("size", b"3"), ("mtime", b"1.5")])
        .file("short", b"abc")
        .entry(EntryType::XGlobalHeader, b"pax_global_header", b"", b"52 comment=x\n", 0o644)
        .file("keep.o", b"")
        .end()
}

fn folded_tar() -> Vec<u8> {
    Tar::default()
        .folder("repo-1")
        .file("repo-1/.dockerignore", b"docs\n!docs/kept\n")
        .file("repo-1/Dockerfile", archives::DOCKERFILE)
        .file("repo-1/docs/kept", b"")
        .hard_link("repo-1/same", "repo-1/Dockerfile")
        .end()
}

fn symlink_loop() -> Vec<u8> {
    Tar::default()
        .symlink("Dockerfile", "a")
        .symlink("a", "b/../Dockerfile")
        .symlink("b", ".")
        .end()
}

fn rich_zip() -> Vec<u8> {
    Zip::with_dockerfile()
        .add(&Packed { method: 0, ..packed("stored", b"as it is") })
        .add(&Packed { descriptor: true, ..packed("app/streamed", b"sizes behind") })
        .add(&Packed { zip64: true, ..packed("app/wide", b"sizes of 64 bits") })
        .add(&Packed { mode: 0o040_755, ..packed("app/", b"") })
        .add(&Packed { system: 0, ..packed("on\\windows", b"") })
        .symlink("link", "app/wide")
        .file(".dockerignore", b"stored\n")
        .end_with(b"comment")
}

/// The samples themselves are no worse than what comes of them.
#[test]
fn every_sample_is_harmless_as_it_is() {
    let passed = CORPUS.iter().filter(|(_, archive)| assert_harmless(archive)).count();
    // All trees but the loop, in each packing, and the zip.
    assert_eq!(passed, 3 * 5 + 1);
}

/// Writes the samples for the fuzzer.
#[test]
#[ignore = "writes files"]
fn write_corpus() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/archive");
    std::fs::create_dir_all(folder).unwrap();
    for (name, archive) in corpus() {
        std::fs::write(format!("{folder}/{name}"), archive).unwrap();
    }
}

#[derive(Debug, Clone)]
enum Change {
    Byte(Index, u8),
    Cut(Index),
    /// A number where a length may be, in the order of zips or of compressions.
    Number(Index, u32, bool),
    /// Bytes of another sample, or of this one again.
    Splice {
        from: Index,
        start: Index,
        count: usize,
        to: Index,
        insert: bool,
    },
}

fn change() -> impl Strategy<Value = Change> {
    let numbers =
        vec![0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, u32::MAX];
    prop_oneof![
        6 => (any::<Index>(), any::<u8>()).prop_map(|(place, byte)| Change::Byte(place, byte)),
        1 => any::<Index>().prop_map(Change::Cut),
        3 => (any::<Index>(), select(numbers), any::<bool>())
            .prop_map(|(place, number, little)| Change::Number(place, number, little)),
        2 => (any::<Index>(), any::<Index>(), 1..600_usize, any::<Index>(), any::<bool>())
            .prop_map(|(from, start, count, to, insert)| {
                Change::Splice { from, start, count, to, insert }
            }),
    ]
}

fn apply(archive: &mut Vec<u8>, change: &Change, corpus: &[(String, Vec<u8>)]) {
    if archive.is_empty() {
        return;
    }
    match change {
        Change::Byte(place, byte) => {
            let place = place.index(archive.len());
            archive[place] = *byte;
        }
        Change::Cut(place) => archive.truncate(place.index(archive.len())),
        Change::Number(place, number, little) => {
            let bytes = if *little { number.to_le_bytes() } else { number.to_be_bytes() };
            let place = place.index(archive.len());
            for (to, from) in archive[place..].iter_mut().zip(bytes) {
                *to = from;
            }
        }
        Change::Splice { from, start, count, to, insert } => {
            let (_, other) = &corpus[from.index(corpus.len())];
            let start = start.index(other.len() + 1);
            let piece = &other[start..other.len().min(start + count)];
            let to = to.index(archive.len());
            let end = if *insert { to } else { archive.len().min(to + piece.len()) };
            archive.splice(to..end, piece.iter().copied());
        }
    }
}

/// How often: more with `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    ProptestConfig { cases: ProptestConfig::default().cases.max(500), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_change_makes_a_sample_harmful(sample: Index, changes in vec(change(), 1..6)) {
        let mut archive = sample.get(&CORPUS).1.clone();
        for change in &changes {
            apply(&mut archive, change, &CORPUS);
        }
        assert_harmless(&archive);
    }

    /// Behind the checksum of a compression, where no change of its bytes gets.
    #[test]
    fn no_change_inside_a_packing_is_harmful(
        rich: bool,
        packing in select(packings::ALL.map(|(_, pack)| pack).to_vec()),
        changes in vec(change(), 1..4),
        repaired in any::<Index>(),
    ) {
        let mut tar = if rich { rich_tar() } else { folded_tar() };
        for change in &changes {
            apply(&mut tar, change, &CORPUS);
        }
        crate::properties::repair_checksum(&mut tar, repaired.index(6_000));
        assert_harmless(&packing(&tar));
    }
}

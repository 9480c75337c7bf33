//! What holds for any archive, honest, odd or broken.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use slipway_domain::Reason;
use slipway_test_support::archives::{self, Tar};
use tar::{Builder, EntryType, Header};

use crate::guard;
use crate::model::{assert_stays_inside, entries};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Files with any name, mode and content arrive as they were sent.
    #[test]
    fn an_honest_tree_arrives(files in tree(), in_gzip: bool) {
        let mut builder = Builder::new(Vec::new());
        builder.append_data(&mut header(0, 0o644), "Dockerfile", &b""[..]).unwrap();
        for (path, (mode, data)) in &files {
            builder.append_data(&mut header(data.len() as u64, *mode), path, &**data).unwrap();
        }
        let tar = builder.into_inner().unwrap();
        let clean = guard(&*if in_gzip { archives::gzip(&tar) } else { tar }).unwrap();

        let seen = entries(&clean);
        prop_assert_eq!(seen.len(), files.len() + 1);
        for (entry, (path, (mode, data))) in seen[1..].iter().zip(&files) {
            prop_assert_eq!(entry.path.as_slice(), path.as_bytes());
            prop_assert_eq!((entry.mode, &entry.data), (*mode, data));
        }
        prop_assert_eq!(guard(&*clean), Ok(clean));
    }

}

// These two are quick, and what they look for is rare.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Of any tangle of links, files and folders, what passes stays inside.
    #[test]
    fn no_tangle_leads_out(steps in vec((kind(), words(4), words(6)), 1..24)) {
        let mut tar = Tar::with_dockerfile();
        for (kind, name, target) in &steps {
            tar = tar.entry(*kind, name.as_bytes(), target.as_bytes(), b"", 0o755);
        }
        match guard(&*tar.end()) {
            Ok(clean) => {
                assert_stays_inside(&clean);
                prop_assert_eq!(guard(&*clean), Ok(clean));
            }
            Err(failure) => prop_assert_eq!(failure.reason, Reason::ContextUnsafe),
        }
    }

    /// Nor do symlinks that go up again after one another, of which each reads well alone.
    #[test]
    fn no_winding_link_leads_out(links in vec((0..4_usize, 0..4_usize, 0..6_usize, 0..5_usize), 1..7)) {
        let place = |index: usize| {
            let (depth, ..) = links.get(index)?;
            Some(format!("{}l{index}", "d/".repeat(*depth)))
        };
        let mut tar = Tar::with_dockerfile();
        for (index, (depth, up, other, down)) in links.iter().enumerate() {
            let other = place(*other).unwrap_or_else(|| "d/d/d/d".to_owned());
            let target = format!("{}{other}{}", "../".repeat(*up.min(depth)), "/..".repeat(*down));
            tar = tar.symlink(&place(index).unwrap_or_default(), &target);
        }
        if let Ok(clean) = guard(&*tar.end()) {
            assert_stays_inside(&clean);
        }
    }

    /// Broken bytes neither panic nor hang nor get anything out.
    #[test]
    fn broken_archives_are_harmless(
        breaks in vec((any::<Index>(), any::<u8>()), 1..8),
        cut in proptest::option::of(any::<Index>()),
        in_gzip: bool,
        repair: bool,
    ) {
        let mut archive = sample();
        if in_gzip {
            archive = archives::gzip(&archive);
        }
        for (index, byte) in breaks {
            let place = index.index(archive.len());
            archive[place] = byte;
            // A broken header is found by its checksum; a repaired one is read and judged.
            if repair && !in_gzip {
                repair_checksum(&mut archive, place);
            }
        }
        if let Some(index) = cut {
            archive.truncate(index.index(archive.len()));
        }
        if let Ok(clean) = guard(&*archive) {
            assert_stays_inside(&clean);
            prop_assert_eq!(guard(&*clean), Ok(clean));
        }
    }
}

/// One of everything that has a parser.
fn sample() -> Vec<u8> {
    let long = "long/".repeat(40);
    Tar::with_dockerfile()
        .folder("app")
        .file("app/data", &archives::random_bytes(700))
        .symlink("app/link", "../app/data")
        .hard_link("hard", "app/data")
        .file(&long, b"long")
        .symlink("long-link", &long)
        .pax(&[("path", b"pax/path"), ("size", b"3"), ("mtime", b"1.5")])
        .file("short", b"abc")
        .pax(&[("linkpath", b"app/data")])
        .symlink("pax-link", "x")
        .end()
}

pub(crate) fn repair_checksum(tar: &mut [u8], place: usize) {
    let start = place - place % 512;
    if let Some(Ok(block)) = tar.get_mut(start..start + 512).map(<&mut [u8; 512]>::try_from) {
        let mut header = Header::from_byte_slice(block).clone();
        // Data that is no header stays broken as it is.
        if header.as_ustar().is_some() || header.as_gnu().is_some() {
            header.set_cksum();
            *block = *header.as_bytes();
        }
    }
}

fn header(size: u64, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(1);
    header
}

fn tree() -> impl Strategy<Value = std::collections::BTreeMap<String, (u32, Vec<u8>)>> {
    let part = "[a-zé ._-]{0,60}[a-zß]";
    let path = vec(part, 1..6).prop_map(|parts| parts.join("/"));
    let files = btree_map(path, (0..0o10000_u32, vec(any::<u8>(), 0..2_000)), 0..12);
    // No file is another one's folder.
    files.prop_filter("a file and a folder of one name", |files| {
        let is_above = |path: &String, other: &String| other.starts_with(&format!("{path}/"));
        !files.keys().any(|path| files.keys().any(|other| is_above(path, other)))
    })
}

fn kind() -> impl Strategy<Value = EntryType> {
    select(vec![
        EntryType::Regular,
        EntryType::Directory,
        EntryType::Symlink,
        EntryType::Symlink,
        EntryType::Symlink,
        EntryType::Link,
    ])
}

/// Few words, so that paths meet.
fn words(most: usize) -> impl Strategy<Value = String> {
    let word = select(vec!["a", "b", "c", "a", "b", "c", "..", "."]);
    vec(word, 1..=most).prop_map(|words| words.join("/"))
}

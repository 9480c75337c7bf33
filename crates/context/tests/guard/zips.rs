//! Zips: as people make them, and made to harm.

use slipway_context::{ContextError, ContextLimits};
use slipway_domain::Reason;
use slipway_test_support::archives::DOCKERFILE;
use tar::EntryType;

use crate::model::{Entry, assert_stays_inside, entries};
use crate::zip_by_hand::{Packed, Zip, deflate, packed};
use crate::{guard, refusal, run};

#[test]
fn a_zip_arrives_with_modes_links_and_times() {
    let zip = Zip::with_dockerfile()
        .add(&Packed { mode: 0o040_755, ..packed("app/", b"") })
        .add(&Packed { mode: 0o100_755, method: 0, ..packed("app/run.sh", b"#!/bin/sh\n") })
        .symlink("app/latest", "../app/run.sh")
        .add(&Packed { system: 0, mode: 0, ..packed("windows\\made\\this.txt", b"hello") })
        .add(&Packed { system: 0, mode: 0, ..packed("plain/", b"") })
        .add(&Packed { descriptor: true, ..packed("streamed", b"sizes behind") })
        .add(&Packed { zip64: true, ..packed("wide", b"sizes of 64 bits") })
        .add(&Packed { mode: 0, ..packed("zero", b"") })
        .file("twice", b"first")
        .file("twice", b"second")
        .file("case", b"")
        .file("CASE", b"")
        .end_with(b"da39a3ee5e6b4b0d3255bfef95601890afd80709");
    let clean = guard(&*zip).unwrap();
    assert_stays_inside(&clean);
    let of = |kind, path: &str, target: &str, mode, data: &[u8]| Entry {
        kind,
        path: path.into(),
        target: target.into(),
        mode,
        data: data.to_vec(),
    };
    let file = |path, mode, data| of(EntryType::Regular, path, "", mode, data);
    assert_eq!(
        entries(&clean),
        [
            file("Dockerfile", 0o644, DOCKERFILE),
            of(EntryType::Directory, "app/", "", 0o755, b""),
            file("app/run.sh", 0o755, b"#!/bin/sh\n"),
            of(EntryType::Symlink, "app/latest", "../app/run.sh", 0o777, b""),
            file("windows/made/this.txt", 0o644, b"hello"),
            of(EntryType::Directory, "plain/", "", 0o755, b""),
            file("streamed", 0o644, b"sizes behind"),
            file("wide", 0o644, b"sizes of 64 bits"),
            file("zero", 0o644, b""),
            file("twice", 0o644, b"first"),
            file("twice", 0o644, b"second"),
            file("case", 0o644, b""),
            file("CASE", 0o644, b""),
        ]
    );
    let mut tar = tar::Archive::new(&*clean);
    let first = tar.entries().unwrap().next().unwrap().unwrap();
    // 2025-01-01 12:00, which the zip says without a zone.
    assert_eq!(first.header().mtime().unwrap(), 1_735_732_800);
}

#[test]
fn each_trap_of_a_zip_is_refused_in_words() {
    let zip = Zip::with_dockerfile;
    let twice = deflate(b"some data that is there twice");
    for (zip, reason, message) in [
        (
            zip().file("../../etc/passwd", b"").end(),
            Reason::ContextUnsafe,
            r#""../../etc/passwd" in the build context leaves the build context"#,
        ),
        (
            zip().file("/etc/passwd", b"").end(),
            Reason::ContextUnsafe,
            r#""/etc/passwd" in the build context has an absolute path"#,
        ),
        (
            zip().add(&Packed { system: 0, ..packed("..\\..\\evil", b"") }).end(),
            Reason::ContextUnsafe,
            r#""../../evil" in the build context leaves the build context"#,
        ),
        (
            zip().file("a\0b", b"").end(),
            Reason::ContextUnsafe,
            r#""a\0b" in the build context has a control character in its name"#,
        ),
        (
            zip().symlink("etc", "../../etc").end(),
            Reason::ContextUnsafe,
            r#"the symlink "etc" points to "../../etc", outside the build context"#,
        ),
        (
            zip().symlink("long", &"a/".repeat(4_000)).end(),
            Reason::ContextUnsafe,
            r#"the symlink "long" points to a name that is too long"#,
        ),
        (
            zip().symlink("link", "real").file("link/file", b"").end(),
            Reason::ContextUnsafe,
            r#""link/file" in the build context lies behind the symlink "link""#,
        ),
        (
            zip().add(&Packed { mode: 0o060_644, ..packed("disk", b"") }).end(),
            Reason::ContextUnsafe,
            r#""disk" in the build context is a block device"#,
        ),
        (
            zip().add(&Packed { names: ["good".into(), "evil".into()], ..packed("", b"") }).end(),
            Reason::ContextUnsafe,
            r#""good" in the build context's zip is one thing in the directory and another in front of its data"#,
        ),
        (
            zip().add(&Packed { offset: Some(0), ..packed("Dockerfile", DOCKERFILE) }).end(),
            Reason::ContextUnsafe,
            "the file at byte 0 in the build context's zip shares bytes with something else",
        ),
        (
            zip().add(&Packed { flags: 1, ..packed("secret", b"x") }).end(),
            Reason::ContextNotAnArchive,
            r#""secret" in the build context's zip is encrypted"#,
        ),
        (
            zip().add(&Packed { method: 14, ..packed("odd", b"x") }).end(),
            Reason::ContextNotAnArchive,
            r#""odd" in the build context's zip is packed with LZMA"#,
        ),
        (
            zip().add(&Packed { lie: 1, ..packed("liar", b"data") }).end(),
            Reason::ContextNotAnArchive,
            r#""liar" in the build context's zip has more or fewer bytes than its directory says"#,
        ),
        (
            zip().add(&Packed { lie: u32::MAX, ..packed("liar", b"data") }).end(),
            Reason::ContextNotAnArchive,
            r#""liar" in the build context's zip has more or fewer bytes than its directory says"#,
        ),
        (
            zip()
                .add(&Packed {
                    packed: Some(twice),
                    ..packed("crc", b"some data that is not thereany")
                })
                .end(),
            Reason::ContextNotAnArchive,
            "",
        ),
    ] {
        let (got, text) = refusal(&*zip);
        assert_eq!(got, reason, "{text}");
        assert!(message.is_empty() || text == message, "{text}");
    }
}

#[test]
fn a_damaged_checksum_is_noticed() {
    let mut zip = Zip::with_dockerfile()
        .add(&Packed { method: 0, ..packed("data", b"the original bytes") })
        .end();
    let place = zip.windows(8).position(|bytes| bytes == b"original").unwrap();
    zip[place] ^= 1;
    let (reason, message) = refusal(&*zip);
    assert_eq!(reason, Reason::ContextNotAnArchive);
    assert_eq!(message, r#""data" in the build context's zip is damaged"#);
}

#[test]
fn every_cut_of_a_zip_is_noticed() {
    let zip = Zip::with_dockerfile().file("a/b", b"data").end_with(b"comment");
    for length in 4..zip.len() {
        let failure = guard(&zip[..length]).expect_err("a cut zip");
        assert!(
            matches!(failure.reason, Reason::ContextTruncated | Reason::ContextNotAnArchive),
            "at {length}: {failure}"
        );
    }
}

#[test]
fn an_empty_zip_has_no_dockerfile() {
    let (reason, message) = refusal(&*Zip::default().end());
    assert_eq!(reason, Reason::DockerfileMissing);
    assert_eq!(message, r#"the build context has no file "Dockerfile"; it is empty"#);
}

#[test]
fn a_bomb_in_a_zip_is_stopped() {
    let zip = Zip::with_dockerfile().file("zeros", &vec![0; 4 << 20]).end();
    let limits = ContextLimits { bytes: 1 << 20, ..ContextLimits::default() };
    let error = run(&*zip, &limits, "Dockerfile", std::io::sink());
    let Err(ContextError::Refused(failure)) = error else { panic!("{error:?}") };
    assert_eq!(
        failure.message,
        r#"the build context has more than 1 MiB unpacked, at entry "zeros""#
    );

    // Each file is small; together they are too many bytes for what was sent.
    let bomb = (0..80).fold(Zip::with_dockerfile(), |zip, number| {
        let zeros = vec![0; 8 << 20];
        zip.file(&format!("zeros-{number}"), &zeros)
    });
    let error = run(&*bomb.end(), &ContextLimits::default(), "Dockerfile", std::io::sink());
    let Err(ContextError::Refused(failure)) = error else { panic!("{error:?}") };
    let start = "the build context grows too much when unpacked: ";
    assert!(failure.message.starts_with(start), "{failure}");
}

#[test]
fn a_zip_of_too_many_names_is_refused() {
    let zip =
        (0..50).fold(Zip::with_dockerfile(), |zip, number| zip.file(&format!("f{number}"), b""));
    let zip = zip.end();
    for (entries, passes) in [(51, true), (50, false), (10, false)] {
        let limits = ContextLimits { entries, ..ContextLimits::default() };
        let result = run(&*zip, &limits, "Dockerfile", std::io::sink());
        assert_eq!(result.is_ok(), passes, "{entries}");
    }
}

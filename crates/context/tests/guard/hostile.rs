//! Archives made to harm.

use slipway_domain::Reason;
use slipway_test_support::archives::{self, Tar};
use tar::EntryType;

use crate::made::once;
use crate::{guard, refusal};

#[test]
fn each_sample_is_refused_for_its_own_reason() {
    for sample in archives::refused() {
        let failure = guard(&*sample.bytes).expect_err(sample.name);
        let reason = serde_json::to_value(failure.reason).unwrap();
        assert_eq!(reason, sample.reason, "{}: {failure}", sample.name);
        assert!(failure.hint.is_some(), "{}", sample.name);

        let in_gzip = guard(&*archives::gzip(&sample.bytes)).expect_err(sample.name);
        // What is no tar in a gzip is told as that.
        if !sample.name.contains("zip") {
            assert_eq!(in_gzip.reason, failure.reason, "{} in gzip", sample.name);
        }
    }
}

#[test]
fn the_message_names_the_entry_and_the_rule() {
    for (archive, message) in [
        (
            archives::parent_traversal(),
            r#""../../etc/passwd" in the build context leaves the build context"#,
        ),
        (archives::absolute_path(), r#""/etc/passwd" in the build context has an absolute path"#),
        (
            archives::symlink_out(),
            r#"the symlink "etc" points to "../../etc", outside the build context"#,
        ),
        (
            archives::absolute_symlink(),
            r#"the symlink "passwd" points to "/etc/passwd", outside the build context"#,
        ),
        (
            archives::behind_symlink(),
            r#""link/file" in the build context lies behind the symlink "link""#,
        ),
        (
            archives::hard_link_out(),
            r#"the hard link "passwd" points to "../../etc/passwd", outside the build context"#,
        ),
        (
            archives::hard_link_to_symlink_out(),
            r#"the symlink "up" points to "../../top", outside the build context"#,
        ),
        (
            archives::winding_symlink_out(),
            r#"the symlink "out" points to "a/b/up/../../etc", outside the build context"#,
        ),
        (archives::device(), r#""disk" in the build context is a block device"#),
        (archives::named_pipe(), r#""pipe" in the build context is a named pipe"#),
    ] {
        assert_eq!(refusal(&*archive), (Reason::ContextUnsafe, message.to_owned()));
    }
}

#[test]
fn what_no_engine_could_unpack_is_named() {
    let tar = Tar::with_dockerfile;
    for (archive, message) in [
        (
            tar().hard_link("a", "gone/b"),
            r#"the hard link "a" points to "gone/b", which does not come before it in the archive"#,
        ),
        (
            tar().hard_link("a", "b").file("b", b""),
            r#"the hard link "a" points to "b", which does not come before it in the archive"#,
        ),
        (
            tar().folder("b").hard_link("a", "b"),
            r#"the hard link "a" points to "b", which is a folder"#,
        ),
        (
            tar().file("a", b"").hard_link("a", "./a"),
            r#"the hard link "a" points to "a", which is itself"#,
        ),
        (
            tar().file("a", b"").file("a/b", b""),
            r#""a/b" in the build context lies below "a", which is a file there and no folder"#,
        ),
        (
            tar().file("a/b", b"").file("a", b""),
            r#""a" in the build context is there as a file and as a folder with entries"#,
        ),
        (
            tar().folder("a").file("a/b", b"").symlink("a", "b"),
            r#""a" in the build context is there as a file and as a folder with entries"#,
        ),
    ] {
        assert_eq!(refusal(&*archive.end()), (Reason::ContextUnsafe, message.to_owned()));
    }
}

#[test]
fn a_name_is_judged_wherever_it_stands() {
    let long = format!("{}/../../../etc", "d".repeat(120));
    for archive in [
        Tar::with_dockerfile().pax(&[("path", b"../x")]).file("fine", b"").end(),
        Tar::with_dockerfile().pax(&[("linkpath", b"/etc")]).symlink("a", "fine").end(),
        Tar::with_dockerfile().file(&long, b"").end(),
        Tar::with_dockerfile().symlink("a", &long).end(),
        Tar::with_dockerfile().pax(&[("path", b"a\0b")]).file("fine", b"").end(),
        Tar::with_dockerfile().file("a\nb", b"").end(),
        Tar::with_dockerfile().file("a\x1b]0;b", b"").end(),
        Tar::with_dockerfile().file(&"n".repeat(300), b"").end(),
        Tar::with_dockerfile().file("", b"").end(),
        Tar::with_dockerfile().symlink(".", "a").end(),
        Tar::with_dockerfile().file("a/..", b"").end(),
        Tar::with_dockerfile().symlink("a", "").end(),
        Tar::with_dockerfile().hard_link("a", "./").end(),
        Tar::with_dockerfile().symlink("s", "d").hard_link("h", "s/x").end(),
        Tar::with_dockerfile().entry(EntryType::Char, b"null", b"", b"", 0o666).end(),
        Tar::with_dockerfile().entry(EntryType::GNUSparse, b"s", b"", b"", 0o644).end(),
        Tar::with_dockerfile().pax(&[("GNU.sparse.major", b"1")]).file("s", b"").end(),
        Tar::with_dockerfile().entry(EntryType::new(b'V'), b"label", b"", b"", 0o644).end(),
    ] {
        let (reason, message) = refusal(&*archive);
        assert_eq!(reason, Reason::ContextUnsafe, "{message}");
        assert!(!message.contains(char::is_control) && message.chars().count() < 500, "{message}");
    }
}

#[test]
fn a_hidden_entry_stays_hidden() {
    // Two readers that disagree on a size see different entries in the same bytes. Here the
    // pax record covers up a header that a reader of the plain field would meet.
    let inner = Tar::default().file("../evil", b"").without_end();
    let header = Tar::with_dockerfile()
        .pax(&[("size", inner.len().to_string().as_bytes())])
        .header(EntryType::Regular, b"cover", b"", 0, 0o644);
    let clean = guard(&*header.data(&inner).end()).unwrap();

    let names: Vec<String> = tar::Archive::new(&*clean)
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect();
    assert_eq!(names, ["Dockerfile", "cover"]);
}

#[test]
fn a_name_of_gigabytes_is_not_read() {
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
        let archive =
            Tar::with_dockerfile().header(kind, b"extension", b"", 1 << 33, 0).without_end();
        let endless = once(std::io::Read::chain(&*archive, std::io::repeat(b'a')));
        let (reason, message) = refusal(endless);
        assert_eq!(reason, Reason::ContextUnsafe);
        assert_eq!(message, "an entry of the build context has 8 GiB of extended header");
    }
}

#[test]
fn a_dockerfile_that_leads_out_is_refused() {
    for target in ["../Dockerfile", "/etc/passwd", "a/../../x"] {
        let archive = Tar::default().symlink("Dockerfile", target).end();
        assert_eq!(refusal(&*archive).0, Reason::ContextUnsafe, "{target}");
    }
}

#[test]
fn a_circle_of_symlinks_is_no_dockerfile() {
    let tar =
        Tar::default().symlink("Dockerfile", "a").symlink("a", "b/Dockerfile").symlink("b", ".");
    assert_eq!(refusal(&*tar.end()).0, Reason::DockerfileMissing);
}

/// Slipway builds on Linux, where these are two files.
#[test]
fn names_that_differ_in_case_are_two() {
    let tar = Tar::with_dockerfile().file("readme", b"a").file("README", b"b").folder("ReadMe");
    assert_eq!(crate::model::entries(&guard(&*tar.end()).unwrap()).len(), 4);
}

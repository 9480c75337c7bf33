//! Archives that went wrong on their way, or were never any.

use std::io::{self, Read};

use slipway_context::{ContextError, ContextLimits};
use slipway_domain::Reason;
use slipway_test_support::archives::{self, Tar};

use crate::made::once;
use crate::{guard, guard_for, refusal, run};

#[test]
fn every_cut_is_noticed() {
    let tar = archives::honest();
    // The second block of the end mark may be missing.
    for length in 1..tar.len() - 512 {
        let failure = guard(&tar[..length]).expect_err("a cut tar");
        let expected =
            if length < 512 { Reason::ContextNotAnArchive } else { Reason::ContextTruncated };
        assert_eq!(failure.reason, expected, "at {length}: {failure}");
    }
    let gzip = archives::gzip(&tar);
    for length in 3..gzip.len() {
        let failure = guard(&gzip[..length]).expect_err("a cut gzip");
        assert_eq!(failure.reason, Reason::ContextTruncated, "at {length}: {failure}");
    }
}

#[test]
fn a_sloppy_end_is_forgiven() {
    let tar = archives::honest();
    let clean = guard(&*tar).unwrap();
    let gzip = archives::gzip(&tar);

    let one_zero_block = &tar[..tar.len() - 512];
    let one_and_a_half = &tar[..tar.len() - 256];
    let rubbish = [&tar[..], b"rubbish"].concat();
    let padded = [&tar[..], &[0; 10_000]].concat();
    let gzip_rubbish = [&gzip[..], b"rubbish"].concat();
    let gzip_padded = [&gzip[..], &[0; 10_000]].concat();
    let (first, second) = tar.split_at(700);
    let members = [archives::gzip(first), archives::gzip(b""), archives::gzip(second)].concat();
    for archive in [
        one_zero_block,
        one_and_a_half,
        &rubbish,
        &padded,
        &gzip,
        &gzip_rubbish,
        &gzip_padded,
        &members,
    ] {
        assert_eq!(guard(archive).as_ref(), Ok(&clean));
    }
}

#[test]
fn a_zero_block_in_the_middle_is_damage() {
    let tar = Tar::with_dockerfile().data(&[0; 512]).file("lost", b"").end();
    assert_eq!(refusal(&*tar).0, Reason::ContextNotAnArchive);
}

#[test]
fn what_is_no_archive_is_told_apart() {
    let mut broken = archives::honest();
    broken[1024] ^= 1;
    let data = archives::random_bytes(10_000);
    let mut broken_gzip = archives::gzip(&Tar::with_dockerfile().file("data", &data).end());
    broken_gzip[5_000] ^= 0xff;
    let xz = [&b"\xfd7zXZ\0"[..], &archives::random_bytes(1_000)].concat();
    let twice = archives::gzip(&archives::gzip(&archives::random_bytes(1_000)));
    for (archive, message) in [
        (Vec::new(), "the build context is empty"),
        (archives::gzip(b""), "the build context is empty: the gzip has nothing in it"),
        (b"x".to_vec(), "the build context is not an archive"),
        (archives::random_bytes(2_000), "the build context is not an archive"),
        (xz, "the xz compression of the build context is damaged"),
        (twice, "the gzip of the build context holds no tar archive but a gzip file"),
        (archives::DOCKERFILE.to_vec(), "the build context is not an archive but a Dockerfile"),
        (broken, "the tar archive of the build context is damaged near byte 1024"),
        (broken_gzip, "the gzip compression of the build context is damaged"),
    ] {
        assert_eq!(refusal(&*archive), (Reason::ContextNotAnArchive, message.to_owned()));
    }
    // Not even the checksum at the very end may be wrong.
    let mut gzip = archives::gzip(&archives::honest());
    let crc = gzip.len() - 8;
    gzip[crc] ^= 1;
    assert_eq!(refusal(&*gzip).0, Reason::ContextNotAnArchive);
}

#[test]
fn a_missing_dockerfile_is_explained() {
    let many = (0..12).fold(Tar::default(), |tar, number| tar.file(&format!("f{number}"), b""));
    for (archive, dockerfile, message, hint) in [
        (
            archives::no_dockerfile(),
            "Dockerfile",
            r#"the build context has no file "Dockerfile"; it has docker, main.c"#,
            "found docker/Dockerfile: set dockerfile to the one that is meant",
        ),
        (
            Tar::default().file("app/Dockerfile", b"").file("app/main.c", b"").end(),
            "Dockerfile",
            r#"the build context has no file "Dockerfile"; it has app"#,
            "found it as app/Dockerfile: archive the folder from inside it, as in: tar -C app -c .",
        ),
        (
            Tar::default().end(),
            "Dockerfile",
            r#"the build context has no file "Dockerfile"; it is empty"#,
            "add it to the archive; its path starts at the top of the archive",
        ),
        (
            many.end(),
            "a/Dockerfile",
            r#"the build context has no file "a/Dockerfile"; it has f0, f1, f2, f3, f4, f5, f6, f7, f8, f9 and more"#,
            "add it to the archive; its path starts at the top of the archive",
        ),
        (
            Tar::default().file("x/y/Dockerfile", b"").file("a.Dockerfile", b"").end(),
            "Dockerfile",
            r#"the build context has no file "Dockerfile"; it has x, a.Dockerfile"#,
            "found a.Dockerfile, x/y/Dockerfile: set dockerfile to the one that is meant",
        ),
        (
            Tar::default().folder("docker").end(),
            "docker",
            r#""docker" in the build context is a folder, not a Dockerfile"#,
            "name the file in it as the build's dockerfile",
        ),
    ] {
        let failure = guard_for(dockerfile, &*archive).unwrap_err();
        assert_eq!(failure.reason, Reason::DockerfileMissing);
        assert_eq!(failure.message, message);
        assert_eq!(failure.hint.as_deref(), Some(hint));
    }
}

#[test]
fn a_context_of_one_file_that_is_an_archive_is_told() {
    // Packed, so that it has no zeros at its end.
    let inner = archives::gzip(&archives::honest());
    for name in ["app.tar", "dist/App.ZIP", "x/y/app.tar.gz"] {
        let tar = Tar::default().folder("dist").file(name, &inner).end();
        for archive in [tar.clone(), archives::gzip(&tar)] {
            let (reason, message) = refusal(&*archive);
            assert_eq!(reason, Reason::ContextNotAnArchive);
            let told = format!("the build context holds nothing but another archive, \"{name}\"");
            assert_eq!(message, told);
        }
    }
    // Not where it is one file of several.
    let tar = Tar::default().file("app.tar", &inner).file("README", b"").end();
    assert_eq!(refusal(&*tar).0, Reason::DockerfileMissing);
}

#[test]
fn trouble_with_the_store_is_not_the_senders() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            // The kind that a cut gzip has too.
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "secret path /var/lib"))
        }
    }
    let tar = archives::honest();
    let gzip = archives::gzip(&tar);
    for start in [&tar[..0], &tar[..100], &tar[..1_000], &gzip[..50]] {
        let (reason, message) = refusal(once(start.chain(Broken)));
        assert_eq!(reason, Reason::ContextUnreadable);
        assert_eq!(message, "the stored build context could not be read");
    }
}

#[test]
fn a_receiver_that_hangs_up_is_told_apart() {
    struct HangsUp(usize);
    impl io::Write for HangsUp {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let tar = archives::honest();
    for room in [0, 512, 1_000, 2_000, 4_600] {
        let result = run(&*tar, &ContextLimits::default(), "Dockerfile", HangsUp(room));
        assert_eq!(result, Err(ContextError::ReceiverGone), "{room}");
    }
}

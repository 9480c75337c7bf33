//! Contexts that come from no archive: trees, texts, and streams that are put down first.

use std::collections::BTreeMap;

use slipway_context::{
    ContextError, ContextOptions, ContextWriter, Ignore, Spool, SpoolError, context_of_files,
    stream_tree,
};
use slipway_domain::{DockerfilePath, Failure, Reason};

use crate::model::entries;

fn options() -> ContextOptions {
    ContextOptions::default()
}

#[test]
fn a_tree_is_written_by_the_same_rules() {
    let write =
        |ignore: Ignore, fill: fn(&mut ContextWriter<&mut Vec<u8>>) -> Result<(), ContextError>| {
            let mut out = Vec::new();
            let options = ContextOptions { subdir: Some("sub".to_owned()), ..options() };
            let mut context = ContextWriter::new(&options, ignore, &mut out).unwrap();
            fill(&mut context)?;
            let summary = context.finish()?;
            assert_eq!(summary.bytes, out.len() as u64);
            Ok::<_, ContextError>(entries(&out))
        };
    let rules = || Ignore::parse(b"*.o", ".dockerignore").unwrap();
    let seen = write(rules(), |context| {
        context.file(b"README", 0o644, 5, std::io::empty())?;
        context.folder(b"sub/empty", 0o40755)?;
        assert!(context.wants(b"sub/Dockerfile")? && !context.wants(b"sub/a.o")?);
        context.file(b"sub/Dockerfile", 0o100_644, 5, &b"FROM x"[..])?;
        context.file(b"sub/a.o", 0o644, 1 << 40, std::io::empty())?;
        context.symlink(b"sub/link", b"Dockerfile")
    })
    .unwrap();
    let names: Vec<_> = seen.iter().map(|entry| entry.path.as_slice()).collect();
    assert_eq!(names, [&b"empty/"[..], b"Dockerfile", b"link"]);
    assert_eq!((seen[1].mode, seen[1].data.as_slice()), (0o644, &b"FROM "[..]));

    for (fill, reason) in [
        (
            (|context| context.symlink(b"sub/out", b"../../etc"))
                as fn(&mut ContextWriter<&mut Vec<u8>>) -> _,
            Reason::ContextUnsafe,
        ),
        (|context| context.file(b"../x", 0, 0, std::io::empty()), Reason::ContextUnsafe),
        (|context| context.file(b"sub/x", 0, 9, &b"short"[..]), Reason::ContextTruncated),
        (|context| context.file(b"sub/x", 0, 1 << 40, std::io::repeat(0)), Reason::ContextTooLarge),
        (|context| context.folder(b"sub/Dockerfile", 0), Reason::DockerfileMissing),
        (|context| context.file(b"sub/x", 0, 0, std::io::empty()), Reason::DockerfileMissing),
        (|_| Ok(()), Reason::SourceNotFound),
    ] {
        let Err(ContextError::Refused(failure)) = write(rules(), fill) else {
            panic!("{reason:?}")
        };
        assert_eq!(failure.reason, reason, "{failure}");
    }
}

#[tokio::test]
async fn a_tree_is_streamed() {
    use futures::StreamExt as _;
    let open = stream_tree(options(), Ignore::nothing(), |context| {
        context.file(b"Dockerfile", 0o644, 4, &b"FROM"[..])
    });
    let pieces: Vec<_> = open.stream.map(|piece| piece.unwrap().to_vec()).collect().await;
    assert_eq!(entries(&pieces.concat()).len(), 1);
    assert_eq!(open.done.await.unwrap().entries, 1);

    let broken = stream_tree(options(), Ignore::nothing(), |context| {
        context.file(b"Dockerfile", 0o644, 4, &b"FROM"[..])?;
        Err(Failure::new(Reason::Internal, "git broke off").into())
    });
    let pieces: Vec<_> = broken.stream.collect().await;
    assert!(pieces.last().unwrap().is_err());
    assert_eq!(broken.done.await.unwrap_err().to_string(), "git broke off");
}

#[test]
fn a_spool_knows_its_bytes_and_their_sum() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::new(folder.path(), 6).unwrap().hashing();
    spool.write(b"abc".as_slice()).unwrap();
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "it has no name");
    let spooled = spool.finish().unwrap();
    assert_eq!(spooled.bytes, 3);
    assert_eq!(spooled.sha256.unwrap()[..4], [0xba, 0x78, 0x16, 0xbf]);
    assert_eq!(std::io::read_to_string(spooled.file.unwrap()).unwrap(), "abc");

    let mut spool = Spool::new(folder.path(), 6).unwrap();
    spool.write(b"abcdef".as_slice()).unwrap();
    let error = spool.write(b"g".as_slice()).unwrap_err();
    assert!(matches!(error, SpoolError::TooLarge(6)));
    assert_eq!(Failure::from(error).message, "the archive has more than 6 bytes");
    let gone = Spool::new(&folder.path().join("gone"), 6).err().unwrap();
    assert!(matches!(gone, SpoolError::Failed(_)));
    assert_eq!(Failure::from(gone).reason, Reason::Internal);
}

#[test]
fn a_disk_that_is_full_is_told_apart() {
    // What the kernel says of a file that takes no more.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = std::io::Write::write_all(&mut &full, b"x").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(
        Failure::from(SpoolError::Full(error)).message,
        "the worker's disk has no room for the archive"
    );
}

#[test]
fn files_beside_a_dockerfile_stand_on_their_own() {
    let path = DockerfilePath::parse("docker/Dockerfile").unwrap();
    let with = |files: &[(&str, &str)]| {
        let files: BTreeMap<_, _> =
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        context_of_files("FROM scratch\n", &path, &files).map(drop).map_err(|e| e.to_string())
    };
    with(&[("app/main.c", "int x;"), ("./b", "")]).unwrap();
    for (files, message) in [
        (&[("../x", "")][..], r#""../x" in the build context leaves the build context"#),
        (&[("/x", "")], r#""/x" in the build context has an absolute path"#),
        (
            &[("./docker/Dockerfile", "")],
            r#"the file "./docker/Dockerfile" has the path of the Dockerfile"#,
        ),
        (&[("a", ""), ("b/../a", "")], r#"the file "b/../a" is there twice, in other words"#),
        (
            &[("docker", "")],
            r#""docker" in the build context is there as a file and as a folder with entries"#,
        ),
    ] {
        assert_eq!(with(files).unwrap_err(), message);
    }
}

#[test]
fn arguments_are_declared_in_the_dockerfile_and_nowhere_else() {
    let with = |fill: fn(&mut ContextWriter<&mut Vec<u8>>) -> Result<(), ContextError>| {
        let mut out = Vec::new();
        let declare = ["A".to_owned(), "B".to_owned()].into();
        let options = ContextOptions { declare, ..options() };
        let mut context = ContextWriter::new(&options, Ignore::nothing(), &mut out).unwrap();
        fill(&mut context)?;
        let summary = context.finish()?;
        assert_eq!(summary.bytes, out.len() as u64);
        Ok::<_, ContextError>(entries(&out))
    };
    let seen = with(|context| {
        context.file(b"sub/Dockerfile", 0o644, 6, &b"FROM x"[..])?;
        context.file(b"./Dockerfile", 0o600, 13, &b"FROM x\nRUN y\n"[..])?;
        context.file(b"other", 0o644, 6, &b"FROM x"[..])
    })
    .unwrap();
    let texts: Vec<_> = seen.iter().map(|entry| String::from_utf8_lossy(&entry.data)).collect();
    assert_eq!(texts, ["FROM x", "FROM x\nARG A\nARG B\nRUN y\n", "FROM x"]);
    assert_eq!(seen[1].mode, 0o600);

    for (fill, words) in [
        (
            (|context| context.symlink(b"Dockerfile", b"other"))
                as fn(&mut ContextWriter<&mut Vec<u8>>) -> _,
            "is a link",
        ),
        (|context| context.file(b"Dockerfile", 0, (1 << 20) + 1, std::io::repeat(0)), "1048576"),
        (|context| context.folder(b"Dockerfile", 0), "is a folder"),
        (|context| context.file(b"Dockerfile", 0, 9, &b"short"[..]), "ends in the middle"),
    ] {
        let Err(ContextError::Refused(failure)) = with(fill) else { panic!("{words}") };
        assert!(failure.message.contains(words) && failure.hint.is_some(), "{failure}");
    }
}

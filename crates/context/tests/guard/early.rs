//! Contexts that are sent while their archive still comes.

use std::io::Cursor;
use std::time::Duration;

use futures::StreamExt as _;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sha2::Digest as _;
use slipway_context::{
    ContextError, ContextOptions, ContextSummary, EarlyContext, EarlyError, Spool, Strip,
    copy_guarded, open_early,
};
use slipway_domain::{DockerfilePath, Reason};
use slipway_test_support::archives::{self, DOCKERFILE, Tar};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::packings;
use crate::zip_by_hand::Zip;

/// For a machine that has much else to do. An engine that stands still would be waited for for
/// longer, if it were waited for.
const SOON: Duration = Duration::from_secs(45);
/// Not soon: what does not come in this time is held back.
const A_WHILE: Duration = Duration::from_millis(200);
/// Bytes that are looked at: a few entries.
const LOOK: u64 = 4096;
/// Nothing is kept but what there is when the look is over; or all of it.
const KEEPS: [u64; 2] = [0, u64::MAX];

fn options() -> ContextOptions {
    ContextOptions { strip: Strip::SingleTopFolder, ignore: true, ..ContextOptions::default() }
}

/// An archive on its way.
struct Coming {
    _folder: TempDir,
    spool: Spool,
}

impl Coming {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path(), 1 << 30).unwrap();
        Self { _folder: folder, spool }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.spool.write(bytes.to_vec()).unwrap();
    }
}

/// What the builder gets of a stream, and whether it gets its end.
async fn taken(stream: slipway_context::ContextStream) -> (Vec<u8>, bool) {
    let pieces: Vec<_> = stream.collect().await;
    let is_whole = pieces.iter().all(Result::is_ok);
    (pieces.into_iter().flatten().flat_map(|piece| piece.to_vec()).collect(), is_whole)
}

type Went = (Vec<u8>, Result<ContextSummary, EarlyError>);

/// Sends an archive as it comes, with a look at its first `look` bytes.
async fn sent(archive: &[u8], options: &ContextOptions, look: u64, keep: u64) -> Option<Went> {
    let mut coming = Coming::new();
    let arriving = coming.spool.arriving().unwrap();
    let feeding = async {
        for piece in archive.chunks(64 << 10) {
            coming.write(piece);
            tokio::task::yield_now().await;
        }
        let spooled = coming.spool.finish().unwrap();
        spooled.let_end();
        spooled
    };
    let sending = async {
        let EarlyContext { stream, done } =
            open_early(arriving, options.clone(), look, keep).await?;
        let (clean, is_whole) = taken(stream).await;
        let done = done.await;
        assert_eq!(is_whole, done.is_ok());
        assert!(is_whole || !clean.ends_with(&[0; 1024]), "half a context has an end mark");
        Some((clean, done))
    };
    let (spooled, went) = timeout(SOON, async { tokio::join!(feeding, sending) }).await.unwrap();
    if let Some((_, Err(error))) = &went {
        match error {
            EarlyError::Anew => assert!(spooled.file.is_some(), "it is not kept"),
            EarlyError::Again => assert!(spooled.file.is_none(), "it is kept"),
            EarlyError::BrokeOff | EarlyError::Final(_) => {}
        }
    }
    went
}

/// The same, sent when it had come.
fn guarded(archive: &[u8], options: &ContextOptions) -> Result<Vec<u8>, ContextError> {
    let mut clean = Vec::new();
    copy_guarded(Cursor::new(archive), options, &mut clean).map(|_| clean)
}

/// Bytes that are not all zeros, so that no end mark is in them.
fn large() -> Vec<u8> {
    archives::random_bytes(300_000)
}

/// In a folder, with rules, all of it said by the first entries.
fn repository() -> Tar {
    Tar::default()
        .folder("repo-1")
        .file("repo-1/.dockerignore", b"docs\n")
        .file("repo-1/Dockerfile", DOCKERFILE)
        .file("repo-1/docs/left-out", b"")
        .file("repo-1/large", &large())
        .file("repo-1/z", b"last")
}

#[tokio::test]
async fn what_began_as_it_goes_on_is_sent_as_it_would_be_later() {
    let plain = Tar::with_dockerfile().file("large", &large()).file("z", b"last").end();
    for tar in [plain, repository().end()] {
        let mut packed = vec![tar.clone()];
        packed.extend(packings::ALL.map(|(_, pack)| pack(&tar)));
        for archive in packed {
            for keep in KEEPS {
                let went = sent(&archive, &options(), LOOK, keep).await;
                let (clean, done) = went.expect("it goes on");
                assert!(clean == guarded(&archive, &options()).unwrap());
                assert_eq!(done.unwrap().archive_bytes, archive.len() as u64);
            }
        }
    }
}

#[tokio::test]
async fn what_turns_out_otherwise_is_to_be_sent_anew() {
    let app = || Tar::default().file("app/Dockerfile", DOCKERFILE).file("app/large", &large());
    let plain = || Tar::with_dockerfile().file("large", &large());
    let with = |path: &str| ContextOptions {
        dockerfile: DockerfilePath::parse(path).unwrap(),
        ..options()
    };
    let in_deep = ContextOptions { subdir: Some("deep".into()), ..options() };
    for (what, tar, options) in [
        ("rules at the end", plain().file(".dockerignore", b"large\n"), options()),
        ("rules in the folder", app().file("app/.dockerignore", b"large\n"), options()),
        (
            "rules of the subdir",
            Tar::default()
                .file("deep/Dockerfile", DOCKERFILE)
                .file("deep/large", &large())
                .file("deep/.dockerignore", b"large\n")
                .file("z", b""),
            in_deep,
        ),
        (
            "the Dockerfile's own rules",
            repository().file("repo-1/Dockerfile.dockerignore", b"large\n"),
            options(),
        ),
        ("other rules", repository().file("repo-1/.dockerignore", b"large\n"), options()),
        ("rules that are a link", repository().symlink("repo-1/.dockerignore", "z"), options()),
        ("something beside the folder", app().file("README", b""), options()),
        ("another folder", app().folder("b"), options()),
        ("the Dockerfile at the top", app().file("Dockerfile", DOCKERFILE), options()),
        (
            "a folder of the same name inside",
            Tar::default()
                .file("app/large", &large())
                .file("app/z", b"")
                .file("app/app/Dockerfile", DOCKERFILE),
            with("app/Dockerfile"),
        ),
        // Rules that come later could leave it out.
        ("an entry that is refused", plain().symlink("out", "/etc"), options()),
        (
            "one that is refused and left out",
            plain().symlink("out", "/etc").file(".dockerignore", b"out\n"),
            options(),
        ),
    ] {
        let archive = tar.end();
        for keep in KEEPS {
            let (_, done) = sent(&archive, &options, LOOK, keep).await.expect(what);
            // Nothing but what came during the look may be kept, and that may be all.
            let is_anew = done == Err(EarlyError::Anew);
            assert!(is_anew || keep == 0 && done == Err(EarlyError::Again), "{what}: {done:?}");
        }
    }
    // What was promised and comes again is no other.
    let same = repository().file("repo-1/.dockerignore", b"docs\n").end();
    assert!(sent(&same, &options(), LOOK, 0).await.unwrap().1.is_ok());
}

#[tokio::test]
async fn what_is_missing_at_the_end_is_final() {
    let tar = Tar::default().file("a", &large()).file("b", b"").end();
    let (_, done) = sent(&tar, &options(), LOOK, 0).await.unwrap();
    let Err(EarlyError::Final(ContextError::Refused(failure))) = done else { panic!("{done:?}") };
    assert_eq!(failure.reason, Reason::DockerfileMissing);
}

#[tokio::test]
async fn what_cannot_be_begun_early() {
    let small = Tar::with_dockerfile().file("small", b"").end();
    let zip = Zip::with_dockerfile().file("large", &large()).end();
    let page = [b"<!doctype html>".to_vec(), large()].concat();
    for archive in [small, zip, page, Vec::new()] {
        assert!(sent(&archive, &options(), LOOK, 0).await.is_none());
    }
}

#[tokio::test]
async fn nothing_is_sent_before_the_look_is_over() {
    let archive = repository().end();
    let mut coming = Coming::new();
    let arriving = coming.spool.arriving().unwrap();
    let opening = open_early(arriving, options(), 1 << 20, 0);
    tokio::pin!(opening);
    coming.write(&archive[..200_000]);
    assert!(timeout(A_WHILE, &mut opening).await.is_err());
    // Then it breaks off.
    drop(coming);
    assert!(timeout(SOON, opening).await.unwrap().is_none());
}

#[tokio::test]
async fn the_end_is_held_back_until_it_is_known_to_be_good() {
    for is_good in [true, false] {
        let archive = repository().end();
        let mut coming = Coming::new();
        let arriving = coming.spool.arriving().unwrap();
        coming.write(&archive);
        let spooled = coming.spool.finish().unwrap();
        let EarlyContext { stream, done } = open_early(arriving, options(), LOOK, 0).await.unwrap();
        let taking = tokio::spawn(taken(stream));
        tokio::time::sleep(A_WHILE).await;
        assert!(!taking.is_finished(), "the whole of it was handed on");
        if is_good {
            spooled.let_end();
        }
        drop(spooled);
        let (clean, is_whole) = timeout(SOON, taking).await.unwrap().unwrap();
        assert_eq!(is_whole, is_good);
        assert_eq!(clean.ends_with(&[0; 1024]), is_good);
        assert_eq!(done.await.err(), (!is_good).then_some(EarlyError::BrokeOff));
    }
}

#[tokio::test]
async fn one_that_breaks_off_in_the_middle() {
    let archive = repository().end();
    let mut coming = Coming::new();
    let arriving = coming.spool.arriving().unwrap();
    coming.write(&archive[..200_000]);
    let EarlyContext { stream, done } = open_early(arriving, options(), LOOK, 0).await.unwrap();
    let taking = tokio::spawn(taken(stream));
    tokio::time::sleep(A_WHILE).await;
    assert!(!taking.is_finished(), "more may come");
    drop(coming);
    assert!(!timeout(SOON, taking).await.unwrap().unwrap().1);
    assert_eq!(done.await, Err(EarlyError::BrokeOff));
}

#[tokio::test]
async fn nobody_waits_for_more_of_what_nobody_takes() {
    let archive = repository().end();
    let mut coming = Coming::new();
    let arriving = coming.spool.arriving().unwrap();
    coming.write(&archive[..200_000]);
    let EarlyContext { stream, done } = open_early(arriving, options(), LOOK, 0).await.unwrap();
    drop(stream);
    let gone = Err(EarlyError::Final(ContextError::ReceiverGone));
    assert_eq!(timeout(SOON, done).await.unwrap(), gone);
    drop(coming);
}

/// Much more than waits in memory.
fn gigantic() -> Vec<u8> {
    let large = archives::random_bytes(9 << 20);
    Tar::with_dockerfile().file("large", &large).file("z", b"last").end()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_passed_on_is_not_kept_and_summed_up() {
    let archive = gigantic();
    for (keep, is_kept) in [(0, false), (8 << 20, false), (u64::MAX, true)] {
        let Coming { _folder, spool } = Coming::new();
        let mut coming = Coming { _folder, spool: spool.hashing() };
        let arriving = coming.spool.arriving().unwrap();
        coming.write(&archive[..200_000]);
        let early = open_early(arriving, options(), LOOK, keep).await.unwrap();
        let taking = tokio::spawn(taken(early.stream));
        let rest = archive[200_000..].to_vec();
        let coming = tokio::task::spawn_blocking(move || {
            rest.chunks(64 << 10).for_each(|piece| coming.write(piece));
            coming
        });
        let spooled = coming.await.unwrap().spool.finish().unwrap();
        spooled.let_end();
        assert_eq!(spooled.bytes, archive.len() as u64);
        let digest: [u8; 32] = sha2::Sha256::digest(&archive).into();
        assert_eq!(spooled.sha256, Some(digest));
        let (clean, _) = timeout(SOON, taking).await.unwrap().unwrap();
        assert!(clean == guarded(&archive, &options()).unwrap());
        assert!(early.done.await.is_ok());
        let kept = spooled.file.map(|mut file| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
            bytes
        });
        assert!(kept == is_kept.then_some(archive.clone()), "keep {keep}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_passed_on_by_then_is_to_be_fetched_again() {
    let large = archives::random_bytes(9 << 20);
    let tar = Tar::with_dockerfile().file("large", &large).file(".dockerignore", b"large\n");
    let archive = tar.file("z", &large).end();
    // It says so in the middle; of what is kept whole by then, nothing is passed on.
    for (keep, error) in [(0, EarlyError::Again), (10 << 20, EarlyError::Anew)] {
        let mut coming = Coming::new();
        let arriving = coming.spool.arriving().unwrap();
        coming.write(&archive[..200_000]);
        let early = open_early(arriving, options(), LOOK, keep).await.unwrap();
        let taking = tokio::spawn(taken(early.stream));
        let until = (9 << 20) + 8192;
        let (first, rest) = (archive[200_000..until].to_vec(), archive[until..].to_vec());
        let mut coming = tokio::task::spawn_blocking(move || {
            first.chunks(64 << 10).for_each(|piece| coming.write(piece));
            // Those who read along are told of more than a little only.
            coming.write(&rest[..256 << 10]);
            (coming, rest)
        })
        .await
        .unwrap();
        assert_eq!(timeout(SOON, early.done).await.unwrap(), Err(error));
        assert!(!timeout(SOON, taking).await.unwrap().unwrap().1);
        coming.0.write(&coming.1[256 << 10..]);
        let spooled = coming.0.spool.finish().unwrap();
        assert_eq!(spooled.file.is_some(), keep > 0);
        let bytes = spooled.file.map(|file| file.metadata().unwrap().len());
        assert!(bytes.is_none_or(|bytes| bytes == archive.len() as u64), "{bytes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fetches_does_not_wait_for_an_engine_that_stands_still() {
    let archive = gigantic();
    let mut coming = Coming::new();
    let arriving = coming.spool.arriving().unwrap();
    coming.write(&archive[..200_000]);
    let early = open_early(arriving, options(), LOOK, 0).await.unwrap();
    let rest = archive[200_000..].to_vec();
    let writing = tokio::task::spawn_blocking(move || {
        rest.chunks(64 << 10).for_each(|piece| coming.write(piece));
        coming
    });
    let coming = timeout(SOON, writing).await.expect("the engine is waited for").unwrap();
    coming.spool.finish().unwrap().let_end();
    let (clean, _) = timeout(SOON, taken(early.stream)).await.unwrap();
    assert!(clean == guarded(&archive, &options()).unwrap());
    assert!(early.done.await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fetches_does_not_wait_for_one_that_is_gone() {
    let archive = gigantic();
    let mut took = Vec::new();
    // One time is enough: a disk may be busy with something else for as long.
    while took.iter().all(|took| *took >= Duration::from_secs(1)) {
        assert!(took.len() < 10, "it was waited for: {took:?}");
        let mut coming = Coming::new();
        let arriving = coming.spool.arriving().unwrap();
        coming.write(&archive[..200_000]);
        let early = open_early(arriving, options(), LOOK, 0).await.unwrap();
        drop(early.stream);
        timeout(SOON, early.done).await.unwrap().unwrap_err();
        let before = std::time::Instant::now();
        archive[200_000..].chunks(64 << 10).for_each(|piece| coming.write(piece));
        took.push(before.elapsed());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever comes in whatever order: what is sent early is what would be sent later, and
    /// what is refused for good is refused then.
    #[test]
    fn early_or_late_it_is_the_same(
        names in vec(select(NAMES.as_slice()), 1..8),
        texts in vec(select(TEXTS.as_slice()), 8),
        look in 0_u64..6_000,
        keep in select(vec![0, 700, 2_000, u64::MAX]),
        packing in proptest::option::of(select(packings::ALL.as_slice())),
        dockerfile in select(vec!["Dockerfile", "a/Dockerfile"]),
        subdir in select(vec![None, Some("a")]),
    ) {
        let entries = names.iter().zip(&texts);
        let tar = entries.fold(Tar::default(), |tar, (name, text)| match name.strip_suffix('/') {
            Some(folder) => tar.folder(folder),
            None => tar.file(name, text),
        });
        let tar = tar.end();
        let archive = packing.map_or_else(|| tar.clone(), |(_, pack)| pack(&tar));
        let dockerfile = DockerfilePath::parse(dockerfile).unwrap();
        let options =
            ContextOptions { dockerfile, subdir: subdir.map(str::to_owned), ..options() };
        let later = guarded(&archive, &options);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        match runtime.block_on(sent(&archive, &options, look, keep)) {
            None | Some((_, Err(EarlyError::Anew | EarlyError::Again))) => {}
            Some((_, Err(EarlyError::BrokeOff))) => prop_assert!(false, "it did not"),
            Some((clean, Ok(_))) => prop_assert_eq!(later, Ok(clean)),
            Some((_, Err(EarlyError::Final(error)))) => prop_assert_eq!(later, Err(error)),
        }
    }
}

const NAMES: [&str; 12] = [
    "Dockerfile",
    ".dockerignore",
    "Dockerfile.dockerignore",
    "x",
    "a/",
    "a/Dockerfile",
    "a/.dockerignore",
    "a/Dockerfile.dockerignore",
    "a/x",
    "a/a/Dockerfile",
    "a/a/.dockerignore",
    "b/x",
];
const TEXTS: [&[u8]; 5] = [b"", b"x\n", b"*\n!x\n", b"a\n", b"FROM scratch\n[\n"];

//! The guard behind a stream, as the engine's request reads it.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use slipway_context::{
    ContextError, ContextLimits, ContextOptions, OpenContext, context_of_files, stream_guarded,
};
use slipway_domain::{DockerfilePath, Reason};
use slipway_test_support::archives;
use tokio::time::timeout;

use crate::guard;
use crate::made::once;
use crate::model::entries;

const SOON: Duration = Duration::from_secs(60);

fn open(archive: impl Read + Seek + Send + 'static) -> OpenContext {
    stream_guarded(archive, ContextOptions::default())
}

#[tokio::test]
async fn a_good_context_comes_through_whole() {
    let archive = archives::honest();
    let OpenContext { stream, done } = open(io::Cursor::new(archive.clone()));
    let pieces: Vec<_> = stream.map(|piece| piece.unwrap().to_vec()).collect().await;
    assert_eq!(pieces.concat(), guard(&*archive).unwrap());
    assert_eq!(done.await.unwrap().entries, 5);
}

#[tokio::test]
async fn a_refused_context_ends_in_an_error_and_done_knows_why() {
    for sample in archives::refused() {
        let OpenContext { stream, done } = open(io::Cursor::new(sample.bytes));
        let pieces: Vec<_> = stream.collect().await;
        assert!(pieces.last().unwrap().is_err(), "{}", sample.name);
        assert!(pieces[..pieces.len() - 1].iter().all(Result::is_ok), "{}", sample.name);
        let Err(ContextError::Refused(failure)) = done.await else { panic!("{}", sample.name) };
        assert_eq!(serde_json::to_value(failure.reason).unwrap(), sample.reason);
    }
}

#[tokio::test]
async fn a_guard_that_dies_does_not_look_like_the_end() {
    struct Dies;
    impl Read for Dies {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("on purpose")
        }
    }
    let OpenContext { stream, done } =
        open(once(io::Cursor::new(archives::honest()).take(2048).chain(Dies)));
    let pieces: Vec<_> = stream.collect().await;
    assert!(pieces.last().unwrap().is_err());
    let Err(ContextError::Refused(failure)) = done.await else { panic!("no failure") };
    assert_eq!(failure.reason, Reason::Internal);
}

#[tokio::test]
async fn the_archive_is_read_no_faster_than_the_engine_takes_it() {
    let read = Arc::new(AtomicU64::new(0));
    let archive = Counted { inner: archives::incompressible(1 << 30), read: Arc::clone(&read) };
    let OpenContext { mut stream, done } = open(once(archive));
    let mut taken = 0;
    for _ in 0..20 {
        taken += stream.next().await.unwrap().unwrap().len() as u64;
        tokio::time::sleep(Duration::from_millis(5)).await;
        let ahead = read.load(Ordering::Relaxed) - taken;
        assert!(ahead < 2 << 20, "{ahead} bytes ahead");
    }
    drop(stream);
    assert_eq!(timeout(SOON, done).await.unwrap(), Err(ContextError::ReceiverGone));
}

#[tokio::test]
async fn dropping_the_stream_stops_a_guard_that_writes_nothing() {
    // Behind the end mark of the tar, gzip goes on and on.
    let start = io::Cursor::new(archives::gzip(&archives::honest()));
    let endless = archives::zeros_in_gzip(1 << 40);
    let limits = ContextLimits { bytes: u64::MAX, ratio: u64::MAX, ..ContextLimits::default() };
    let options = ContextOptions { limits, ..ContextOptions::default() };
    let OpenContext { mut stream, done } = stream_guarded(once(start.chain(endless)), options);
    let waited = timeout(Duration::from_millis(200), stream.next()).await;
    assert!(waited.is_err(), "the end mark came before gzip's checksum");
    drop(stream);
    assert_eq!(timeout(SOON, done).await.unwrap(), Err(ContextError::ReceiverGone));
}

#[tokio::test]
async fn a_dockerfile_alone_is_a_context() {
    let path = DockerfilePath::parse("docker/Dockerfile").unwrap();
    let OpenContext { stream, done } =
        context_of_files("FROM scratch\n", &path, &BTreeMap::new()).unwrap();
    let pieces: Vec<_> = stream.map(|piece| piece.unwrap().to_vec()).collect().await;
    let seen = entries(&pieces.concat());
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].path, b"docker/Dockerfile");
    assert_eq!(seen[0].data, b"FROM scratch\n");
    assert_eq!(done.await.unwrap().entries, 1);
}

/// Counts what is read of an archive.
pub(crate) struct Counted<R> {
    pub(crate) inner: R,
    pub(crate) read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

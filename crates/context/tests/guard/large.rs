//! Archives that are too much of something.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use slipway_context::{ContextError, ContextLimits};
use slipway_domain::Reason;
use slipway_test_support::archives::{self, Tar};
use tar::EntryType;

use crate::made::once;
use crate::stream::Counted;
use crate::{refusal, run};

#[test]
fn one_entry_too_many() {
    let (reason, message) = refusal(once(archives::entries(200_001)));
    assert_eq!(reason, Reason::ContextTooLarge);
    assert_eq!(message, "the build context has more than 200000 entries, at entry \"f200000\"");

    let limits = ContextLimits { entries: 100, ..ContextLimits::default() };
    let entries = |count| run(once(archives::entries(count)), &limits, "Dockerfile", io::sink());
    assert_eq!(entries(100).unwrap().entries, 100);
    assert!(entries(101).is_err());
}

#[test]
fn ten_gigabytes_of_zeros_in_ten_megabytes() {
    let read = Arc::new(AtomicU64::new(0));
    let archive = Counted { inner: archives::zeros_in_gzip(10 << 30), read: Arc::clone(&read) };
    let (reason, message) = refusal(once(archive));
    assert_eq!(reason, Reason::ContextTooLarge);
    assert_eq!(message, "the build context has more than 10 GiB unpacked, at entry \"large\"");
    // The header said so already.
    let read = read.load(Ordering::Relaxed);
    assert!(read < 1 << 20, "{read} bytes were read of ten megabytes");
}

#[test]
fn a_bomb_below_the_byte_limit_is_stopped_early() {
    let error = run(
        once(archives::zeros_in_gzip(9 << 30)),
        &ContextLimits::default(),
        "Dockerfile",
        MostOf(ContextLimits::RATIO_FREE_BYTES + (256 << 20)),
    );
    let Err(ContextError::Refused(failure)) = error else { panic!("{error:?}") };
    assert_eq!(failure.reason, Reason::ContextTooLarge);
    let start = "the build context grows too much when unpacked: ";
    assert!(failure.message.starts_with(start), "{failure}");
    assert!(failure.message.ends_with(", at entry \"large\""), "{failure}");
}

#[test]
fn a_bomb_behind_the_end_mark_counts_too() {
    let start = Tar::with_dockerfile().end();
    let zeros = archives::gzip(&vec![0; 1 << 20]);
    let archive = [archives::gzip(&start), zeros.repeat(20)].concat();
    let limits = ContextLimits { bytes: 10 << 20, ..ContextLimits::default() };
    let error = run(&*archive, &limits, "Dockerfile", io::sink());
    let Err(ContextError::Refused(failure)) = error else { panic!("{error:?}") };
    assert_eq!(failure.message, "the build context has more than 10 MiB unpacked");
}

#[test]
fn some_hundred_megabytes_of_zeros_are_honest() {
    let archive = once(archives::zeros_in_gzip(300 << 20));
    let summary = run(archive, &ContextLimits::default(), "Dockerfile", io::sink()).unwrap();
    assert!(summary.bytes > 300 << 20 && summary.archive_bytes < 1 << 20, "{summary:?}");
}

#[test]
fn the_byte_limit_is_exact() {
    let archive = archives::honest();
    let limits = |bytes| ContextLimits { bytes, ..ContextLimits::default() };
    let whole = archive.len() as u64;
    let summary = run(&*archive, &limits(whole), "Dockerfile", io::sink()).unwrap();
    assert_eq!((summary.bytes, summary.archive_bytes), (whole, whole));
    assert!(run(&*archive, &limits(whole - 1), "Dockerfile", io::sink()).is_err());

    let claims = Tar::with_dockerfile().header(EntryType::Regular, b"x", b"", u64::MAX, 0o644);
    assert_eq!(refusal(&*claims.end()).0, Reason::ContextTooLarge);
}

/// Fails the test when more is written than a bomb may get out of us.
struct MostOf(u64);

impl io::Write for MostOf {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len() as u64).expect("unpacked too much");
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! The bytes of uploads in a bucket, over the protocol of S3, on good days and bad ones.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Duration;

use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};
use slipway_domain::{UploadId, now};
use slipway_store::StoreError;
use slipway_store::blobs::{Blob, Blobs, BucketAccess};
use slipway_test_support::bucket::{ACCESS_KEY_ID, Bucket, SECRET_ACCESS_KEY};
use slipway_test_support::wire::{End, Wire};
use tokio::time::Instant;

use crate::blobs::{in_an_hour, write};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_read() {
    let bucket = Bucket::new().await.unwrap();
    let blobs = open(&bucket.address());
    for bytes in [1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 30 * MIB + 7] {
        let content = content(bytes);
        let id = write(&blobs, &content, 300_001).await;
        assert!(blobs.has(id, bytes as u64).await.unwrap());
        assert!(!blobs.has(id, bytes as u64 + 1).await.unwrap());
        let blob = blobs.open_blob(id).await.unwrap().unwrap();
        assert!(matches!(blob, Blob::Object(_)));
        assert_eq!(read(blob).await.unwrap(), content, "{bytes} bytes");
        assert_eq!(bucket.keys(), [format!("contexts/here/{id}")]);
        blobs.delete(id).await.unwrap();
        blobs.delete(id).await.unwrap();
        assert!(blobs.open_blob(id).await.unwrap().is_none());
        assert!(!blobs.has(id, bytes as u64).await.unwrap());
    }
    assert_eq!(bucket.keys(), [""; 0]);
    assert_eq!(bucket.begun(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_read_from_anywhere() {
    let bucket = Bucket::new().await.unwrap();
    let blobs = open(&bucket.address());
    let content = content(3 * MIB);
    let id = write(&blobs, &content, MIB).await;
    let mut blob = blobs.open_blob(id).await.unwrap().unwrap();
    tokio::task::spawn_blocking(move || {
        let end = content.len() as u64;
        // Near and far, forwards and backwards, to the very end, and beyond it.
        for place in [0, 1, 5000, 2_000_000, 2_000_100, 2_200_000, 4, end - 9, end, end + 5] {
            assert_eq!(blob.seek(SeekFrom::Start(place)).unwrap(), place);
            let mut ten = Vec::new();
            blob.by_ref().take(10).read_to_end(&mut ten).unwrap();
            let from = usize::try_from(place).unwrap().min(content.len());
            assert_eq!(ten, content[from..content.len().min(from + 10)], "at {place}");
        }
        assert_eq!(blob.seek(SeekFrom::End(-10)).unwrap(), end - 10);
        assert_eq!(blob.seek(SeekFrom::Current(-90)).unwrap(), end - 100);
        assert!(blob.seek(SeekFrom::Current(-(end as i64))).is_err());
        let mut rest = Vec::new();
        blob.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, content[content.len() - 100..]);
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_nothing_before_the_last_byte_and_nothing_after_an_abort() {
    let bucket = Bucket::new().await.unwrap();
    let blobs = open(&bucket.address());
    let id = UploadId::generate();
    let mut writer = blobs.create(id);
    writer.write(&vec![1; 20 * MIB]).await.unwrap();
    assert_eq!(bucket.begun(), [format!("contexts/here/{id}")]);
    assert!(blobs.open_blob(id).await.unwrap().is_none());
    assert_eq!(blobs.complete_before(in_an_hour()).await.unwrap(), []);
    writer.abort().await;
    assert_eq!((bucket.begun(), bucket.keys()), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_left_is_swept() {
    let bucket = Bucket::new().await.unwrap();
    let blobs = open(&bucket.address());
    let elsewhere = Blobs::open("s3://uploads/other", &access(&bucket.address())).unwrap();
    for blobs in [&blobs, &elsewhere] {
        let mut writer = blobs.create(UploadId::generate());
        writer.write(&vec![1; 9 * MIB]).await.unwrap();
        // A process that is killed runs no destructor.
        std::mem::forget(writer);
    }
    let an_hour_ago = now() - TimeDelta::hours(1);
    assert_eq!(blobs.sweep_unfinished(an_hour_ago).await.unwrap(), 0, "it may go on");
    assert_eq!(blobs.sweep_unfinished(in_an_hour()).await.unwrap(), 1);
    let left = bucket.begun();
    assert!(left.len() == 1 && left[0].starts_with("other/"), "{left:?}");
    assert_eq!(blobs.sweep_unfinished(in_an_hour()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_our_own_blobs_are_listed() {
    let bucket = Bucket::new().await.unwrap();
    let (whole, blobs) = (open_at("s3://uploads", &bucket), open(&bucket.address()));
    let (here, below) = (write(&whole, b"a", 1).await, write(&blobs, b"b", 1).await);
    assert_eq!(whole.complete_before(in_an_hour()).await.unwrap(), [here]);
    assert_eq!(blobs.complete_before(in_an_hour()).await.unwrap(), [below]);
    assert_eq!(blobs.complete_before(now() - TimeDelta::hours(1)).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_and_keys_that_are_not_taken() {
    let bucket = Bucket::new().await.unwrap();
    let nowhere = open_at("s3://no-such-bucket/a", &bucket);
    let unknown = BucketAccess { access_key_id: Some("who".into()), ..access(&bucket.address()) };
    let wrong = BucketAccess {
        secret_access_key: Some("hunter3".to_owned().into()),
        ..access(&bucket.address())
    };
    let at = |access: &BucketAccess| Blobs::open("s3://uploads", access).unwrap();
    for (blobs, problem) in [
        (nowhere, "the bucket does not exist"),
        (at(&unknown), "it does not take the credentials"),
        (at(&wrong), "it does not take the credentials"),
    ] {
        let small = written(&blobs, 10).await.unwrap_err();
        let large = written(&blobs, 9 * MIB).await.unwrap_err();
        let read = blobs.open_blob(UploadId::generate()).await.unwrap_err();
        let listed = blobs.complete_before(now()).await.unwrap_err();
        let swept = blobs.sweep_unfinished(now()).await.unwrap_err();
        for error in [small, large, read, listed, swept, blobs.ping().await.unwrap_err()] {
            assert!(error.to_string().contains(problem), "{error:?}");
            assert!(!error.is_passing());
            assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
        }
        assert!(!format!("{blobs:?}").contains("hunter"), "{blobs:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_slow_of_mind_is_asked_again() {
    let bucket = Bucket::new().await.unwrap();
    let blobs = open(&bucket.address());
    bucket.refuse_next(3);
    let id = written(&blobs, 9 * MIB).await.unwrap();
    bucket.refuse_next(3);
    let blob = blobs.open_blob(id).await.unwrap().unwrap();
    bucket.refuse_next(2);
    assert_eq!(read(blob).await.unwrap().len(), 9 * MIB);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_not_waited_for_for_ever() {
    let bucket = Bucket::new().await.unwrap();
    let wire = Wire::to(End::Tcp(bucket.address())).await.unwrap();
    let blobs = open(&wire.address());
    blobs.ping().await.unwrap();
    wire.cut();
    blobs.ping().await.expect("it has just worked");
    let began = Instant::now();
    let error = written(&blobs, 10).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)) && error.is_passing(), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_while_writing_costs_nothing() {
    let bucket = Bucket::new().await.unwrap();
    let wire = Wire::to(End::Tcp(bucket.address())).await.unwrap();
    let blobs = open(&wire.address());
    let content = content(40 * MIB);
    let id = UploadId::generate();
    let mut writer = blobs.create(id);
    for (n, piece) in content.chunks(MIB).enumerate() {
        writer.write(piece).await.unwrap();
        if n % 10 == 9 {
            wire.cut();
            tokio::time::sleep(Duration::from_millis(50)).await;
            wire.mend();
        }
    }
    writer.finish().await.unwrap();
    assert!(read(blobs.open_blob(id).await.unwrap().unwrap()).await.unwrap() == content);
    assert_eq!(bucket.begun(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_while_reading_is_taken_up_where_it_broke() {
    let bucket = Bucket::new().await.unwrap();
    let wire = Wire::to(End::Tcp(bucket.address())).await.unwrap();
    let blobs = open(&wire.address());
    let content = content(40 * MIB);
    let id = write(&blobs, &content, MIB).await;
    let mut blob = blobs.open_blob(id).await.unwrap().unwrap();
    let mut all = Vec::new();
    for _ in 0..6 {
        let (back, part) = tokio::task::spawn_blocking(move || {
            let mut part = Vec::new();
            blob.by_ref().take(5 * MIB as u64 + 3).read_to_end(&mut part).unwrap();
            (blob, part)
        })
        .await
        .unwrap();
        (blob, all) = (back, [all, part].concat());
        wire.cut();
        tokio::time::sleep(Duration::from_millis(50)).await;
        wire.mend();
    }
    all.extend(read(blob).await.unwrap());
    assert!(all == content, "{} bytes", all.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_is_lost_while_it_is_read_is_an_error_and_not_an_end() {
    let bucket = Bucket::new().await.unwrap();
    let wire = Wire::to(End::Tcp(bucket.address())).await.unwrap();
    let blobs = open(&wire.address());
    let id = write(&blobs, &content(40 * MIB), MIB).await;
    let blob = blobs.open_blob(id).await.unwrap().unwrap();
    bucket.lose(&format!("contexts/here/{id}")).unwrap();
    let error = read(blob).await.unwrap_err();
    assert_ne!(error.kind(), std::io::ErrorKind::UnexpectedEof, "that is the sender's fault");
}

/// In a process of its own: the memory of this one is that of all the stories that run in it.
#[test]
fn a_large_one_takes_no_more_memory() {
    let writer = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["bucket::somebody_who_writes_a_large_one", "--exact", "--ignored"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&writer.stdout);
    assert!(writer.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test, in a process of its own"]
async fn somebody_who_writes_a_large_one() {
    let bucket = Bucket::new().await.unwrap();
    let blobs = open(&bucket.address());
    let id = UploadId::generate();
    let mut writer = blobs.create(id);
    let piece = content(MIB);
    let mut written = Sha256::new();
    let before = resident();
    let mut most = before;
    for n in 0..300 {
        writer.write(&piece).await.unwrap();
        written.update(&piece);
        if n % 10 == 0 {
            most = most.max(resident());
        }
    }
    writer.finish().await.unwrap();
    let mut blob = blobs.open_blob(id).await.unwrap().unwrap();
    let reading = tokio::task::spawn_blocking(move || {
        let (mut read, mut buffer, mut most) = (Sha256::new(), vec![0; MIB], 0);
        loop {
            match blob.read(&mut buffer).unwrap() {
                0 => return (read.finalize(), most),
                count => read.update(&buffer[..count]),
            }
            most = most.max(resident());
        }
    });
    let (read, reading) = reading.await.unwrap();
    assert_eq!(read, written.finalize());
    // The server is in this process, too.
    let grown = most.max(reading).saturating_sub(before) / MIB;
    assert!(grown < 200, "{grown} MiB for 300");
}

pub(crate) fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

pub(crate) fn access(address: &str) -> BucketAccess {
    BucketAccess {
        endpoint: Some(format!("http://{address}")),
        access_key_id: Some(ACCESS_KEY_ID.into()),
        secret_access_key: Some(SECRET_ACCESS_KEY.to_owned().into()),
        allow_http: true,
        ..BucketAccess::default()
    }
}

pub(crate) fn open(address: &str) -> Blobs {
    Blobs::open("s3://uploads/contexts/here", &access(address)).unwrap()
}

fn open_at(url: &str, bucket: &Bucket) -> Blobs {
    Blobs::open(url, &access(&bucket.address())).unwrap()
}

async fn written(blobs: &Blobs, bytes: usize) -> Result<UploadId, StoreError> {
    let id = UploadId::generate();
    let mut writer = blobs.create(id);
    writer.write(&vec![7; bytes]).await?;
    writer.finish().await?;
    Ok(id)
}

async fn read(mut blob: Blob) -> std::io::Result<Vec<u8>> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut content = Vec::new();
        blob.read_to_end(&mut content).map(|_| content)
    });
    reading.await.unwrap()
}

/// Bytes with a period that is no divisor of anything.
fn content(bytes: usize) -> Vec<u8> {
    (0..=250).cycle().take(bytes).collect()
}

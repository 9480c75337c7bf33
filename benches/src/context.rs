//! Build contexts: a Dockerfile alone, or one with a gigabyte of noise beside it.

use std::io;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{Stream, StreamExt as _, stream};

const CHUNK: usize = 256 * 1024;
const MIB: usize = 1024 * 1024;
/// A tar is made of blocks of this size, and ends with two of zeros.
const BLOCK: usize = 512;

/// A tar that has only a Dockerfile.
pub(crate) fn dockerfile_alone(dockerfile: &str) -> Bytes {
    let mut tar = entry("Dockerfile", dockerfile.len());
    tar.put(dockerfile.as_bytes());
    pad(&mut tar);
    tar.put_bytes(0, 2 * BLOCK);
    tar.freeze()
}

/// A tar with a Dockerfile and a file of `mib` MiB that no compression makes smaller, made
/// while it is read.
pub(crate) fn with_noise(
    dockerfile: &str,
    mib: usize,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let mut head = entry("Dockerfile", dockerfile.len());
    head.put(dockerfile.as_bytes());
    pad(&mut head);
    head.unsplit(entry("noise", mib * MIB));
    let end = Bytes::from_static(&[0; 2 * BLOCK]);
    stream::iter([Ok(head.freeze())])
        .chain(noise_alone(dockerfile, mib))
        .chain(stream::iter([Ok(end)]))
}

/// `mib` MiB of noise, others for each `seed`, made while they are read.
pub(crate) fn noise_alone(
    seed: &str,
    mib: usize,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    // The image's name is in the Dockerfile, so that no two contexts are alike.
    let seed = seed.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    stream::iter(0..mib * MIB / CHUNK).scan(seed | 1, |state, _| {
        let chunk = noise(state);
        futures::future::ready(Some(Ok(chunk)))
    })
}

fn entry(path: &str, size: usize) -> BytesMut {
    let mut header = tar::Header::new_ustar();
    // Both fit: the paths here are short.
    let _ = header.set_path(path);
    header.set_size(u64::try_from(size).unwrap_or(u64::MAX));
    header.set_mode(0o644);
    header.set_cksum();
    BytesMut::from(&header.as_bytes()[..])
}

fn pad(tar: &mut BytesMut) {
    tar.put_bytes(0, tar.len().next_multiple_of(BLOCK) - tar.len());
}

/// Marsaglia's xorshift64: faster than any wire.
fn noise(state: &mut u64) -> Bytes {
    let mut chunk = BytesMut::with_capacity(CHUNK);
    while chunk.len() < CHUNK {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        chunk.put_u64_ne(*state);
    }
    chunk.freeze()
}

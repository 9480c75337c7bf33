//! As much of Kafka's protocol as the door speaks itself.
//! <https://kafka.apache.org/protocol>: big-endian numbers, texts and bytes behind their length.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Larger than any that a test sends.
const MAX_FRAME: usize = 16 << 20;
/// What is added to what a broker can do: `SaslHandshake` up to version 1, and
/// `SaslAuthenticate` of version 0.
const LOGINS: [[i16; 3]; 2] = [[17, 0, 1], [36, 0, 0]];

/// Which request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApiKey {
    ApiVersions,
    SaslHandshake,
    SaslAuthenticate,
    Other,
}

/// A request, up to what its kind has of its own.
pub(super) struct Head<'a> {
    pub(super) key: ApiKey,
    /// What ties the answer to it.
    pub(super) correlation: [u8; 4],
    pub(super) body: &'a [u8],
}

/// The next request or answer, without its length; `None` at the end.
pub(super) async fn read_frame(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let Ok(length) = from.read_u32().await else { return Ok(None) };
    let length = usize::try_from(length).map_err(io::Error::other)?;
    if length > MAX_FRAME {
        return Err(broken());
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame).await?;
    Ok(Some(frame))
}

pub(super) async fn write_frame(
    to: &mut (impl AsyncWrite + Unpin),
    frame: &[u8],
) -> io::Result<()> {
    to.write_u32(u32::try_from(frame.len()).map_err(io::Error::other)?).await?;
    to.write_all(frame).await?;
    to.flush().await
}

pub(super) fn head(request: &[u8]) -> io::Result<Head<'_>> {
    let (key, rest) = take::<2>(request)?;
    let (_version, rest) = take::<2>(rest)?;
    let (correlation, rest) = take::<4>(rest)?;
    let (client, rest) = take::<2>(rest)?;
    // -1 is no name.
    let client = usize::try_from(i16::from_be_bytes(client)).unwrap_or(0);
    let body = rest.get(client..).ok_or_else(broken)?;
    let key = match i16::from_be_bytes(key) {
        17 => ApiKey::SaslHandshake,
        18 => ApiKey::ApiVersions,
        36 => ApiKey::SaslAuthenticate,
        _ => ApiKey::Other,
    };
    Ok(Head { key, correlation, body })
}

/// Says in a broker's answer to `ApiVersions` that there is a login. (Of those up to version 2:
/// the mock cluster answers later ones in version 0, with the error that says so.)
pub(super) fn add_logins(answer: &mut Vec<u8>) -> io::Result<()> {
    const COUNT: std::ops::Range<usize> = 6..10;
    let count = answer.get(COUNT).and_then(|count| count.try_into().ok()).ok_or_else(broken)?;
    let more = i32::from_be_bytes(count) + 2;
    answer.splice(COUNT, more.to_be_bytes());
    let added = LOGINS.iter().flatten().flat_map(|number| number.to_be_bytes());
    answer.splice(COUNT.end..COUNT.end, added.collect::<Vec<u8>>());
    Ok(())
}

/// Puts another port behind each `127.0.0.1`, where the broker's stands.
pub(super) fn advertise(answer: &mut [u8], port: u16, instead: u16) {
    let place = |port: u16| [b"127.0.0.1".as_slice(), &i32::from(port).to_be_bytes()].concat();
    let (wanted, instead) = (place(port), place(instead));
    let found: Vec<usize> = answer
        .windows(wanted.len())
        .enumerate()
        .filter_map(|(at, window)| (window == wanted).then_some(at))
        .collect();
    for at in found {
        if let Some(place) = answer.get_mut(at..at + wanted.len()) {
            place.copy_from_slice(&instead);
        }
    }
}

/// A text behind its length of two bytes.
pub(super) fn text(bytes: &[u8]) -> io::Result<&str> {
    let (length, rest) = take::<2>(bytes)?;
    let text = rest.get(..usize::from(u16::from_be_bytes(length))).ok_or_else(broken)?;
    std::str::from_utf8(text).map_err(io::Error::other)
}

/// Bytes behind their length of four.
pub(super) fn bytes(bytes: &[u8]) -> io::Result<&[u8]> {
    let (length, rest) = take::<4>(bytes)?;
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?;
    rest.get(..length).ok_or_else(broken)
}

fn take<const N: usize>(bytes: &[u8]) -> io::Result<([u8; N], &[u8])> {
    let (taken, rest) = bytes.split_first_chunk::<N>().ok_or_else(broken)?;
    Ok((*taken, rest))
}

pub(super) fn broken() -> io::Error {
    io::Error::other("this is no request of Kafka's")
}

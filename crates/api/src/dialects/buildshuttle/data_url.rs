//! `data:` addresses: an archive in the request itself (RFC 2397).
//!
//! The type may be missing, and the old service's own client wrote `data:base64,…`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use slipway_domain::FieldError;

use super::envelope::{Refusal, field};
use crate::Api;
use crate::error::Error;
use crate::receive::{Received, Receiving};

/// Decoded this much at a time: a multiple of four, which is where base64 can be cut.
const PIECE: usize = 64 * 1024;
const LONGEST_TYPE: usize = 255;

/// What stands before the comma, and what follows it.
pub(super) struct DataUrl<'a> {
    /// The type with its parameters, where one is named.
    pub(super) media_type: Option<String>,
    is_base64: bool,
    data: &'a str,
}

impl<'a> DataUrl<'a> {
    /// Reads an address after its `data:`. `None` where it has no comma.
    pub(super) fn parse(rest: &'a str) -> Option<Self> {
        let (head, data) = rest.split_once(',')?;
        let head = head.trim_start_matches('/');
        let is_mark = |part: &&str| part.trim().eq_ignore_ascii_case("base64");
        let is_base64 = head.split(';').any(|part| is_mark(&part));
        let named: Vec<&str> = head
            .split(';')
            .map(str::trim)
            .filter(|part| !is_mark(part) && !part.is_empty())
            .collect();
        let named = named.join(";");
        let fits = named.len() <= LONGEST_TYPE && named.bytes().all(|byte| byte.is_ascii_graphic());
        let media_type = (fits && named.contains('/')).then_some(named);
        Some(Self { media_type, is_base64, data })
    }

    /// Decodes the archive into the blob store, a piece at a time. `name` is the field that it
    /// came in.
    pub(super) async fn receive(&self, api: &Api, name: &str) -> Result<Received, Refusal> {
        let mut receiving = Receiving::new(api, api.limits.upload_bytes);
        let taken = if self.is_base64 {
            self.take_base64(&mut receiving, name).await
        } else {
            self.take_plain(&mut receiving, name).await
        };
        if let Err(refusal) = taken {
            receiving.abandon().await;
            return Err(refusal);
        }
        receiving.finish().await.map_err(|error| of_the_field(error, name).into())
    }

    async fn take_base64(&self, receiving: &mut Receiving, name: &str) -> Result<(), Refusal> {
        let text = match self.data.contains('%') {
            true => percent_encoding::percent_decode_str(self.data).decode_utf8_lossy(),
            false => Cow::Borrowed(self.data),
        };
        // base64(1) breaks its lines; where nothing does, nothing is copied.
        let text = match text.contains(|c: char| c.is_ascii_whitespace()) {
            true => Cow::Owned(text.split_ascii_whitespace().collect::<String>()),
            false => text,
        };
        let engine = engine(if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD });
        for piece in text.as_bytes().chunks(PIECE) {
            let bytes = engine.decode(piece).map_err(|_| field(name, "is not base64"))?;
            receiving.take(&bytes).await.map_err(|error| of_the_field(error, name))?;
        }
        Ok(())
    }

    async fn take_plain(&self, receiving: &mut Receiving, name: &str) -> Result<(), Refusal> {
        let mut bytes = percent_encoding::percent_decode(self.data.as_bytes());
        loop {
            let piece: Vec<u8> = bytes.by_ref().take(PIECE).collect();
            if piece.is_empty() {
                return Ok(());
            }
            receiving.take(&piece).await.map_err(|error| of_the_field(error, name))?;
        }
    }
}

/// Clients leave the padding off now and then.
fn engine(alphabet: &Alphabet) -> GeneralPurpose {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config)
}

/// An error of an archive that was a field among others: it names the field.
fn of_the_field(error: Error, name: &str) -> Error {
    if let Error::NotAnArchive { found } = error {
        FieldError::new(name, found).into()
    } else if let Error::EmptyBody = error {
        FieldError::new(name, "is empty").into()
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_the_comma() {
        let read = |rest: &str| {
            let url = DataUrl::parse(rest).unwrap();
            (url.media_type, url.is_base64, url.data.to_owned())
        };
        let with = |media_type: Option<&str>, is_base64| {
            (media_type.map(str::to_owned), is_base64, "x,y".to_owned())
        };
        assert_eq!(read("application/gzip;base64,x,y"), with(Some("application/gzip"), true));
        assert_eq!(read("a/b;c=d ; BASE64 ,x,y"), with(Some("a/b;c=d"), true));
        assert_eq!(read("a/b,x,y"), with(Some("a/b"), false));
        assert_eq!(read(",x,y"), with(None, false));
        assert_eq!(read(";base64,x,y"), with(None, true));
        assert_eq!(read("base64,x,y"), with(None, true));
        assert_eq!(read("//base64,x,y"), with(None, true));
        assert_eq!(read("a\r\nb/c;base64,x,y"), with(None, true));
        assert!(DataUrl::parse("application/gzip;base64").is_none());
    }
}

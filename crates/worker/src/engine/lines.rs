//! An engine's answer to a build or a push: JSON objects, one a line.
//!
//! It begins with `200 OK` before the work is done, so that the error of the work is one of
//! the lines.

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use memchr::memchr;
use serde::Deserialize;

use super::attend::Heard;
use super::wire::{Reply, WireError, broken};

/// Far more than any line of an engine; a host that sends more is none.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// One line. Which fields there are depends on the request and the builder; see
/// `pkg/jsonmessage` in moby.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Line {
    /// A layer, or what kind of `aux` this is.
    pub(super) id: Option<String>,
    /// The classic builder's output.
    pub(super) stream: Option<String>,
    /// What a layer is doing.
    pub(super) status: Option<String>,
    /// Facts for programs: BuildKit's trace in base64, an image's id, a push's digest.
    pub(super) aux: Option<serde_json::Value>,
    /// Why the work failed.
    #[serde(rename = "errorDetail")]
    pub(super) detail: Option<ErrorDetail>,
    /// The same as a text alone, which is all that Podman 4 sends.
    pub(super) error: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ErrorDetail {
    code: Option<i64>,
    message: Option<String>,
}

/// What an engine said of a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// Its words.
    pub(super) text: String,
    /// A process's exit code, which the classic builder tells apart.
    pub(super) code: Option<i64>,
}

impl Line {
    /// The failure that this line reports, if it does.
    pub(super) fn said(&mut self) -> Option<Said> {
        let (code, message) = match self.detail.take() {
            Some(detail) => (detail.code, detail.message),
            None => (None, None),
        };
        let text = message.filter(|text| !text.is_empty()).or_else(|| self.error.take())?;
        Some(Said { text, code: code.filter(|code| *code != 0) })
    }
}

/// The lines of an answer, as they come.
pub(super) struct Lines {
    reply: Reply,
    buffer: BytesMut,
    heard: Heard,
    /// Bytes of the buffer that are known to hold no newline.
    searched: usize,
}

impl Lines {
    /// Notes in `heard` whenever something comes.
    pub(super) fn new(reply: Reply, heard: &Heard) -> Self {
        Self { reply, buffer: BytesMut::new(), heard: heard.clone(), searched: 0 }
    }

    /// The next line; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, WireError> {
        loop {
            if let Some(line) = self.take_line()? {
                return Ok(Some(line));
            }
            match self.reply.response.body_mut().frame().await {
                Some(Ok(frame)) => {
                    self.heard.note();
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(broken(&error)),
                // The last line needs no newline.
                None => {
                    let rest = self.buffer.split();
                    return if is_blank(&rest) { Ok(None) } else { decode(&rest).map(Some) };
                }
            }
        }
    }

    /// Whether the next line is here already.
    pub(super) fn has_next(&self) -> bool {
        memchr(b'\n', &self.buffer).is_some()
    }

    fn take_line(&mut self) -> Result<Option<Line>, WireError> {
        while let Some(at) = memchr(b'\n', &self.buffer[self.searched..]) {
            let line = self.buffer.split_to(self.searched + at);
            self.buffer.advance(1);
            self.searched = 0;
            if !is_blank(&line) {
                return decode(&line).map(Some);
            }
        }
        self.searched = self.buffer.len();
        if self.searched > MAX_LINE_BYTES {
            return Err(WireError::Garbled("a line of its answer has no end".to_owned()));
        }
        Ok(None)
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

fn decode(line: &[u8]) -> Result<Line, WireError> {
    serde_json::from_slice(line)
        .map_err(|error| WireError::Garbled(format!("a line of its answer is no json: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(json: &str) -> Option<Said> {
        decode(json.as_bytes()).unwrap().said()
    }

    #[test]
    fn a_failure_in_each_of_its_forms() {
        let found = |text: &str, code| Some(Said { text: text.to_owned(), code });
        assert_eq!(said(r#"{"stream":"x"}"#), None);
        assert_eq!(said(r#"{"errorDetail":{"message":"a"},"error":"b"}"#), found("a", None));
        assert_eq!(said(r#"{"errorDetail":{"code":3,"message":"a"}}"#), found("a", Some(3)));
        assert_eq!(said(r#"{"error":"b"}"#), found("b", None));
        assert_eq!(said(r#"{"errorDetail":{},"error":"b"}"#), found("b", None));
    }

    #[test]
    fn unknown_fields_and_types_of_aux() {
        let line = decode(br#"{"aux":{"ID":"sha256:1"},"progressDetail":{"current":1}}"#).unwrap();
        assert_eq!(line.aux.unwrap()["ID"], "sha256:1");
        assert!(decode(b"<html>").is_err());
    }
}

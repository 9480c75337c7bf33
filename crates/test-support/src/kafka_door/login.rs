//! A login: `SaslHandshake`, which names the mechanism, and `SaslAuthenticate`, which carries it.

use std::io;

use super::scram::{Hash, Scram};
use super::words::{Head, broken, bytes, text};

const NO_ERROR: i16 = 0;
const UNSUPPORTED_SASL_MECHANISM: i16 = 33;
const SASL_AUTHENTICATION_FAILED: i16 = 58;

/// How a client shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// Name and password as they are (RFC 4616).
    Plain,
    /// The proof of a password (RFC 5802), with SHA-256.
    ScramSha256,
    /// The same with SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// What became of one message of a login.
pub(super) enum Round {
    GoesOn,
    Passed,
    Refused,
}

/// One client's login.
pub(super) struct Login {
    mechanism: Mechanism,
    name: String,
    password: String,
    scram: Scram,
    has_passed: bool,
}

impl Login {
    pub(super) fn new(mechanism: Mechanism, name: String, password: String) -> Self {
        let hash = match mechanism {
            Mechanism::Plain | Mechanism::ScramSha256 => Hash::Sha256,
            Mechanism::ScramSha512 => Hash::Sha512,
        };
        let scram = Scram::new(hash, &name, &password);
        Self { mechanism, name, password, scram, has_passed: false }
    }

    pub(super) const fn mechanism(&self) -> &'static str {
        self.mechanism.as_str()
    }

    pub(super) const fn has_passed(&self) -> bool {
        self.has_passed
    }

    /// `error, [mechanism]`.
    pub(super) fn handshake(&self, head: &Head<'_>) -> io::Result<Vec<u8>> {
        let ours = self.mechanism();
        let error = if text(head.body)? == ours { NO_ERROR } else { UNSUPPORTED_SASL_MECHANISM };
        let mut answer = head.correlation.to_vec();
        answer.extend(error.to_be_bytes());
        answer.extend(1_i32.to_be_bytes());
        push_text(&mut answer, ours);
        Ok(answer)
    }

    /// `error, message or null, bytes`.
    pub(super) fn authenticate(&mut self, head: &Head<'_>) -> io::Result<(Round, Vec<u8>)> {
        let said = bytes(head.body)?;
        let replied = match self.mechanism {
            Mechanism::Plain => {
                let wanted = format!("\0{}\0{}", self.name, self.password);
                (said == wanted.as_bytes()).then(|| (Round::Passed, Vec::new()))
            }
            Mechanism::ScramSha256 | Mechanism::ScramSha512 => {
                let said = std::str::from_utf8(said).map_err(|_| broken())?;
                self.scram.reply(said).map(|(reply, is_last)| {
                    let round = if is_last { Round::Passed } else { Round::GoesOn };
                    (round, reply.into_bytes())
                })
            }
        };
        let mut answer = head.correlation.to_vec();
        let Some((round, reply)) = replied else {
            answer.extend(SASL_AUTHENTICATION_FAILED.to_be_bytes());
            push_text(&mut answer, "invalid credentials");
            answer.extend(0_i32.to_be_bytes());
            return Ok((Round::Refused, answer));
        };
        self.has_passed = matches!(round, Round::Passed);
        answer.extend(NO_ERROR.to_be_bytes());
        answer.extend((-1_i16).to_be_bytes());
        answer.extend(u32::try_from(reply.len()).map_err(io::Error::other)?.to_be_bytes());
        answer.extend(reply);
        Ok((round, answer))
    }
}

fn push_text(answer: &mut Vec<u8>, text: &str) {
    // Texts of this file, all of them short.
    answer.extend(u16::try_from(text.len()).unwrap_or(0).to_be_bytes());
    answer.extend(text.as_bytes());
}

//! The agent: lists keys and signs with them, and does nothing else.
//!
//! Its protocol is draft-miller-ssh-agent. Adding and removing keys, locking and extensions
//! (OpenSSH asks for one, `session-bind`, before it signs) are answered with a failure, which
//! clients take for "not here" and go on.

use ssh_encoding::Decode as _;
use thiserror::Error;

use crate::SshKey;
use crate::wire::string;

/// The longest message that OpenSSH's own agent takes (`AGENT_MAX_LEN` in its ssh-agent.c).
const MAX_MESSAGE: usize = 256 * 1024;

// The first byte of a message.
const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// Keys, and the means to sign with them.
#[derive(Debug)]
pub struct Agent {
    keys: Vec<SshKey>,
}

impl Agent {
    /// An agent that knows these keys.
    #[must_use]
    pub const fn new(keys: Vec<SshKey>) -> Self {
        Self { keys }
    }

    /// The answer to a message, both without their length.
    #[must_use]
    pub fn answer(&self, message: &[u8]) -> Vec<u8> {
        let answer = match message.split_first() {
            Some((&REQUEST_IDENTITIES, _)) => self.identities(),
            Some((&SIGN_REQUEST, request)) => self.signed(request),
            Some(_) | None => None,
        };
        answer.unwrap_or_else(|| vec![FAILURE])
    }

    /// How many keys, and of each its public half and a comment.
    fn identities(&self) -> Option<Vec<u8>> {
        let mut answer = vec![IDENTITIES_ANSWER];
        answer.extend(u32::try_from(self.keys.len()).ok()?.to_be_bytes());
        for key in &self.keys {
            answer.extend(string(key.public()));
            answer.extend(string(b"build"));
        }
        Some(answer)
    }

    /// A request is a public half, what is to be signed, and flags.
    fn signed(&self, mut request: &[u8]) -> Option<Vec<u8>> {
        let public = Vec::<u8>::decode(&mut request).ok()?;
        let data = Vec::<u8>::decode(&mut request).ok()?;
        let flags = u32::decode(&mut request).ok()?;
        let key = self.keys.iter().find(|key| key.public() == public)?;
        Some([vec![SIGN_RESPONSE], string(&key.sign(&data, flags)?)].concat())
    }
}

/// Whole messages out of a stream's pieces.
#[derive(Debug, Default)]
pub struct Messages {
    pending: Vec<u8>,
}

/// A message is longer than any agent takes: the stream is of something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a message to the ssh agent is longer than 256 KiB")]
pub struct TooLong;

impl Messages {
    /// Takes a piece and gives the answers to the messages that it completes, as they travel:
    /// each with its length before it.
    ///
    /// # Errors
    /// When a message would be longer than agents take.
    pub fn answer(&mut self, piece: &[u8], agent: &Agent) -> Result<Vec<u8>, TooLong> {
        self.pending.extend_from_slice(piece);
        let mut answers = Vec::new();
        while let Some((length, rest)) = self.pending.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            if length > MAX_MESSAGE {
                return Err(TooLong);
            }
            let Some(message) = rest.get(..length) else { break };
            let answer = agent.answer(message);
            let size = u32::try_from(answer.len()).map_err(|_| TooLong)?;
            answers.extend_from_slice(&size.to_be_bytes());
            answers.extend_from_slice(&answer);
            self.pending.drain(..4 + length);
        }
        Ok(answers)
    }
}

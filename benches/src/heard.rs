//! What a listener got of a build's numbered lines.

use std::time::Duration;

use tokio::time::Instant;

/// Counts the lines that are numbers, and when they came.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    partial: Vec<u8>,
    numbers: usize,
    last_number: usize,
    out_of_order: bool,
    first_at: Option<Instant>,
    last_at: Option<Instant>,
    over_at: Option<Instant>,
}

impl Heard {
    /// Takes a piece of output, cut anywhere.
    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            self.partial.extend_from_slice(piece);
            if pieces.peek().is_some() {
                self.line();
                self.partial.clear();
            }
        }
    }

    /// How many numbers came.
    pub(crate) const fn numbers(&self) -> usize {
        self.numbers
    }

    /// Whether each of the numbers up to `count` came once and in order.
    pub(crate) const fn all(&self, count: usize) -> bool {
        self.numbers == count && self.last_number == count && !self.out_of_order
    }

    /// From the first number to the last.
    pub(crate) fn took(&self) -> Duration {
        match (self.first_at, self.last_at) {
            (Some(first), Some(last)) => last - first,
            (None, _) | (_, None) => Duration::ZERO,
        }
    }

    /// What they came from is over.
    pub(crate) fn end(&mut self) {
        self.over_at = Some(Instant::now());
    }

    /// From the first number to the end of what they came from.
    pub(crate) fn took_to_end(&self) -> Duration {
        match (self.first_at, self.over_at) {
            (Some(first), Some(over)) => over - first,
            (None, _) | (_, None) => Duration::ZERO,
        }
    }

    fn line(&mut self) {
        let text = std::str::from_utf8(&self.partial).unwrap_or_default();
        let Ok(number) = text.trim_end_matches('\r').parse::<usize>() else { return };
        let now = Instant::now();
        self.first_at.get_or_insert(now);
        self.last_at = Some(now);
        self.out_of_order |= number <= self.last_number;
        self.last_number = number;
        self.numbers += 1;
    }
}

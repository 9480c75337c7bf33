//! What a program writes, cut into records.

/// The longest record that is taken whole.
const MOST_BYTES: usize = 64 << 10;

/// A record longer than any should be.
#[derive(Debug)]
pub(crate) struct TooLong;

/// Puts records together from pieces.
pub(crate) struct Records {
    ends: &'static [u8],
    record: Vec<u8>,
}

impl Records {
    /// Records that end in one of these bytes.
    pub(crate) const fn ending(ends: &'static [u8]) -> Self {
        Self { ends, record: Vec::new() }
    }

    /// Takes a piece and gives on each record that ends in it. After a record that is too
    /// long, its beginning is dropped and the rest is taken for the next.
    pub(crate) fn take(
        &mut self,
        mut piece: &[u8],
        mut give: impl FnMut(&[u8]),
    ) -> Result<(), TooLong> {
        let mut whole = Ok(());
        while let Some(end) = piece.iter().position(|byte| self.ends.contains(byte)) {
            whole = whole.and(self.keep(&piece[..end]));
            give(&self.record);
            self.record.clear();
            piece = &piece[end + 1..];
        }
        whole.and(self.keep(piece))
    }

    /// Gives on what came after the last end.
    pub(crate) fn finish(self, mut give: impl FnMut(&[u8])) {
        if !self.record.is_empty() {
            give(&self.record);
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let fits = self.record.len() + bytes.len() <= MOST_BYTES;
        if !fits {
            self.record.clear();
            return Err(TooLong);
        }
        self.record.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_across_pieces() {
        let mut got = Vec::new();
        let mut records = Records::ending(b"\r\n");
        for piece in [&b"ab"[..], b"c\rd\n\ne", b"f"] {
            records.take(piece, |record| got.push(record.to_vec())).unwrap();
        }
        records.finish(|record| got.push(record.to_vec()));
        assert_eq!(got, [&b"abc"[..], b"d", b"", b"ef"]);
    }

    #[test]
    fn memory_has_an_end() {
        let mut records = Records::ending(b"\n");
        let long = vec![b'x'; MOST_BYTES];
        records.take(&long, |_| panic!("no end yet")).unwrap();
        records.take(b"x", |_| panic!("no end yet")).unwrap_err();
        assert!(records.record.is_empty());
    }
}

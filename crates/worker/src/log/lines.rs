//! Whole lines out of chunks.

use super::{Mask, clean};

/// Longer lines are cut, and the cut is marked.
const MAX_LINE: usize = 64 * 1024;
const CUT: &str = " … [line cut at 64 KiB]";

/// The unfinished line of one output.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
    /// The rest of a line that was cut is passed over.
    skipping: bool,
}

impl Lines {
    /// Takes a chunk and adds each line that it completes, with its newline, to `out`. A line
    /// that has to be cut loses what may be the beginning of a value of `mask`.
    pub(super) fn feed(&mut self, mut chunk: &[u8], mask: &Mask, out: &mut String) {
        if let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = chunk.split_at(end);
            self.extend(head, mask, out);
            self.end(out);
            chunk = tail.get(1..).unwrap_or_default();
        }
        // Most output is plain, and where many lines come at once each of them counts.
        if let Some((whole, rest)) = plain(chunk) {
            out.push_str(whole);
            chunk = rest;
        }
        while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = chunk.split_at(end);
            self.extend(head, mask, out);
            self.end(out);
            chunk = tail.get(1..).unwrap_or_default();
        }
        self.extend(chunk, mask, out);
    }

    /// Adds the line that has no newline yet, if there is one.
    pub(super) fn finish(&mut self, out: &mut String) {
        if !self.partial.is_empty() || self.skipping {
            self.end(out);
        }
    }

    fn extend(&mut self, bytes: &[u8], mask: &Mask, out: &mut String) {
        if self.skipping {
            return;
        }
        if bytes.len() > MAX_LINE - self.partial.len() {
            self.forget_redrawn();
        }
        let room = MAX_LINE - self.partial.len();
        if bytes.len() <= room {
            self.partial.extend_from_slice(bytes);
            return;
        }
        self.partial.extend_from_slice(bytes.get(..room).unwrap_or_default());
        out.push_str(&mask.apply_cut(&clean::line(&self.partial)));
        out.push_str(CUT);
        out.push('\n');
        self.partial.clear();
        self.skipping = true;
    }

    /// Drops what a progress bar has overwritten: it may redraw itself for hours in one line,
    /// of which the last state is what will be shown.
    fn forget_redrawn(&mut self) {
        let shown = self.partial.strip_suffix(b"\r").unwrap_or(&self.partial);
        if let Some(last) = shown.iter().rposition(|byte| *byte == b'\r') {
            self.partial.drain(..=last);
        }
    }

    fn end(&mut self, out: &mut String) {
        if self.skipping {
            self.skipping = false;
            return;
        }
        out.push_str(&clean::line(&self.partial));
        out.push('\n');
        self.partial.clear();
    }
}

/// The whole lines that a chunk begins with, and what is behind them; if there is nothing to cut
/// or to clean in any of them.
fn plain(chunk: &[u8]) -> Option<(&str, &[u8])> {
    let last = chunk.iter().rposition(|byte| *byte == b'\n')?;
    let (whole, rest) = chunk.split_at(last + 1);
    let is_plain = whole.len() <= MAX_LINE && clean::is_plain(whole);
    let whole = is_plain.then(|| std::str::from_utf8(whole).ok()).flatten()?;
    Some((whole, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lines_at_once_are_as_one_by_one() {
        let texts: [&[u8]; 6] = [
            b"first\nplain\ttext\nmore\nrest",
            b"first\nred \x1b[31m\nbar\rlast\n\n",
            b"first\nbad \xff\nnext\n",
            "first\n\u{e9}t\u{e9}\nnext".as_bytes(),
            b"\n\n\n",
            b"first\ncr\r\nlf\r\n",
        ];
        for text in texts {
            let (mut together, mut at_once) = (Lines::default(), String::new());
            together.feed(text, &Mask::default(), &mut at_once);
            together.finish(&mut at_once);
            let (mut apart, mut by_one) = (Lines::default(), String::new());
            for byte in text {
                apart.feed(&[*byte], &Mask::default(), &mut by_one);
            }
            apart.finish(&mut by_one);
            assert_eq!(at_once, by_one);
        }
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = b"one\ntwo \xc3\xa9\n\nlast";
        for size in 1..text.len() {
            let (mut lines, mut out) = (Lines::default(), String::new());
            for chunk in text.chunks(size) {
                lines.feed(chunk, &Mask::default(), &mut out);
            }
            assert_eq!(out, "one\ntwo é\n\n");
            lines.finish(&mut out);
            assert_eq!(out, "one\ntwo é\n\nlast\n");
            lines.finish(&mut out);
            assert_eq!(out.lines().count(), 4);
        }
    }

    #[test]
    fn a_bar_that_is_redrawn_for_long_is_its_last_state() {
        let (mut lines, mut out) = (Lines::default(), String::new());
        for percent in 0..=100 {
            let bar = format!("{percent}% {}\r", "#".repeat(percent * 20));
            lines.feed(bar.as_bytes(), &Mask::default(), &mut out);
        }
        lines.feed(b"\nnext\n", &Mask::default(), &mut out);
        assert_eq!(out, format!("100% {}\nnext\n", "#".repeat(2000)));
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let (mut lines, mut out) = (Lines::default(), String::new());
        let long = vec![b'x'; MAX_LINE + 100_000];
        for chunk in long.chunks(10_000) {
            lines.feed(chunk, &Mask::default(), &mut out);
        }
        lines.feed(b"\nnext\n", &Mask::default(), &mut out);
        let shown: Vec<&str> = out.lines().collect();
        assert_eq!(shown.len(), 2);
        assert_eq!(shown[0].len(), MAX_LINE + CUT.len());
        assert!(shown[0].ends_with(CUT));
        assert_eq!(shown[1], "next");
    }
}

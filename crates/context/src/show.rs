//! Names, sizes and magics, put so that a message can hold them: escaped, short, readable.

/// Characters of a name at most.
pub(crate) const LONGEST_SHOWN: usize = 200;

/// A name from the archive, safe to print.
pub(crate) fn shown(name: &[u8]) -> String {
    shorter(name, LONGEST_SHOWN)
}

/// The same with another length, in characters.
pub(crate) fn shorter(name: &[u8], longest: usize) -> String {
    // A character takes four bytes at most: what lies beyond is not looked at.
    let start = &name[..name.len().min(4 * (longest + 1))];
    let mut text: String = String::from_utf8_lossy(start)
        .chars()
        .flat_map(|char| {
            let escaped = char::escape_debug(char);
            // Quotes in a name are no danger and read better as they are.
            let plain = (char == '\'').then_some(char);
            plain.into_iter().chain(escaped.filter(move |_| plain.is_none()))
        })
        .take(longest + 1)
        .collect();
    if text.chars().count() > longest {
        text.pop();
        text.pop();
        text.push('…');
    }
    text
}

/// The place in the archive, to end a message with.
pub(crate) fn at(entry: Option<&[u8]>) -> String {
    entry.map_or_else(String::new, |name| format!(", at entry \"{}\"", shown(name)))
}

/// A number of bytes in the unit that suits it.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in UNITS {
        let whole = bytes >> shift;
        if whole > 0 {
            let tenths = ((bytes >> (shift - 10)) & 1023) * 10 / 1024;
            return if tenths == 0 || whole >= 100 {
                format!("{whole} {unit}")
            } else {
                format!("{whole}.{tenths} {unit}")
            };
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_to_print_and_short() {
        assert_eq!(shown(b"it's.txt"), "it's.txt");
        assert_eq!(shown(b"a\x1b[31m\"\xff"), "a\\u{1b}[31m\\\"\u{fffd}");
        assert_eq!(shown("\u{202e}x".as_bytes()), "\\u{202e}x");
        let long = shown("ü".repeat(300).as_bytes());
        assert_eq!((long.chars().count(), long.chars().last()), (200, Some('…')));
        assert_eq!(shown(&b"a".repeat(200)), "a".repeat(200));
    }

    #[test]
    fn sizes_read_well() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            (10 << 30, "10 GiB"),
            ((512 << 20) + 1, "512 MiB"),
            (u64::MAX, "17179869183 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}

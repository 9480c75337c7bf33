//! Values as SSH writes them (RFC 4251, 5).

use ssh_encoding::Encode as _;

/// A string: its length, then its bytes.
pub(crate) fn string(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + bytes.len());
    // A vector takes all that is written to it; what is longer than 4 GiB is never here.
    drop(bytes.encode(&mut out));
    out
}

/// A positive number: the shortest string that is not taken for a negative one.
pub(crate) fn mpint(number: &[u8]) -> Vec<u8> {
    let number = without_zeros(number);
    match number.first() {
        Some(0x80..) => string(&[&[0], number].concat()),
        Some(_) | None => string(number),
    }
}

/// A number without zeros before it.
pub(crate) fn without_zeros(number: &[u8]) -> &[u8] {
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    number.get(first..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the RFC.
    #[test]
    fn numbers() {
        assert_eq!(mpint(&[0, 0]), [0, 0, 0, 0]);
        let long = [0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7];
        assert_eq!(
            mpint(&[&[0], long.as_slice()].concat()),
            [&[0, 0, 0, 8], long.as_slice()].concat()
        );
        assert_eq!(mpint(&[0x80]), [0, 0, 0, 2, 0, 0x80]);
    }
}

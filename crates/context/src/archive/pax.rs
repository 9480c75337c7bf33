//! Pax extended headers: records that overrule the header after them.
//!
//! Read here and not by the `tar` crate, which splits records at newlines: a binary value
//! (an extended attribute, say) may hold one, and the length before each record is what
//! counts.

/// What the records say that matters here.
///
/// Times, owners and extended attributes are left behind on purpose. The builder sets the
/// owner; its cache does not look at times below a second; and an attribute would be set on
/// the Docker host with the host's rights (`trusted.*`, `security.*`), where the docker CLI
/// itself sends only file capabilities, which a `RUN setcap` gives as well.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) linkpath: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    /// The entry is a sparse file, whose name and data mean something else.
    pub(super) sparse: bool,
}

/// The records are not `<length> <key>=<value>\n`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

pub(super) fn parse(mut data: &[u8]) -> Result<Records, Malformed> {
    let mut records = Records::default();
    while !data.is_empty() {
        let space = data.iter().take(20).position(|byte| *byte == b' ').ok_or(Malformed)?;
        let length: usize = number(&data[..space])?;
        let record = data.get(space + 1..length).ok_or(Malformed)?;
        data = &data[length..];
        let record = record.strip_suffix(b"\n").ok_or(Malformed)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(Malformed)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            // An empty value takes back what an earlier record said.
            b"path" => records.path = Some(value.to_vec()).filter(|path| !path.is_empty()),
            b"linkpath" => records.linkpath = Some(value.to_vec()).filter(|path| !path.is_empty()),
            b"size" if value.is_empty() => records.size = None,
            b"size" => records.size = Some(number(value)?),
            _ if key.starts_with(b"GNU.sparse.") => records.sparse = true,
            _ => {}
        }
    }
    Ok(records)
}

fn number<N: std::str::FromStr>(digits: &[u8]) -> Result<N, Malformed> {
    // `parse` alone would take a plus sign.
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed);
    }
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_and_newlines_do_not() {
        let data = b"31 SCHILY.xattr.user.x=\n9 a=b\n\n12 path=a/b\n12 size=123\n";
        let records = parse(data).unwrap();
        assert_eq!(records.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!(records.size, Some(123));
        assert!(!records.sparse);
        assert!(parse(b"22 GNU.sparse.major=1\n").unwrap().sparse);
        assert_eq!(parse(b""), Ok(Records::default()));
    }

    #[test]
    fn malformed_records_are_refused() {
        for bad in [
            &b"x"[..],
            b" a=b\n",
            b"0 a=b\n",
            b"1 a=b\n",
            b"3 a=b\n",
            b"99 a=b\n",
            b"+6 a=b\n",
            b"5 a=b\n",
            b"6 a=bc",
            b"5 ab\n",
            b"18446744073709551615 a=b\n",
            b"10 size=x\n",
            b"11 size=-1\n",
        ] {
            assert_eq!(parse(bad), Err(Malformed), "{}", String::from_utf8_lossy(bad));
        }
    }
}

//! Lines as of OpenSSH's `known_hosts`. `ssh` passes over a line that it cannot read and says
//! nothing: the host in it stays unknown, and each build from there fails.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What may stand before the hosts of a line, by sshd(8).
const MARKERS: [&str; 2] = ["@cert-authority", "@revoked"];

/// The number of the first line that is neither a host's key nor a remark.
pub(super) fn junk(text: &str) -> Option<usize> {
    let is_remark = |line: &str| line.is_empty() || line.starts_with('#');
    let odd = |line: &str| !is_remark(line.trim()) && !has_key(line);
    text.lines().position(odd).map(|before| before + 1)
}

/// Whether it is `[marker] hosts type key`, whatever comes after that.
fn has_key(line: &str) -> bool {
    let mut fields = line.split_ascii_whitespace().peekable();
    if let Some(first) = fields.peek()
        && first.starts_with('@')
        && !MARKERS.contains(&fields.next().unwrap_or_default())
    {
        return false;
    }
    let (Some(_), Some(kind), Some(key)) = (fields.next(), fields.next(), fields.next()) else {
        return false;
    };
    STANDARD.decode(key).is_ok_and(|key| is_of_kind(&key, kind.as_bytes()))
}

/// A key begins with its type, with the length of that in four bytes before it (RFC 4253, 6.6).
fn is_of_kind(key: &[u8], kind: &[u8]) -> bool {
    key.split_first_chunk::<4>().is_some_and(|(length, rest)| {
        usize::try_from(u32::from_be_bytes(*length)) == Ok(kind.len())
            && rest.len() > kind.len()
            && rest.starts_with(kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

    #[test]
    fn lines_as_ssh_keyscan_writes_them() {
        let text = format!(
            "# h.example:22 SSH-2.0-OpenSSH_9.2p1\n\nh.example ssh-ed25519 {KEY}\r\n\
             [h.example]:2222,192.0.2.1 ssh-ed25519 {KEY} a remark\n\
             |1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-ed25519 {KEY}\n\
             \t@cert-authority *.example ssh-ed25519 {KEY}\n  # h\n"
        );
        assert_eq!(junk(&text), None);
        assert_eq!(junk(""), None);
    }

    #[test]
    fn what_ssh_would_pass_over_is_told_by_its_line() {
        for line in [
            "hunter2",
            "h.example",
            "h.example ssh-ed25519",
            // Of a key of one's own, which has no host before it.
            &format!("ssh-ed25519 {KEY}"),
            &format!("ssh-ed25519 {KEY} me@h.example"),
            &format!("h.example ssh-rsa {KEY}"),
            &format!("h.example ssh-ed25519 {}", &KEY[..20]),
            &format!("h.example ssh-ed25519 {}!", &KEY[..67]),
            &format!("@trusted h.example ssh-ed25519 {KEY}"),
            "getaddrinfo h.example: Name or service not known",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ] {
            let text = format!("h.example ssh-ed25519 {KEY}\n{line}\n");
            assert_eq!(junk(&text), Some(2), "{line}");
        }
    }
}

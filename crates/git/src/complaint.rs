//! What git says when it fails, understood.
//!
//! Git has one exit status for everything and says the rest in sentences, which are the same
//! in all releases that matter as long as `LC_ALL` is `C`; so are those of curl and OpenSSH,
//! which it passes on. What is not known here is shown as git's own line.

use crate::scrub::Scrub;

/// What git complained of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// The server wants a login, or another one.
    Denied,
    /// The server takes no key that was offered.
    KeyRefused,
    NoRepository,
    /// A page for people answers.
    Page,
    /// The name or commit is not there.
    NoSuchRef,
    /// It is there, but neither a commit nor a tag of one.
    NoCommit,
    /// The server gives away tips of branches and tags only.
    NotOffered,
    Redirect {
        to: Option<String>,
    },
    Status(u16),
    Unreachable(String),
    Tls(String),
    /// TLS was spoken to a port where nobody does.
    NoTls,
    HostKeyUnknown,
    HostKeyOther,
    TooSlow,
    BrokeOff,
    /// A server of files that knows nothing of git.
    Dumb,
    /// An object that does harm in some readers.
    Unsafe(String),
    DiskFull,
    /// Git was built without this protocol.
    NoTransport,
    /// The repository names objects by another hash than ours.
    OtherFormat,
    Other(String),
}

/// Parts of sentences and what they mean. The first that is found counts, wherever it is:
/// what git adds at the end (`the remote end hung up`) is the least telling.
const SENTENCES: &[(&str, Complaint)] = &[
    ("no space left on device", Complaint::DiskFull),
    ("remote host identification has changed", Complaint::HostKeyOther),
    ("host key verification failed", Complaint::HostKeyUnknown),
    ("permission denied (", Complaint::KeyRefused),
    ("too many authentication failures", Complaint::KeyRefused),
    ("could not read username", Complaint::Denied),
    ("could not read password", Complaint::Denied),
    ("unable to get password from user", Complaint::Denied),
    ("authentication failed", Complaint::Denied),
    ("access denied", Complaint::Denied),
    ("mismatched algorithms", Complaint::OtherFormat),
    ("couldn't find remote ref", Complaint::NoSuchRef),
    ("not our ref", Complaint::NoSuchRef),
    // What is said of a tag of something else.
    ("bad revision", Complaint::NoCommit),
    ("does not allow request for unadvertised object", Complaint::NotOffered),
    ("no such remote ref", Complaint::NoSuchRef),
    ("dumb http transport does not support", Complaint::Dumb),
    ("is this a git repository?", Complaint::NoRepository),
    ("does not appear to be a git repository", Complaint::NoRepository),
    ("repository not found", Complaint::NoRepository),
    ("operation too slow", Complaint::TooSlow),
    ("unable to find remote helper", Complaint::NoTransport),
    ("transport '", Complaint::NoTransport),
];

/// Parts of sentences that say why nobody answers.
const UNREACHABLE: [&str; 9] = [
    "connection refused",
    "connection timed out",
    "connection reset",
    "no route to host",
    "network is unreachable",
    "couldn't connect to server",
    "could not connect to server",
    "could not resolve host",
    "kex_exchange_identification",
];

/// Parts of sentences of those who took an answer in plain HTTP for one in TLS: OpenSSL and
/// GnuTLS, which curl is built with.
const NO_TLS: [&str; 4] = [
    "wrong version number",
    "unexpected tls packet was received",
    "packet length too long",
    // A server that hangs up on what it does not understand.
    "gnutls_handshake() failed: the tls connection was non-properly terminated",
];

/// Parts of sentences that are about certificates.
const TLS: [&str; 6] = ["certificate", "ssl", "gnutls", "tls ", "schannel", "alert"];

const BROKE_OFF: [&str; 8] = [
    "early eof",
    "unexpected disconnect",
    "hung up unexpectedly",
    "empty reply from server",
    "rpc failed",
    "transfer closed",
    "connection closed by",
    "invalid index-pack output",
];

impl Complaint {
    /// Reads the lines of a run that failed.
    pub(crate) fn of(lines: &[String], scrub: &Scrub) -> Self {
        let low: Vec<String> = lines.iter().map(|line| line.to_lowercase()).collect();
        let has = |part: &str| low.iter().any(|line| line.contains(part));
        let which =
            |parts: &[&str]| parts.iter().find(|part| has(part)).map(|part| (*part).to_owned());
        for line in lines {
            if let Some(why) = unsafe_object(line) {
                return Self::Unsafe(scrub.line(why));
            }
        }
        if let Some(status) = low.iter().find_map(|line| status(line)) {
            return match status {
                301 | 302 | 303 | 307 | 308 => Self::Redirect { to: None },
                401 | 403 | 407 => Self::Denied,
                404 | 410 => Self::NoRepository,
                other => Self::Status(other),
            };
        }
        let is_missing =
            |line: &String| line.starts_with("fatal: repository '") && line.ends_with("not found");
        if low.iter().any(is_missing) {
            return Self::NoRepository;
        }
        for (part, complaint) in SENTENCES {
            if has(part) {
                return complaint.clone();
            }
        }
        if let Some(why) = which(&UNREACHABLE) {
            return Self::Unreachable(why);
        }
        if which(&NO_TLS).is_some() {
            return Self::NoTls;
        }
        if let Some(line) = lines.iter().find(|line| {
            let low = line.to_lowercase();
            low.contains("unable to access") && TLS.iter().any(|part| low.contains(part))
        }) {
            return Self::Tls(telling(&scrub.line(line)));
        }
        if which(&BROKE_OFF).is_some() {
            return Self::BrokeOff;
        }
        Self::Other(lines.iter().find(|line| is_telling(line)).or(lines.last()).map_or_else(
            || "git failed and did not say why".to_owned(),
            |line| telling(&scrub.line(line)),
        ))
    }
}

/// `The requested URL returned error: 503`.
fn status(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("the requested url returned error: ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// `error: object 4f2a…: hasDotdot: contains '..'`.
fn unsafe_object(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("error: object ")?;
    let (object, why) = rest.split_once(": ")?;
    object.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(why)
}

fn is_telling(line: &str) -> bool {
    ["fatal: ", "error: ", "ERROR: "].iter().any(|word| line.starts_with(word))
}

/// A line without its first word and without the address, which the reader knows.
fn telling(line: &str) -> String {
    let line = ["fatal: ", "error: ", "ERROR: "]
        .iter()
        .find_map(|word| line.strip_prefix(word))
        .unwrap_or(line);
    let line = match line.split_once("unable to access ") {
        Some((_, rest)) => rest.split_once("': ").map_or(rest, |(_, why)| why),
        None => line,
    };
    line.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Complaint {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        Complaint::of(&lines, &Scrub::default())
    }

    #[test]
    fn sentences_of_git_curl_and_ssh() {
        let access = "fatal: unable to access 'https://h.example/a.git/': ";
        for (line, complaint) in [
            (
                "fatal: could not read Username for 'https://h': terminal prompts disabled",
                Complaint::Denied,
            ),
            ("git@h: Permission denied (publickey).", Complaint::KeyRefused),
            ("Host key verification failed.", Complaint::HostKeyUnknown),
            ("fatal: couldn't find remote ref refs/heads/x", Complaint::NoSuchRef),
            ("fatal: remote error: upload-pack: not our ref 4f", Complaint::NoSuchRef),
            ("fatal: repository 'https://h.example/a.git/' not found", Complaint::NoRepository),
            (
                "error: object 4f2a: hasDotdot: contains '..'",
                Complaint::Unsafe("hasDotdot: contains '..'".into()),
            ),
        ] {
            assert_eq!(
                of(&[line, "fatal: the remote end hung up unexpectedly"]),
                complaint,
                "{line}"
            );
        }
        for (why, complaint) in [
            ("The requested URL returned error: 301", Complaint::Redirect { to: None }),
            ("The requested URL returned error: 403", Complaint::Denied),
            ("The requested URL returned error: 503", Complaint::Status(503)),
            (
                "server certificate verification failed. CAfile: none",
                Complaint::Tls("server certificate verification failed. CAfile: none".into()),
            ),
            ("OpenSSL/3.0.15: error:0A00010B:SSL routines::wrong version number", Complaint::NoTls),
            ("gnutls_handshake() failed: An unexpected TLS packet was received.", Complaint::NoTls),
            (
                "gnutls_handshake() failed: The TLS connection was non-properly terminated.",
                Complaint::NoTls,
            ),
            (
                "Failed to connect to h.example port 443: Connection refused",
                Complaint::Unreachable("connection refused".into()),
            ),
        ] {
            assert_eq!(of(&[&format!("{access}{why}")]), complaint, "{why}");
        }
        assert_eq!(of(&["fatal: odd"]), Complaint::Other("odd".into()));
        assert_eq!(of(&[]), Complaint::Other("git failed and did not say why".into()));
    }
}

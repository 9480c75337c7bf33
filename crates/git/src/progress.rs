//! What git says about how far it is.

use std::time::Duration;

use tokio::time::Instant;

/// The least time between two lines about progress.
const REST: Duration = Duration::from_secs(1);

/// Takes a line of git's progress now and then.
pub(crate) struct Progress {
    last: Option<Instant>,
}

impl Progress {
    pub(crate) const fn new() -> Self {
        Self { last: None }
    }

    /// What to say about a line of git, if it is about progress and time to say something.
    pub(crate) fn line(&mut self, line: &str, now: Instant) -> Option<String> {
        let received = received(line)?;
        if self.last.is_some_and(|last| now.duration_since(last) < REST) {
            return None;
        }
        self.last = Some(now);
        Some(received)
    }
}

/// Whether a line is no complaint: progress of git or of the server, or the server's chat.
pub(crate) fn is_progress(line: &str) -> bool {
    const BEGINNINGS: [&str; 10] = [
        "Receiving objects:",
        "Resolving deltas:",
        "Unpacking objects:",
        "remote: Counting objects:",
        "remote: Compressing objects:",
        "remote: Enumerating objects:",
        "remote: Total ",
        "Checking connectivity:",
        "From ",
        " * ",
    ];
    BEGINNINGS.iter().any(|beginning| line.starts_with(beginning))
}

/// `Receiving objects:  45% (9/20), 1.20 MiB | 600.00 KiB/s`.
fn received(line: &str) -> Option<String> {
    let rest = line.strip_prefix("Receiving objects:")?.trim_start();
    let (percent, rest) = rest.split_once(' ')?;
    let bytes = rest.split_once("), ").map(|(_, bytes)| bytes.split(" |").next().unwrap_or(bytes));
    let bytes = bytes.map(|bytes| bytes.trim_end_matches(", done."));
    Some(bytes.map_or_else(
        || format!("received {percent} of the objects"),
        |bytes| format!("received {bytes}, {percent} of the objects"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_git_writes_them() {
        for (line, said) in [
            (
                "Receiving objects:  45% (9/20), 1.20 MiB | 600.00 KiB/s",
                "received 1.20 MiB, 45% of the objects",
            ),
            ("Receiving objects:   5% (1/20)", "received 5% of the objects"),
            (
                "Receiving objects: 100% (20/20), 2.0 MiB | 1.00 MiB/s, done.",
                "received 2.0 MiB, 100% of the objects",
            ),
        ] {
            assert_eq!(received(line).unwrap(), said);
        }
        assert_eq!(received("Resolving deltas: 100% (1/1)"), None);
    }

    #[test]
    fn no_more_than_a_line_a_second() {
        let line = "Receiving objects:   5% (1/20)";
        let (mut progress, start) = (Progress::new(), Instant::now());
        assert!(progress.line(line, start).is_some());
        assert!(progress.line(line, start + REST / 2).is_none());
        assert!(progress.line(line, start + REST).is_some());
    }
}

//! What the commands print.

use std::io::{ErrorKind, Write, stdout};

/// Writes a line to standard output. Whoever has read enough and hung up (`slipwayd config |
/// head`) has all it wanted: that is no error.
///
/// # Errors
/// When it cannot be written, on a full disk for one.
pub(crate) fn say(line: &str) -> Result<(), String> {
    write(&mut stdout().lock(), line)
}

fn write(out: &mut impl Write, line: &str) -> Result<(), String> {
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("standard output cannot be written to: {error}"))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

//! What a command does when nobody takes what it prints.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so by panicking"
)]

use std::fs::File;
use std::process::{Command, Output, Stdio};

/// Commands that print and run nothing.
const COMMANDS: [&str; 2] = ["config", "new-key"];

fn into(stdout: impl Into<Stdio>, command: &str) -> Output {
    let mut slipwayd = Command::new(env!("CARGO_BIN_EXE_slipwayd"));
    let slipwayd = slipwayd.arg(command).env_clear().stdout(stdout).stderr(Stdio::piped());
    slipwayd.spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn a_reader_that_hung_up_is_no_error() {
    for command in COMMANDS {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = into(writer, command);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), &*said), (Some(0), ""), "{command}");
    }
}

#[test]
fn a_full_disk_is_said_in_words() {
    for command in COMMANDS {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ended = into(full, command);
        let said = String::from_utf8_lossy(&ended.stderr);
        let words = "slipwayd: standard output cannot be written to: No space left on device";
        assert!(said.starts_with(words) && said.lines().count() == 1, "{command}: {said}");
        assert_eq!(ended.status.code(), Some(1), "{command}");
    }
}

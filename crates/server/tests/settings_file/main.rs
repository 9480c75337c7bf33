//! Settings as `slipwayd` takes and refuses them, by itself: nothing of this needs a server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says so by panicking"
)]

mod documented;
mod refused;

use std::path::Path;
use std::process::{Command, Output};

/// `slipwayd` with these arguments, and nothing in its environment.
fn slipwayd(arguments: &[&str], file: Option<&Path>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipwayd"));
    command.args(arguments).env_clear();
    if let Some(file) = file {
        command.arg("--config").arg(file);
    }
    command
}

fn config(file: Option<&Path>) -> Output {
    slipwayd(&["config"], file).output().unwrap()
}

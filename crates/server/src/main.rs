//! `slipwayd`: the roles of Slipway, one program.

mod lifecycle;
mod retention;
mod roles;
mod settings;
mod telemetry;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::settings::Settings;

/// Turns a request into an image in a registry.
#[derive(Debug, Parser)]
#[command(name = "slipwayd", version)]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// All roles in one process: SQLite, in-process queue, local files.
    ///
    /// Needs nothing but a Docker host; keeps everything in one data directory.
    Standalone(Common),
    /// Checks the settings and prints those in force, secrets masked.
    Config(Common),
}

#[derive(Debug, Args)]
struct Common {
    /// Settings file (TOML). `SLIPWAY__SECTION__KEY` variables win over it.
    #[arg(long, env = "SLIPWAY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the database, the uploads and the secret key are kept.
    #[arg(long, env = "SLIPWAY_DATA_DIR", value_name = "DIR", default_value = "./slipway-data")]
    data_dir: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let (Role::Standalone(common) | Role::Config(common)) = &cli.role;
    let settings = match Settings::load(common.config.as_deref(), &common.data_dir) {
        Ok(settings) => settings,
        Err(error) => return refuse(&error.to_string()),
    };
    if let Role::Config(_) = cli.role {
        return show(&settings);
    }
    telemetry::start();
    settings.warn_of_old_names();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&format!("the runtime cannot start: {error}")),
    };
    match runtime.block_on(roles::standalone::run(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&telemetry::with_causes(&*error)),
    }
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn show(settings: &Settings) -> ExitCode {
    match settings.as_toml() {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => refuse(&error.to_string()),
    }
}

fn refuse(problem: &str) -> ExitCode {
    eprintln!("slipwayd: {problem}");
    ExitCode::FAILURE
}

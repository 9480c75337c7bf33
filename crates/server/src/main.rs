//! `slipwayd`: the roles of Slipway, one program.

mod deadlines;
mod inbox;
mod lifecycle;
mod log_archive;
mod metrics;
mod parts;
mod retention;
mod roles;
mod settings;
mod stdout;
mod telemetry;

use std::error::Error;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::roles::check::{Daemon, check};
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
    Standalone(Alone),
    /// Takes builds over HTTP and tells of them; runs none.
    ///
    /// Over PostgreSQL and RabbitMQ, in any number. `slipwayd worker` runs the builds.
    Api(Settled),
    /// Claims builds and runs them on the Docker hosts.
    ///
    /// Over PostgreSQL and RabbitMQ, in any number.
    Worker(Settled),
    /// Brings the schema of the PostgreSQL database up to this release.
    Migrate(Settled),
    /// Makes a key for `secrets.key_file` or `secrets.key` and prints it.
    NewKey,
    /// Seals the secrets of builds once more, with the current key.
    ///
    /// Run it after a new key has been given and the old one put under `secrets.old_keys` or
    /// `secrets.old_key_files`. Builds go on meanwhile.
    RotateKeys(Alone),
    /// Takes the blob store of the settings for this installation's own from now on.
    ///
    /// For when it was replaced on purpose and `/health` says that it is not the one that was used
    /// before.
    MarkBlobs(Alone),
    /// The same as standalone, by the command line of generator.
    #[command(hide = true)]
    Web(Web),
    /// Checks the settings and prints those in force, secrets masked.
    ///
    /// Refuses what the daemon would refuse at its start, as far as that can be known without a
    /// word to anybody.
    Config(Checked),
}

#[derive(Debug, Args)]
struct Settled {
    /// Settings file (TOML). `SLIPWAY__SECTION__KEY` variables win over it.
    #[arg(long, env = "SLIPWAY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Alone {
    #[command(flatten)]
    settled: Settled,
    /// Where the database, the uploads and the secret key are kept.
    #[arg(long, env = "SLIPWAY_DATA_DIR", value_name = "DIR", default_value = DATA_DIR)]
    data_dir: PathBuf,
}

#[derive(Debug, Args)]
struct Checked {
    #[command(flatten)]
    alone: Alone,
    /// The daemon that the settings are for. Where queue.url names a broker it is api and
    /// worker if not said, else standalone.
    #[arg(long, value_name = "ROLE")]
    role: Option<Daemon>,
}

#[derive(Debug, Args)]
struct Web {
    #[command(flatten)]
    alone: Alone,
    /// The address of `http.listen`.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// The port of `http.listen`.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

const DATA_DIR: &str = "./slipway-data";

fn main() -> ExitCode {
    let cli = Cli::parse();
    let (config, data_dir) = match &cli.role {
        Role::NewKey => {
            let printed = print(slipway_store::seal::new_key());
            return printed.map_or_else(|problem| refuse(&problem), |()| ExitCode::SUCCESS);
        }
        Role::Standalone(alone) | Role::RotateKeys(alone) | Role::MarkBlobs(alone) => {
            (&alone.settled.config, &*alone.data_dir)
        }
        Role::Config(checked) => (&checked.alone.settled.config, &*checked.alone.data_dir),
        Role::Web(web) => (&web.alone.settled.config, &*web.alone.data_dir),
        Role::Api(settled) | Role::Worker(settled) | Role::Migrate(settled) => {
            (&settled.config, Path::new(DATA_DIR))
        }
    };
    let mut settings = match Settings::load(config.as_deref(), data_dir) {
        Ok(settings) => settings,
        Err(error) => return refuse(&error.to_string()),
    };
    if let Role::Web(web) = &cli.role
        && let Err(error) = settings.listen_at(web.address, web.port)
    {
        return refuse(&error.to_string());
    }
    // Before they are refused: whoever mends them wants to see them.
    if let Role::Config(_) = cli.role
        && let Err(problem) = print(settings.as_toml())
    {
        return refuse(&problem);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&format!("the runtime cannot start: {error}")),
    };
    let _inside = runtime.enter();
    let traces = match telemetry::start(cli.role.name()) {
        Ok(traces) => traces,
        Err(error) => return refuse(&error),
    };
    // The settings as they are printed say it, too.
    if !matches!(cli.role, Role::Config(_)) {
        settings.warn_of_old_names();
    }
    let ended = runtime.block_on(run(&cli.role, settings));
    if let Some(traces) = traces {
        traces.finish();
    }
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&telemetry::with_causes(&*error)),
    }
}

impl Role {
    /// As it is written on the command line.
    const fn name(&self) -> &'static str {
        match self {
            Self::Standalone(_) | Self::Web(_) => "standalone",
            Self::Api(_) => "api",
            Self::Worker(_) => "worker",
            Self::Migrate(_) => "migrate",
            Self::NewKey => "new-key",
            Self::RotateKeys(_) => "rotate-keys",
            Self::MarkBlobs(_) => "mark-blobs",
            Self::Config(_) => "config",
        }
    }
}

async fn run(role: &Role, settings: Settings) -> Result<(), roles::Failure> {
    match role {
        Role::Standalone(_) | Role::Web(_) => roles::standalone::run(settings).await,
        Role::Api(_) => roles::api::run(settings).await,
        Role::Worker(_) => roles::worker::run(settings).await,
        Role::Migrate(_) => roles::migrate::run(settings).await,
        Role::RotateKeys(_) => roles::rotate_keys::run(settings).await,
        Role::MarkBlobs(_) => roles::mark_blobs::run(settings).await,
        Role::Config(Checked { role: Some(role), .. }) => check(&settings, *role),
        Role::Config(Checked { role: None, .. }) => {
            Daemon::likely(&settings).iter().try_for_each(|role| check(&settings, *role))
        }
        // It is printed by now.
        Role::NewKey => Ok(()),
    }
}

fn print(made: Result<String, impl Error>) -> Result<(), String> {
    made.map_err(|error| telemetry::with_causes(&error)).and_then(|text| stdout::say(&text))
}

fn refuse(problem: &str) -> ExitCode {
    // Where that cannot be said either, the exit code says it.
    let _ = writeln!(std::io::stderr(), "slipwayd: {problem}");
    ExitCode::FAILURE
}

//! `sztp serve`.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
};

use bootstrap_server::{
    RunningServer,
    config::{Acceptance, ServerConfig},
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{Failure, notify::Supervisor};
use crate::output;

const EXAMPLES: &str = "Examples:
  sztp serve
  sztp serve --config /etc/sztp/sztp.toml --json
  sztp serve --check-config

Ctrl-C or SIGTERM lets what is under way finish, and ends.";

/// Arguments of `sztp serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The configuration file
    #[arg(long, default_value = "sztp.toml")]
    config: PathBuf,
    /// Check the configuration and everything it names, and exit
    #[arg(long)]
    check_config: bool,
    /// Accept what sztp.toml lets devices do more than before (see `sztp policy`)
    #[arg(long)]
    accept_policies: bool,
    /// Log as JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut config = ServerConfig::load(&args.config)?;
    if args.accept_policies {
        config.acceptance = Acceptance::AtStart;
    }
    if args.check_config {
        output::line(&format!("{}: good", args.config.display()));
        return Ok(ExitCode::SUCCESS);
    }
    start_logging(args.json);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let supervisor = Supervisor::find()?;
        let mut server = bootstrap_server::start(config).await?;
        if let Some(devices) = server.device_address() {
            output::line(&format!("listening for devices on https://{devices}"));
        }
        if let Some(operators) = server.operator_address() {
            output::line(&format!("listening for operators on https://{operators}"));
        }
        if let Some(authority) = server.authority_address() {
            output::line(&format!("listening for those who show certificates on https://{authority}"));
        }
        if let Some(publication) = server.publication_address() {
            output::line(&format!("publishing on http://{publication}"));
        }
        if let Some(dhcp4) = server.dhcp4_address() {
            output::line(&format!("answering DHCPv4 on {dhcp4}"));
        }
        if let Some(dhcp6) = server.dhcp6_address() {
            output::line(&format!("answering DHCPv6 on {dhcp6}"));
        }
        let mut reload = signal(SignalKind::hangup())?;
        supervisor.ready();
        let failed = loop {
            tokio::select! {
                () = supervisor.alive() => {}
                stopped = wait_for_stop() => break stopped.map(|()| None)?,
                error = server.failed() => break Some(error),
                _ = reload.recv() => reload_files(&server, &args.config),
            }
        };
        supervisor.stopping();
        output::error("stopping");
        server.stop().await;
        match failed {
            None => Ok(ExitCode::SUCCESS),
            // Half a server is none: whoever supervises the process starts it again.
            Some(error) => Err(error.into()),
        }
    })
}

/// On SIGHUP. What cannot be used leaves everything as it was: a server must not stop for a slip in a file.
fn reload_files(server: &RunningServer, path: &Path) {
    let reloaded = ServerConfig::load(path).map_err(Failure::from);
    if let Err(error) = reloaded.and_then(|config| Ok(server.reload(&config)?)) {
        output::error(&format!("nothing was reloaded: {error}"));
    }
}

fn start_logging(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let ansi = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr);
    if json { builder.json().init() } else { builder.init() }
}

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn wait_for_stop() -> Result<(), std::io::Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

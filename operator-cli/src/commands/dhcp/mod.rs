//! `sztp dhcp`: the DHCP servers.

mod leases;

use std::process::ExitCode;

use clap::Subcommand;

use super::Failure;

/// Subcommands of `sztp dhcp`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What the DHCP servers have lent
    #[command(subcommand)]
    Leases(leases::Command),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Leases(command) => leases::run(command),
    }
}

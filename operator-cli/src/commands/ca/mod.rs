//! `sztp ca`: the folder of an authority.

mod init;

use std::process::ExitCode;

use clap::Subcommand;

use super::Failure;

/// Subcommands of `sztp ca`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a folder that issues certificates and vouchers: keys, certificates, database, configuration
    Init(Box<init::Args>),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Init(args) => init::run(args),
    }
}

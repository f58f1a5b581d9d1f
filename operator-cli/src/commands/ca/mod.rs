//! `sztp ca`: the folder of an authority.

mod init;
mod look;

use std::process::ExitCode;

use clap::Subcommand;

use super::Failure;

/// Subcommands of `sztp ca`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a folder that issues certificates and vouchers: keys, certificates, database, configuration
    Init(Box<init::Args>),
    /// Show the authorities of a folder, and what they issue
    #[command(after_help = "Examples:\n  sztp ca show\n  sztp ca show --ca maker --output json")]
    Show(look::ShowArgs),
    /// Write the certificate of an authority and those above it
    Export(look::ExportArgs),
    /// Write the revocation lists
    Crl(look::CrlArgs),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Init(args) => init::run(args),
        Command::Show(args) => look::show(args),
        Command::Export(args) => look::export(args),
        Command::Crl(args) => look::crl(args),
    }
}

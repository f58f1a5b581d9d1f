//! `sztp voucher`: ownership vouchers of any manufacturer, on files alone.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Failure, artifact::inspect};

/// Subcommands of `sztp voucher`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Explain a voucher, layer by layer
    Inspect(inspect::Args),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Inspect(args) => inspect::run(args),
    }
}

//! `sztp enroll`: certificates of devices.

mod account;
mod explain;
mod odd;

use std::process::ExitCode;

use clap::Subcommand;

use super::Failure;

/// Subcommands of `sztp enroll`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say which device a certificate would be, by whose rules and why, and what the device listeners would do
    Explain(Box<explain::Args>),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Explain(args) => explain::run(args),
    }
}

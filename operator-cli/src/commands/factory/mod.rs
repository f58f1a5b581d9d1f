//! `sztp factory`: what a factory line may certify.

mod create;
mod order;

use std::process::ExitCode;

use clap::Subcommand;

use super::Failure;

/// Subcommands of `sztp factory`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make, list, show and close production orders, and allow second certificates
    #[command(subcommand)]
    Order(Box<order::Command>),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Order(command) => order::run(command),
    }
}

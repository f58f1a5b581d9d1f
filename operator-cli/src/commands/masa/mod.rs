//! `sztp masa`: what a manufacturer keeps about owners and devices.

mod claim;
pub(crate) mod device;
pub(crate) mod folder;
pub(crate) mod line;
pub(crate) mod owner;

use std::process::ExitCode;

use clap::Subcommand;

use super::{Failure, change::block_on};

/// Subcommands of `sztp masa`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Record owners, and the certificates that vouchers pin for them
    #[command(subcommand)]
    Owner(owner::Command),
    /// Record product lines: what all devices of one kind have in common
    #[command(subcommand)]
    Line(line::Command),
    /// Record devices and to whom they are sold, and say whose one is
    #[command(subcommand)]
    Device(device::Command),
    /// List vouchers that wait for a second person, and agree to one
    #[command(subcommand)]
    Claim(claim::Command),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    block_on(async {
        match command {
            Command::Owner(command) => owner::run(command).await,
            Command::Line(command) => line::run(command).await,
            Command::Device(command) => device::run(command).await,
            Command::Claim(command) => claim::run(command).await,
        }
    })
}

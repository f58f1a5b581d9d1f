//! `sztp enroll`: certificates, issued and looked after; and which device one would be.

mod account;
mod bulk;
mod explain;
mod issue;
mod list;
mod odd;
mod office;
mod results;
mod revoke;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

use super::Failure;

/// Subcommands of `sztp enroll`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Issue a certificate for a request (PKCS#10)
    Issue(Box<issue::Args>),
    /// Issue certificates for many requests, with a file of results from which it can go on
    Bulk(Box<bulk::Args>),
    /// List the certificates that were issued
    List(Box<list::Args>),
    /// Show a certificate that was issued
    #[command(
        after_help = "Examples:\n  sztp enroll show device.pem\n  sztp enroll show devices/4f0a22c1 --pem --ca maker"
    )]
    Show(Box<show::Args>),
    /// Issue a certificate that goes on from one that still holds: the same names, a new key or the same
    Renew(Box<issue::RenewArgs>),
    /// Revoke a certificate
    Revoke(Box<revoke::Args>),
    /// Say which device a certificate would be, by whose rules and why, and what the device listeners would do
    Explain(Box<explain::Args>),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Issue(args) => issue::run(args),
        Command::Bulk(args) => bulk::run(args),
        Command::List(args) => list::run(args),
        Command::Show(args) => show::run(args),
        Command::Renew(args) => issue::renew(args),
        Command::Revoke(args) => revoke::run(args),
        Command::Explain(args) => explain::run(args),
    }
}

//! `sztp`: secure zero-touch provisioning, for people and for servers.

mod commands;
mod demo;
mod explain;
mod files;
mod output;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Secure zero-touch provisioning (RFC 8572): the whole system on one machine, and every operator command.
#[derive(Debug, Parser)]
#[command(name = "sztp", version, about, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take devices from power-on to bootstrapped on this machine, with planted rogues
    Demo(demo::Args),
    /// Run the bootstrap server, and the DHCP server beside it if one is configured
    Serve(commands::serve::Args),
    /// Make, explain and verify artifacts, on files alone
    #[command(subcommand)]
    Artifact(commands::artifact::Command),
    /// Explain and verify ownership vouchers, on files alone
    #[command(subcommand)]
    Voucher(commands::voucher::Command),
    /// Check the audit log
    #[command(subcommand)]
    Audit(commands::audit::Command),
    /// Write everything that a server has stored into one file
    Backup(commands::backup::Args),
    /// Check a backup, or restore it into an empty database
    Restore(commands::restore::Args),
    /// Look for what keeps the server from onboarding devices, and say the fix for each
    Doctor(commands::doctor::Args),
    /// Explain a reason code: what happened, why, and what to do
    Explain(commands::explain::Args),
}

const EXAMPLES: &str = "Examples:
  sztp demo                                    the whole story; servers stay up until Ctrl-C
  sztp demo --once --json                      the same, as one JSON document
  sztp serve --config sztp.toml
  sztp artifact inspect conveyed-information.cms
  sztp audit verify --config sztp.toml
  sztp explain owner-not-pinned

Exit codes: 0 done, 1 failed, 2 usage, 3 refused by verification, 4 not found, 5 cannot reach the server.";

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => commands::serve::run(&args),
        Command::Artifact(command) => commands::artifact::run(&command),
        Command::Voucher(command) => commands::voucher::run(&command),
        Command::Audit(command) => commands::audit::run(&command),
        Command::Backup(args) => commands::backup::run(&args),
        Command::Restore(args) => commands::restore::run(&args),
        Command::Doctor(args) => commands::doctor::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            output::error(&format!("sztp: {failure}"));
            failure.exit_code()
        }
    }
}

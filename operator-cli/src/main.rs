//! `sztp`: secure zero-touch provisioning, for people and for servers.

mod commands;
mod demo;
#[cfg(test)]
mod documentation;
mod explain;
mod files;
mod output;
mod server;
mod show;
mod site;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use mimalloc::MiMalloc;

/// A storm leaves glibc's heap in pieces, and searching them took a quarter of the server's time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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
    /// Make a folder from which a bootstrap server starts: configuration, keys, certificates, database, first user
    Init(Box<commands::init::Args>),
    /// Run the bootstrap server, and the DHCP server beside it if one is configured
    Serve(commands::serve::Args),
    /// Make, explain and verify artifacts, on files alone
    #[command(subcommand)]
    Artifact(commands::artifact::Command),
    /// Say what a running server is and how it does
    Status(Box<commands::status::Args>),
    /// Add, import, list, follow, approve and retire devices
    #[command(subcommand)]
    Device(commands::device::Command),
    /// Add and show the manufacturers whose devices are taken in
    #[command(subcommand)]
    Manufacturer(commands::manufacturer::Command),
    /// Make and look after the folder of an authority, which issues certificates and vouchers
    #[command(subcommand)]
    Ca(commands::ca::Command),
    /// Issue certificates, list, renew and revoke them; say which device a certificate is of
    #[command(subcommand)]
    Enroll(commands::enroll::Command),
    /// Say what a factory line may certify
    #[command(subcommand)]
    Factory(commands::factory::Command),
    /// Say what devices are to become
    #[command(subcommand)]
    Profile(commands::profile::Command),
    /// Show the owner's policies, and accept those that sztp.toml proposes
    Policy(commands::policy::Args),
    /// Import, explain and verify ownership vouchers
    #[command(subcommand)]
    Voucher(commands::voucher::Command),
    /// Record owners, devices and sales, for a MASA
    #[command(subcommand)]
    Masa(commands::masa::Command),
    /// Say who may use the operator API
    #[command(subcommand)]
    User(commands::user::Command),
    /// Make and revoke what opens the operator API
    #[command(subcommand)]
    Token(commands::token::Command),
    /// Make and show private keys, in files and in tokens
    #[command(subcommand)]
    Key(commands::key::Command),
    /// Read, follow and check the audit log
    #[command(subcommand)]
    Audit(commands::audit::Command),
    /// Write everything that a server has stored into one file
    Backup(commands::backup::Args),
    /// Check a backup, or restore it into an empty database
    Restore(commands::restore::Args),
    /// Look after the DHCP servers, or after options 143 and 136 of one that a site keeps
    #[command(subcommand)]
    Dhcp(commands::dhcp::Command),
    /// Look for what keeps the server from onboarding devices, and say the fix for each
    Doctor(commands::doctor::Args),
    /// Explain a device or a reason code: what happened, why, and what to do
    Explain(Box<commands::explain::Args>),
    /// Print what a shell needs to complete commands
    Completions(commands::manual::CompletionsArgs),
    /// Print or write the manual pages
    Man(commands::manual::ManArgs),
}

const EXAMPLES: &str = "Examples:
  sztp demo                                    the whole story; servers stay up until Ctrl-C
  sztp demo --once --json                      the same, as one JSON document
  sztp init site && cd site && sztp serve      a server of your own
  sztp status                                  in that folder, or with --server
  sztp device list --stuck
  sztp explain SN-0001
  sztp artifact inspect conveyed-information.cms
  sztp audit verify --config sztp.toml
  sztp explain owner-not-pinned

Exit codes: 0 done, 1 failed, 2 usage, 3 refused by verification, 4 not found, 5 cannot reach the server.";

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => commands::serve::run(&args),
        Command::Init(args) => commands::init::run(&args),
        Command::Status(args) => commands::status::run(&args),
        Command::Device(command) => commands::device::run(&command),
        Command::Manufacturer(command) => commands::manufacturer::run(&command),
        Command::Ca(command) => commands::ca::run(&command),
        Command::Enroll(command) => commands::enroll::run(&command),
        Command::Profile(command) => commands::profile::run(&command),
        Command::Policy(args) => commands::policy::run(&args),
        Command::User(command) => commands::user::run(&command),
        Command::Token(command) => commands::token::run(&command),
        Command::Artifact(command) => commands::artifact::run(&command),
        Command::Factory(command) => commands::factory::run(&command),
        Command::Masa(command) => commands::masa::run(&command),
        Command::Voucher(command) => commands::voucher::run(&command),
        Command::Key(command) => commands::key::run(&command),
        Command::Audit(command) => commands::audit::run(&command),
        Command::Backup(args) => commands::backup::run(&args),
        Command::Restore(args) => commands::restore::run(&args),
        Command::Dhcp(command) => commands::dhcp::run(&command),
        Command::Doctor(args) => commands::doctor::run(&args),
        Command::Completions(args) => Ok(commands::manual::completions(&args, Cli::command())),
        Command::Man(args) => commands::manual::man(&args, Cli::command()),
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

//! `sztp device`: the devices of a running server.

mod add;
mod change;
mod decide;
mod import;
mod list;
pub(crate) mod name;
mod show;
mod watch;

use std::process::ExitCode;

use clap::Subcommand;

use super::{Failure, change::block_on};
use crate::show::{Column, column};

/// Subcommands of `sztp device`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put one device on the list
    Add(Box<add::Args>),
    /// Put many devices on the list, from CSV or JSON
    Import(Box<import::Args>),
    /// List devices: all of them, or those of a state, profile, rack …
    List(Box<list::Args>),
    /// Show one device: what it is, how far it has come, what it reported
    Show(Box<show::Args>),
    /// Follow devices live, until Ctrl-C or a state is reached
    Watch(Box<watch::Args>),
    /// Let held or refused devices through
    Approve(Box<decide::ApproveArgs>),
    /// Take devices out of service
    Retire(Box<decide::DecideArgs>),
    /// Let devices begin again, whatever state they are in
    Reprovision(Box<decide::DecideArgs>),
    /// Say that somebody has looked at the alarms of devices
    #[command(after_help = decide::CLEAR_EXAMPLES)]
    ClearAlarm(Box<decide::DecideArgs>),
    /// Make a new activation code for a device, which is shown once
    ActivationCode(Box<decide::ActivationCodeArgs>),
    /// Change what is written down about a device
    Change(Box<change::Args>),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    block_on(async {
        match command {
            Command::Add(args) => add::run(args).await,
            Command::Import(args) => import::run(args).await,
            Command::List(args) => list::run(args).await,
            Command::Show(args) => show::run(args).await,
            Command::Watch(args) => watch::run(args).await,
            Command::Approve(args) => decide::approve(args).await,
            Command::Retire(args) => decide::retire(args).await,
            Command::Reprovision(args) => decide::reprovision(args).await,
            Command::ClearAlarm(args) => decide::clear_alarm(args).await,
            Command::ActivationCode(args) => decide::activation_code(args).await,
            Command::Change(args) => change::run(args).await,
        }
    })
}

/// Columns of a device. Those that an import takes have the names that it takes them by.
pub(crate) const COLUMNS: &[Column] = &[
    column("manufacturer", "/manufacturer"),
    column("serial-number", "/serial-number"),
    column("profile", "/profile"),
    column("state", "/state"),
    column("detail", "/detail"),
    column("since", "/since"),
    column("vouched", "/vouched"),
    column("stuck", "/waiting/stuck/reason"),
    column("alarm", "/alarm/reason"),
    column("rack", "/rack"),
    column("slot", "/slot"),
    column("host", "/host"),
];

/// Columns that a list has when they are asked for by name.
const MORE_COLUMNS: &[Column] = &[
    column("model", "/model"),
    column("mac-addresses", "/mac-addresses"),
    column("uuid", "/uuid"),
    column("waits-for", "/waiting/responsible"),
    column("until", "/waiting/deadline"),
    column("last-proof", "/proof/at"),
    column("from", "/proof/source"),
    column("certificate", "/proof/certificate"),
    column("version", "/version"),
];

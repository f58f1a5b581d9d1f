//! `sztp dhcp`: the DHCP servers; options 143 and 136, for whoever keeps one of their own.

mod decode;
mod encode;
mod explain;
mod family;
mod judged;
mod leases;
mod lint;
mod octets;
mod snippet;
mod syntax;
mod uris;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use ::dhcp::bootstrap_uri::UriError;
use clap::Subcommand;

use super::Failure;

/// Subcommands of `sztp dhcp`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the value of option 143 or 136 in hexadecimal
    Encode(encode::Args),
    /// Explain the value of option 143 or 136
    Decode(decode::Args),
    /// Explain what a client would be answered, and why
    Explain(Box<explain::Args>),
    /// What the DHCP servers have lent
    #[command(subcommand)]
    Leases(leases::Command),
    /// Judge options 143 and 136 in configurations of Kea, dnsmasq and ISC dhcpd
    Lint(lint::Args),
    /// Write a piece of configuration with options 143 and 136, for Kea, dnsmasq or ISC dhcpd
    Snippet(snippet::Args),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Encode(args) => encode::run(args),
        Command::Decode(args) => decode::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Leases(command) => leases::run(command),
        Command::Lint(args) => lint::run(args),
        Command::Snippet(args) => snippet::run(args),
    }
}

/// Why a command about options 143 and 136 did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DhcpFailure {
    /// What was given is no octets.
    #[error("not hexadecimal: {0}; give pairs of digits, with or without 0x, colons and blanks")]
    Hex(#[from] octets::HexFault),
    /// What a client would be answered cannot be said.
    #[error(transparent)]
    Explain(#[from] bootstrap_server::dhcp::ExplainError),
    /// A form cannot say it.
    #[error("{0}; `sztp dhcp encode --help` lists the forms")]
    Form(#[from] ::dhcp::bootstrap_uri::FormUnsuited),
    /// A server cannot send it.
    #[error(transparent)]
    Snippet(#[from] snippet::SnippetRefused),
    /// A name of the configuration makes no URI.
    #[error("device-listener.names: {name:?} with port {port} makes no bootstrap server URI ({fault}); give --uri")]
    Name {
        /// The name.
        name: String,
        /// The port.
        port: u16,
        /// Why.
        fault: UriError,
    },
    /// It cannot be told whose a configuration is.
    #[error("{}: this looks like no configuration of Kea, dnsmasq or ISC dhcpd; say whose it is with --kind", path.display())]
    Kind {
        /// Which.
        path: PathBuf,
    },
    /// A configuration cannot be read.
    #[error("{}: {why}; the server itself says more, or --kind is another", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: lint::Unreadable,
    },
}

impl DhcpFailure {
    fn unreadable(path: &Path, why: lint::Unreadable) -> Self {
        Self::Unreadable { path: path.to_owned(), why }
    }

    /// Whether other arguments would help.
    pub(crate) const fn is_usage(&self) -> bool {
        !matches!(self, Self::Unreadable { .. })
    }
}

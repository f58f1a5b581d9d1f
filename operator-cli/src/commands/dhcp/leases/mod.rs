//! `sztp dhcp leases`: what the DHCP servers have lent.

mod export;
mod import;
mod list;
mod release;

use std::process::ExitCode;

use clap::Subcommand;
use operator_api::DhcpLeaseQuery;

use super::super::{Failure, change::block_on};
use crate::show::{Column, column};

/// Leases asked for at a time: the most that a server gives.
const PAGE: u32 = 1000;

/// Subcommands of `sztp dhcp leases`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List leases
    List(Box<list::Args>),
    /// Write the leases that run as dnsmasq's file of leases
    Export(Box<export::Args>),
    /// Go on with the leases of a dnsmasq
    Import(Box<import::Args>),
    /// End leases before their time
    Release(Box<release::Args>),
}

pub(super) fn run(command: &Command) -> Result<ExitCode, Failure> {
    block_on(async {
        match command {
            Command::List(args) => list::run(args).await,
            Command::Export(args) => export::run(args).await,
            Command::Import(args) => import::run(args).await,
            Command::Release(args) => release::run(args).await,
        }
    })
}

/// Which leases.
#[derive(Debug, clap::Args)]
struct Wanted {
    /// Only those of the client with this MAC address
    #[arg(long, value_name = "MAC")]
    mac: Option<String>,
    /// Only those in this subnet, such as 192.0.2.0/24
    #[arg(long, value_name = "SUBNET")]
    subnet: Option<String>,
}

impl Wanted {
    /// The first page, of those that have ended or not, if that is asked.
    fn query(&self, expired: Option<bool>) -> DhcpLeaseQuery {
        let (mac, subnet) = (self.mac.clone(), self.subnet.clone());
        DhcpLeaseQuery { mac, subnet, expired, after: None, limit: Some(PAGE) }
    }
}

const COLUMNS: &[Column] = &[
    column("address", "/address"),
    column("standing", "/standing"),
    column("mac", "/mac"),
    column("host-name", "/host-name"),
    column("expires", "/expires"),
    column("since", "/since"),
    column("identifier", "/identifier"),
    column("iaid", "/iaid"),
];

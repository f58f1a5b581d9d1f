//! `sztp dhcp leases release`.

use std::{net::IpAddr, process::ExitCode};

use operator_api::Because;

use super::{super::super::change::ChangeArgs, COLUMNS, Failure};

/// Arguments of `sztp dhcp leases release`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The address that was lent
    address: IpAddr,
    /// Why, in your words: it stands in the audit log
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp dhcp leases release 192.0.2.17 --reason 'the board was scrapped'
  sztp dhcp leases release 2001:db8::17 --reason 'ticket 4711' --dry-run

Anybody may be given the address from now on. The client is not told, and goes on using it until it wants to renew: make sure
that it is gone. An address in conflict is given again, too.";

pub(super) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let client = args.change.server.client()?;
    let because = Because { reason: args.reason.clone() };
    let address = args.address.to_string();
    let released = client.release_dhcp_lease(&address, &because, args.change.intent()).await?;
    let done = if released.is_some() { format!("released {address}") } else { format!("release {address}") };
    args.change.tell(&done, COLUMNS, released.as_ref());
    Ok(ExitCode::SUCCESS)
}

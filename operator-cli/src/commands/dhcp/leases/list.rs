//! `sztp dhcp leases list`.

use std::process::ExitCode;

use super::{COLUMNS, Failure, Wanted};
use crate::{
    output,
    server::ServerArgs,
    show::{FormArgs, Listing},
};

/// Arguments of `sztp dhcp leases list`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    wanted: Wanted,
    /// Only those that have ended
    #[arg(long, conflicts_with = "running")]
    expired: bool,
    /// Only those that hold
    #[arg(long)]
    running: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const EXAMPLES: &str = "Examples:
  sztp dhcp leases list --running
  sztp dhcp leases list --mac 02:00:5e:10:00:01
  sztp dhcp leases list --subnet 2001:db8::/64 --output csv > leases.csv

A lease that has ended stays on record for a while ([retention] dhcp-leases in sztp.toml), so that a client that comes back
finds the address that it had.";

pub(super) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let client = args.server.client()?;
    let mut wanted = args.wanted.query(args.expired.then_some(true).or_else(|| args.running.then_some(false)));
    let mut listing = Listing::new(args.form.form, COLUMNS);
    loop {
        let page = client.dhcp_leases(&wanted).await?;
        output::text(&listing.page(&page.leases));
        wanted.after = page.next;
        if wanted.after.is_none() || output::is_unread() {
            break;
        }
    }
    output::text(&listing.end());
    Ok(ExitCode::SUCCESS)
}

//! `sztp device list`.

use std::process::ExitCode;

use operator_api::DeviceQuery;

use super::{COLUMNS, Failure, MORE_COLUMNS};
use crate::{
    output,
    server::ServerArgs,
    show::{Column, FormArgs, Listing},
};

/// Devices asked for at a time: the most that a server gives.
const PAGE: u32 = 1000;

/// Arguments of `sztp device list`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only those in this state: registered, vouched, held, seen, redirected, referred, onboarding, bootstrapped, failed, refused or
    /// retired
    #[arg(long)]
    state: Option<String>,
    /// Only those of this manufacturer
    #[arg(long)]
    manufacturer: Option<String>,
    /// Only those with this profile
    #[arg(long)]
    profile: Option<String>,
    /// Only those in this rack
    #[arg(long)]
    rack: Option<String>,
    /// Only those with this host name
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Only those with this UUID
    #[arg(long)]
    uuid: Option<String>,
    /// Only those whose serial number starts so
    #[arg(long, value_name = "TEXT")]
    serial_prefix: Option<String>,
    /// Only those that are past a deadline
    #[arg(long)]
    stuck: bool,
    /// Only those with an alarm
    #[arg(long)]
    alarmed: bool,
    /// Most that is shown; all of them unless said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// The columns of a table or CSV, in this order: those of the table, and model, mac-addresses, uuid, waits-for, until,
    /// last-proof, from, certificate and version
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = named)]
    columns: Vec<Column>,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// For clap: the column of this name.
fn named(name: &str) -> Result<Column, String> {
    let all = || COLUMNS.iter().chain(MORE_COLUMNS);
    let found = all().find(|column| column.name() == name).copied();
    found.ok_or_else(|| format!("there are {}", all().map(|it| it.name()).collect::<Vec<_>>().join(", ")))
}

const EXAMPLES: &str = "Examples:
  sztp device list --state held
  sztp device list --rack r7 --stuck
  sztp device list --output csv > devices.csv
  sztp device list --columns serial-number,state,waits-for,until
  sztp device list --output json | jq -r '.[] | select(.vouched | not) | .\"serial-number\"'

A list to be edited in a spreadsheet and given to `sztp device import --update`:
  sztp device list --output csv --columns manufacturer,serial-number,profile,model,mac-addresses,uuid,host,slot,rack

In CSV, a text that a spreadsheet would run as a formula begins with an apostrophe, which an import takes away again.";

pub(super) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let client = args.server.client()?;
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut wanted = DeviceQuery {
        manufacturer: args.manufacturer.clone(),
        serial_prefix: args.serial_prefix.clone(),
        state: args.state.clone(),
        profile: args.profile.clone(),
        rack: args.rack.clone(),
        host: args.host.clone(),
        uuid: args.uuid.clone(),
        stuck: args.stuck.then_some(true),
        alarmed: args.alarmed.then_some(true),
        ..DeviceQuery::default()
    };
    let columns = if args.columns.is_empty() { COLUMNS } else { &args.columns };
    let mut listing = Listing::new(args.form.form, columns);
    loop {
        wanted.limit = Some(u32::try_from(left).unwrap_or(PAGE).min(PAGE));
        let page = client.devices(&wanted).await?;
        output::text(&listing.page(&page.devices));
        left = left.saturating_sub(u64::try_from(page.devices.len()).unwrap_or(u64::MAX));
        wanted.after = page.next;
        if wanted.after.is_none() || left == 0 || output::is_unread() {
            break;
        }
    }
    output::text(&listing.end());
    Ok(ExitCode::SUCCESS)
}

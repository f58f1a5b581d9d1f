//! `sztp voucher list`.

use std::process::ExitCode;

use operator_api::VoucherQuery;

use super::{
    super::{Failure, change::block_on},
    date,
};
use crate::{
    output,
    server::ServerArgs,
    show::{Column, FormArgs, Listing, column},
};

/// Vouchers asked for at a time: the most that a server gives.
const PAGE: u32 = 1000;

/// What is expiring does so within this many seconds: 30 days.
const SOON: i64 = 30 * 24 * 3600;

/// Arguments of `sztp voucher list`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only those for devices of this manufacturer
    #[arg(long, value_name = "NAME")]
    manufacturer: Option<String>,
    /// Only those for this serial number
    #[arg(long, value_name = "SERIAL")]
    serial_number: Option<String>,
    /// Only those for serial numbers that start so
    #[arg(long, value_name = "TEXT")]
    serial_prefix: Option<String>,
    /// Only those that expire before this date
    #[arg(long, value_name = "DATE", value_parser = date)]
    expires_before: Option<String>,
    /// Only what is to be renewed: those that expire within 30 days, or before --expires-before, of devices that have none that
    /// lasts longer
    #[arg(long)]
    expiring: bool,
    /// Only those that pin the certificate with this SHA-256
    #[arg(long, value_name = "SHA256")]
    pins: Option<String>,
    /// Only those whose devices are on the list
    #[arg(long, conflicts_with = "unregistered")]
    registered: bool,
    /// Only those whose devices are on no list
    #[arg(long)]
    unregistered: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const EXAMPLES: &str = "Examples:
  sztp voucher list --expiring
  sztp voucher list --expires-before 2027-01-01 --manufacturer example-maker
  sztp voucher list --unregistered --output csv > spare.csv
  sztp voucher list --output json | jq -r '.[] | select(.\"pins-owner\" | not) | .\"serial-number\"'

A device may have several vouchers. The newest that is valid and pins this owner is served; the others are kept for history
until the device is erased.";

const COLUMNS: &[Column] = &[
    column("manufacturer", "/manufacturer"),
    column("serial-number", "/serial-number"),
    column("standing", "/standing"),
    column("expires-on", "/expires-on"),
    column("created-on", "/created-on"),
    column("pins", "/pins"),
    column("pins-owner", "/pins-owner"),
    column("state", "/state"),
];

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    block_on(async {
        let client = args.server.client()?;
        let soon = || super::super::artifact::at_or_now(None).plus_seconds(SOON).to_string();
        let mut wanted = VoucherQuery {
            manufacturer: args.manufacturer.clone(),
            serial_number: args.serial_number.clone(),
            serial_prefix: args.serial_prefix.clone(),
            expires_before: args.expires_before.clone().or_else(|| args.expiring.then(soon)),
            last: args.expiring.then_some(true),
            pins: args.pins.as_ref().map(|digest| digest.to_ascii_lowercase().replace(':', "")),
            registered: args.registered.then_some(true).or_else(|| args.unregistered.then_some(false)),
            after: None,
            limit: Some(PAGE),
        };
        let mut listing = Listing::new(args.form.form, COLUMNS);
        loop {
            let page = client.vouchers(&wanted).await?;
            output::text(&listing.page(&page.vouchers));
            wanted.after = page.next;
            if wanted.after.is_none() || output::is_unread() {
                break;
            }
        }
        output::text(&listing.end());
        Ok(ExitCode::SUCCESS)
    })
}

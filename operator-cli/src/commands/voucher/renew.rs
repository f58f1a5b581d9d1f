//! `sztp voucher renew`.

use std::{collections::BTreeSet, process::ExitCode};

use operator_api::{
    VoucherQuery, VoucherUpdate, VouchersDone,
    client::{Client, DeviceKey},
};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use super::{
    super::{
        Failure,
        change::{ChangeArgs, block_on},
    },
    date,
    import::{COLUMNS, summed, tell},
};
use crate::{
    output,
    show::{Form, Listing, plain},
};

/// Arguments of `sztp voucher renew`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The devices: SERIAL, or MANUFACTURER/SERIAL
    #[arg(value_name = "DEVICE", required_unless_present = "expiring_before")]
    devices: Vec<String>,
    /// All devices whose last voucher expires before this date
    #[arg(long, value_name = "DATE", value_parser = date, conflicts_with = "devices")]
    expiring_before: Option<String>,
    /// Only those of this manufacturer
    #[arg(long, value_name = "NAME", requires = "expiring_before")]
    manufacturer: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp voucher renew SN-0001
  sztp voucher renew --expiring-before 2027-01-01 --dry-run
  sztp voucher renew --expiring-before 2027-01-01 --manufacturer example-maker

The server asks the manufacturer of each device for a voucher without a nonce, verifies it, and keeps it beside those that it
has. --dry-run asks too, and keeps nothing. Exit codes: 0 all renewed, 3 some vouchers were refused by verification, 1 some
manufacturers gave none.";

/// Vouchers asked for at a time: the most that a server gives.
const PAGE: u32 = 1000;

/// Octets on their way to the server at a time.
const UNDER_WAY: usize = 16 * 1024;

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    block_on(renew(args))
}

async fn renew(args: &Args) -> Result<ExitCode, Failure> {
    let client = args.change.server.client()?;
    let mut devices = BTreeSet::new();
    match &args.expiring_before {
        Some(date) => expiring(&client, date, args.manufacturer.clone(), &mut devices).await?,
        None => {
            for text in &args.devices {
                devices.insert(find(&client, text).await?);
            }
        }
    }
    let (list, mut sent) = tokio::io::duplex(UNDER_WAY);
    let sending = tokio::spawn(async move {
        for DeviceKey { manufacturer, serial_number } in devices {
            let line = format!("{}\n", json!({"manufacturer": manufacturer, "serial-number": serial_number}));
            if sent.write_all(line.as_bytes()).await.is_err() {
                // The server ended it, and says why.
                return;
            }
        }
    });
    let people = args.change.form.form == Form::Table;
    let mut updates = client.renew_vouchers(list, args.change.intent()).await?;
    let mut listing = Listing::new(args.change.form.form, COLUMNS);
    let (mut told, mut done) = (0_u64, VouchersDone::default());
    while let Some(update) = updates.next().await? {
        match update {
            VoucherUpdate::Progress(_) => {}
            VoucherUpdate::Fault(fault) => {
                output::error(&plain(&format!("sztp: {} ({}); do: {}", fault.detail, fault.reason, fault.remedy)));
            }
            VoucherUpdate::Voucher(outcome) if people => {
                told = told.saturating_add(u64::from(outcome.outcome != "refused"));
                tell(&outcome, told, &args.change);
            }
            VoucherUpdate::Voucher(outcome) => output::text(&listing.page(&[outcome])),
            VoucherUpdate::Done(sum) => done = sum,
        }
    }
    let _ended = sending.await;
    if people {
        output::line(&summed(done, 0, 0, args.change.intent()));
    } else {
        output::text(&listing.end());
    }
    Ok(match (done.refused, done.faults) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::FAILURE,
        _ => ExitCode::from(3),
    })
}

/// The devices whose last voucher ends before a date.
async fn expiring(
    client: &Client,
    date: &str,
    manufacturer: Option<String>,
    devices: &mut BTreeSet<DeviceKey>,
) -> Result<(), Failure> {
    let mut wanted = VoucherQuery {
        manufacturer,
        expires_before: Some(date.to_owned()),
        last: Some(true),
        limit: Some(PAGE),
        ..VoucherQuery::default()
    };
    loop {
        let page = client.vouchers(&wanted).await?;
        devices.extend(
            page.vouchers
                .into_iter()
                .map(|voucher| DeviceKey { manufacturer: voucher.manufacturer, serial_number: voucher.serial_number }),
        );
        wanted.after = page.next;
        if wanted.after.is_none() {
            return Ok(());
        }
    }
}

/// The device that is meant: one with a voucher, on the list or not, or one that is named in full.
async fn find(client: &Client, text: &str) -> Result<DeviceKey, Failure> {
    let wanted = VoucherQuery { serial_number: Some(text.to_owned()), limit: Some(PAGE), ..VoucherQuery::default() };
    let vouchers = client.vouchers(&wanted).await?.vouchers;
    let found: BTreeSet<_> = vouchers.into_iter().map(|voucher| voucher.manufacturer).collect();
    let key = |manufacturer: String| DeviceKey { manufacturer, serial_number: text.to_owned() };
    let mut found: Vec<_> = found.into_iter().map(key).collect();
    match (found.len(), text.split_once('/')) {
        (0, Some((manufacturer, serial_number))) => {
            Ok(DeviceKey { manufacturer: manufacturer.to_owned(), serial_number: serial_number.to_owned() })
        }
        (0, None) => Err(Failure::NotFound(format!("there is no voucher for {text}: name it as MANUFACTURER/SERIAL"))),
        (1, _) => found.pop().ok_or_else(|| Failure::NotFound(text.to_owned())),
        _ => Err(Failure::Ambiguous { text: text.to_owned(), found }),
    }
}

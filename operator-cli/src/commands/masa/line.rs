//! `sztp masa line`.

use std::{path::PathBuf, process::ExitCode};

use authority::masa::{DeviceClock, LineName, ProductLine, SerialNumbers};
use bootstrap_server::{audit::MasaEvent, store::MasaRecords};
use clap::Subcommand;
use serde_json::json;

use super::folder::{ChangeArgs, FolderArgs};
use crate::{
    commands::Failure,
    files,
    show::{Column, FormArgs, Listing, column},
};

/// Subcommands of `sztp masa line`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Record a product line, or put another record in its place
    #[command(after_help = "Examples:\n  sztp masa line add switch-48\n  sztp masa line add sensor --no-clock")]
    Add(AddArgs),
    /// List the product lines
    #[command(after_help = "Examples:\n  sztp masa line list")]
    List(ListArgs),
}

/// Arguments of `sztp masa line add`.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// What you call the line
    #[arg(value_parser = line_name)]
    name: LineName,
    /// The devices do not know what time it is when they come out of their box: no voucher may expire for them
    #[arg(long)]
    no_clock: bool,
    /// An IDevID of this line, where other lines use the same serial numbers: vouchers name its issuer then
    #[arg(long, value_name = "CERT")]
    idevid: Option<PathBuf>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Arguments of `sztp masa line list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    folder: FolderArgs,
}

/// For clap.
pub(crate) fn line_name(text: &str) -> Result<LineName, String> {
    LineName::new(text).map_err(|error| error.to_string())
}

const COLUMNS: &[Column] =
    &[column("name", "/name"), column("clock", "/clock"), column("serial numbers", "/serial-numbers")];

pub(super) async fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Add(args) => {
            let idevid = args.idevid.as_deref().map(files::read_certificates).transpose()?;
            let issuer = idevid.as_deref().and_then(<[_]>::first).map(conveyed_info::voucher::idevid_issuer);
            let serial_numbers = match issuer {
                None => SerialNumbers::Unique,
                Some(Some(idevid_issuer)) => SerialNumbers::Shared { idevid_issuer },
                Some(None) => return Err(Failure::Usage("the IDevID names no issuer key")),
            };
            let clock = if args.no_clock { DeviceClock::Absent } else { DeviceClock::Kept };
            let line = ProductLine { name: args.name.clone(), clock, serial_numbers };
            let done = format!("{} is on record", args.name);
            args.change.make(vec![MasaEvent::LineRecorded { line: Box::new(line) }], &done).await?;
        }
        Command::List(args) => {
            let folder = args.folder.open().await?;
            let lines = folder.store.lines().await;
            folder.store.close().await;
            let rows = lines?.into_iter().map(|line| {
                let clock = if line.clock == DeviceClock::Kept { "kept" } else { "absent" };
                let shared = if line.serial_numbers == SerialNumbers::Unique { "its own" } else { "shared" };
                json!({"name": line.name.as_str(), "clock": clock, "serial-numbers": shared})
            });
            Listing::whole(args.form.form, COLUMNS, &rows.collect::<Vec<_>>());
        }
    }
    Ok(ExitCode::SUCCESS)
}

//! `sztp voucher import`.

use std::{path::PathBuf, process::ExitCode};

use base64::{Engine, prelude::BASE64_STANDARD};
use operator_api::{NewVoucher, Voucher};

use super::super::{
    Failure,
    change::{ChangeArgs, block_on},
};
use crate::{
    files, output,
    show::{Column, Form, Listing, column, plain},
};

/// Arguments of `sztp voucher import`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The vouchers: DER, PEM or base64
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Who made the devices; otherwise the signatures tell
    #[arg(long, value_name = "NAME")]
    manufacturer: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp voucher import SN-0001.vcj
  sztp voucher import vouchers/*.vcj --dry-run

A voucher is kept when a manufacturer that was added signed it and it pins the certificate of this owner. One that is
refused does not stop the others. Exit codes: 0 all kept, 3 some refused by verification.";

const COLUMNS: &[Column] = &[
    column("manufacturer", "/manufacturer"),
    column("serial-number", "/serial-number"),
    column("created-on", "/created-on"),
    column("expires-on", "/expires-on"),
    column("sha256", "/sha256"),
];

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    block_on(async {
        let client = args.change.server.client()?;
        let mut kept: Vec<Voucher> = Vec::new();
        let mut refused: Option<Failure> = None;
        // One that is not taken does not stop the others.
        let mut refuse = |failure| {
            if let Some(earlier) = refused.replace(failure) {
                output::error(&format!("sztp: {earlier}"));
            }
        };
        for path in &args.files {
            let octets = match files::read_artifact(path) {
                Ok(octets) => octets,
                Err(error) => {
                    refuse(error.into());
                    continue;
                }
            };
            let voucher = BASE64_STANDARD.encode(octets);
            let new = NewVoucher { manufacturer: args.manufacturer.clone(), voucher };
            match client.add_voucher(&new, args.change.intent()).await {
                Ok(None) => args.change.tell_would(&format!("keep {}", path.display())),
                Ok(Some(voucher)) if args.change.form.form == Form::Table => {
                    let Voucher { manufacturer, serial_number, expires_on, .. } = voucher;
                    let until = expires_on.map_or_else(|| "for ever".to_owned(), |until| format!("until {until}"));
                    output::line(&plain(&format!("kept {}: {manufacturer}/{serial_number}, {until}", path.display())));
                }
                Ok(Some(voucher)) => kept.push(voucher),
                Err(error) if error.problem().is_some() => {
                    refuse(Failure::Device { device: path.display().to_string(), source: Box::new(error) });
                }
                Err(error) => return Err(error.into()),
            }
        }
        if args.change.form.form != Form::Table {
            Listing::whole(args.change.form.form, COLUMNS, &kept);
        }
        refused.map_or(Ok(ExitCode::SUCCESS), Err)
    })
}

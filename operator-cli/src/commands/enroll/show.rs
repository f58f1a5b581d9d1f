//! `sztp enroll show`.

use std::process::ExitCode;

use super::office::OfficeArgs;
use crate::{
    commands::{Failure, change::block_on},
    output,
    show::{Column, Form, FormArgs, column, one},
};

/// Arguments of `sztp enroll show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The certificate: its serial number in hex, AUTHORITY/SERIAL, or its file
    #[arg(value_name = "CERT")]
    certificate: String,
    /// Print the certificate, PEM, and nothing else
    #[arg(long)]
    pem: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    office: OfficeArgs,
}

pub(super) const COLUMNS: &[Column] = &[
    column("authority", "/authority"),
    column("serial", "/serial"),
    column("profile", "/profile"),
    column("manufacturer", "/manufacturer"),
    column("serial-number", "/serial-number"),
    column("subject", "/subject"),
    column("issued", "/issued"),
    column("not-before", "/not-before"),
    column("not-after", "/not-after"),
    column("standing", "/standing"),
    column("revoked", "/revoked"),
    column("reason", "/reason"),
    column("key", "/key"),
    column("sha256", "/sha256"),
];

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let certificate = block_on(async {
        let office = args.office.open().await?;
        let found = match office.find(&args.certificate).await {
            Ok(id) => office.certificate(&id).await,
            Err(failure) => Err(failure),
        };
        office.close().await;
        found
    })?;
    if args.pem && args.form.form == Form::Table {
        output::text(&certificate.pem);
    } else {
        one(args.form.form, COLUMNS, &certificate);
    }
    Ok(ExitCode::SUCCESS)
}

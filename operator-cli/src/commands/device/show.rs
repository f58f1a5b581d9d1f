//! `sztp device show`.

use std::process::ExitCode;

use operator_api::{Device, Report};
use serde::Serialize;

use super::{Failure, name::find};
use crate::{
    output,
    server::ServerArgs,
    show::{self, Column, Form, FormArgs, Listing, column},
};

/// Arguments of `sztp device show`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The device: SERIAL, or MANUFACTURER/SERIAL where several makers use the number
    device: String,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const EXAMPLES: &str = "Examples:
  sztp device show SN-0001
  sztp device show example-maker/SN-0001 --output json

`sztp explain SN-0001` says what happened to it, what it waits for, and what to do.";

const COLUMNS: &[Column] = &[
    column("manufacturer", "/manufacturer"),
    column("serial-number", "/serial-number"),
    column("profile", "/profile"),
    column("model", "/model"),
    column("mac-addresses", "/mac-addresses"),
    column("host", "/host"),
    column("slot", "/slot"),
    column("rack", "/rack"),
    column("state", "/state"),
    column("detail", "/detail"),
    column("since", "/since"),
    column("vouched", "/vouched"),
    column("waits-for", "/waiting/responsible"),
    column("until", "/waiting/deadline"),
    column("stuck", "/waiting/stuck/summary"),
    column("do", "/waiting/stuck/remedy"),
    column("last-proof", "/proof/at"),
    column("from", "/proof/source"),
    column("certificate", "/proof/certificate"),
    column("alarm", "/alarm/reason"),
    column("alarm-since", "/alarm/at"),
    column("alarm-do", "/alarm/remedy"),
    column("version", "/version"),
];

const REPORTS: &[Column] =
    &[column("reported", "/at"), column("progress-type", "/progress-type"), column("message", "/message")];

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    device: Device,
    reports: Vec<Report>,
}

pub(super) async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let client = args.server.client()?;
    let key = find(&client, &args.device).await?;
    let device = client.device(&key).await?;
    let reports = client.reports(&key).await?.reports;
    let shown = Shown { device, reports };
    show::one(args.form.form, COLUMNS, &shown);
    if args.form.form == Form::Table && !shown.reports.is_empty() {
        output::line("");
        Listing::whole(Form::Table, REPORTS, &shown.reports);
    }
    Ok(ExitCode::SUCCESS)
}

//! `sztp manufacturer`: whose devices are taken in.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use operator_api::NewManufacturer;
use pki::certificate::Certificate;

use super::{
    Failure,
    change::{ChangeArgs, block_on},
};
use crate::{
    files,
    server::ServerArgs,
    show::{self, Column, FormArgs, Listing, column},
};

/// Subcommands of `sztp manufacturer`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add a manufacturer, or replace its certificates
    Add(Box<AddArgs>),
    /// List manufacturers
    #[command(after_help = "Examples:\n  sztp manufacturer list\n  sztp manufacturer list --output json")]
    List(Box<ListArgs>),
    /// Show one manufacturer
    #[command(after_help = "Examples:\n  sztp manufacturer show example-maker")]
    Show(Box<ShowArgs>),
}

/// Arguments of `sztp manufacturer add`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AddArgs {
    /// A name of your choice: letters, digits, dots, hyphens and underscores
    name: String,
    /// What its devices' IDevID certificates chain to, PEM or DER; may be given several times
    #[arg(long = "anchor", value_name = "CERT", required = true)]
    anchors: Vec<PathBuf>,
    /// What its vouchers are signed under, PEM or DER; may be given several times
    #[arg(long = "voucher-anchor", value_name = "CERT")]
    voucher_anchors: Vec<PathBuf>,
    /// How its certificates carry the serial number: attribute, or product-and-serial (`PID:… SN:…`)
    #[arg(long, value_name = "RULE")]
    serial_number_rule: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp manufacturer add example-maker --anchor device-root.pem --voucher-anchor voucher-root.pem

Both come from the manufacturer. Whoever holds a key under an anchor can bring devices onto your list: check the digests
that `sztp artifact inspect FILE` shows with the manufacturer. What is given replaces what was there.";

/// Arguments of `sztp manufacturer list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Arguments of `sztp manufacturer show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Its name
    name: String,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const COLUMNS: &[Column] = &[
    column("name", "/name"),
    column("serial-number-rule", "/serial-number-rule"),
    column("anchors", "/anchors"),
    column("voucher-anchors", "/voucher-anchors"),
];

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    block_on(async {
        match command {
            Command::Add(args) => add(args).await,
            Command::List(args) => {
                let list = args.server.client()?.manufacturers().await?;
                Listing::whole(args.form.form, COLUMNS, &list.manufacturers);
                Ok(ExitCode::SUCCESS)
            }
            Command::Show(args) => {
                let manufacturer = args.server.client()?.manufacturer(&args.name).await?;
                show::one(args.form.form, COLUMNS, &manufacturer);
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}

async fn add(args: &AddArgs) -> Result<ExitCode, Failure> {
    let pem = |paths: &[PathBuf]| -> Result<String, Failure> {
        Ok(files::read_all_certificates(paths)?.iter().map(Certificate::to_pem).collect())
    };
    let manufacturer = NewManufacturer {
        anchors: pem(&args.anchors)?,
        voucher_anchors: if args.voucher_anchors.is_empty() { None } else { Some(pem(&args.voucher_anchors)?) },
        serial_number_rule: args.serial_number_rule.clone(),
    };
    let client = args.change.server.client()?;
    let put = client.put_manufacturer(&args.name, &manufacturer, args.change.intent()).await?;
    let verb = if put.is_some() { "added" } else { "add" };
    let done = format!("{verb} the manufacturer {}", args.name);
    args.change.tell(&done, COLUMNS, put.as_ref());
    Ok(ExitCode::SUCCESS)
}

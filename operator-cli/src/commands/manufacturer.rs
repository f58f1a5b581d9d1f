//! `sztp manufacturer`: whose devices are taken in.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use operator_api::{NewManufacturer, NewRevocationLists};
use pki::{certificate::Certificate, revocation::Crl};

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
    /// Store the revocation lists of its CAs, in the place of those before
    Crl(Box<CrlArgs>),
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
    #[arg(long = "anchor", value_name = "CERT", required_unless_present = "legacy_anchors")]
    anchors: Vec<PathBuf>,
    /// What those chain to that are taken at the listener for old devices and nowhere else, SHA-1 below them; may be given
    /// several times
    #[arg(long = "legacy-anchor", value_name = "CERT")]
    legacy_anchors: Vec<PathBuf>,
    /// What its vouchers are signed under, PEM or DER; may be given several times
    #[arg(long = "voucher-anchor", value_name = "CERT")]
    voucher_anchors: Vec<PathBuf>,
    /// The address of its MASA, which the server asks for vouchers: `https://NAME[:PORT]`
    #[arg(long, value_name = "URL", requires = "masa_anchors")]
    masa_url: Option<String>,
    /// What the MASA's server certificate chains to, PEM or DER; may be given several times
    #[arg(long = "masa-anchor", value_name = "CERT", requires = "masa_url")]
    masa_anchors: Vec<PathBuf>,
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    change: ChangeArgs,
}

/// What a manufacturer's certificates are like.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct IdentityArgs {
    /// How certificates carry the serial number: attribute, product-and-serial (`PID:… SN:…`),
    /// `hardware-module-name[:text|:hex][:OID]`, or a template such as `CN=bmc-{serial}`; where several apply they must agree
    #[arg(long = "serial-number-rule", value_name = "RULE")]
    pub(crate) serial_number_rules: Vec<String>,
    /// A CA certificate that the devices do not send, PEM or DER; may be given several times
    #[arg(long = "intermediate", value_name = "CERT")]
    pub(crate) intermediates: Vec<PathBuf>,
    /// A critical extension to let pass, such as 2.5.29.9; may be given several times
    #[arg(long = "critical-extension", value_name = "OID")]
    pub(crate) critical_extensions: Vec<String>,
    /// An extended key usage of which a certificate must name one; without any they are ignored
    #[arg(long = "extended-key-usage", value_name = "OID")]
    pub(crate) extended_key_usages: Vec<String>,
}

/// Arguments of `sztp manufacturer crl`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sztp manufacturer crl example-maker issuing-ca.crl root.crl
  sztp manufacturer crl example-maker --none

All lists of the manufacturer are given at once. All servers of the database judge by them, and let connected devices go that turn
out to be revoked. A list that is older than the one that is stored is refused.")]
pub(crate) struct CrlArgs {
    /// The manufacturer's name
    name: String,
    /// Revocation lists, PEM or DER
    #[arg(value_name = "FILE", required_unless_present = "none")]
    files: Vec<PathBuf>,
    /// Store no list
    #[arg(long, conflicts_with = "files")]
    none: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp manufacturer add example-maker --anchor device-root.pem --voucher-anchor voucher-root.pem
  sztp manufacturer add example-maker --anchor device-root.pem --serial-number-rule 'CN=bmc-{serial}'
  sztp manufacturer add example-maker --anchor device-root.pem --voucher-anchor voucher-root.pem \
    --masa-url https://masa.example.com --masa-anchor web-root.pem

What a certificate would give and why: `sztp enroll explain CERT`. Rules for makers that are documented: docs/identity.md.

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
    column("serial-number-rules", "/serial-number-rules"),
    column("anchors", "/anchors"),
    column("legacy-anchors", "/legacy-anchors"),
    column("voucher-anchors", "/voucher-anchors"),
    column("masa-url", "/masa-url"),
    column("masa-anchors", "/masa-anchors"),
    column("intermediates", "/intermediates"),
    column("critical-extensions", "/critical-extensions"),
    column("extended-key-usages", "/extended-key-usages"),
    column("revocation-lists", "/revocation-lists"),
];

const LISTED: &[Column] = &[
    column("name", "/name"),
    column("serial-number-rules", "/serial-number-rules"),
    column("anchors", "/anchors"),
    column("voucher-anchors", "/voucher-anchors"),
];

const CRL_COLUMNS: &[Column] = &[column("revocation-lists", "/revocation-lists")];

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    block_on(async {
        match command {
            Command::Add(args) => add(args).await,
            Command::Crl(args) => crl(args).await,
            Command::List(args) => {
                let list = args.server.client()?.manufacturers().await?;
                Listing::whole(args.form.form, LISTED, &list.manufacturers);
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
    let pem = |paths: &[PathBuf]| -> Result<Option<String>, Failure> {
        let all = files::read_all_certificates(paths)?;
        Ok((!paths.is_empty()).then(|| all.iter().map(Certificate::to_pem).collect()))
    };
    let IdentityArgs { serial_number_rules, intermediates, critical_extensions, extended_key_usages } = &args.identity;
    let manufacturer = NewManufacturer {
        anchors: pem(&args.anchors)?,
        legacy_anchors: pem(&args.legacy_anchors)?,
        voucher_anchors: pem(&args.voucher_anchors)?,
        serial_number_rules: serial_number_rules.clone(),
        intermediates: pem(intermediates)?,
        critical_extensions: critical_extensions.clone(),
        extended_key_usages: extended_key_usages.clone(),
        masa_url: args.masa_url.clone(),
        masa_anchors: pem(&args.masa_anchors)?,
    };
    let client = args.change.server.client()?;
    let put = client.put_manufacturer(&args.name, &manufacturer, args.change.intent()).await?;
    let verb = if put.is_some() { "added" } else { "add" };
    let done = format!("{verb} the manufacturer {}", args.name);
    args.change.tell(&done, COLUMNS, put.as_ref());
    Ok(ExitCode::SUCCESS)
}

async fn crl(args: &CrlArgs) -> Result<ExitCode, Failure> {
    let lists = files::read_revocation_lists(&args.files)?;
    let lists = NewRevocationLists { lists: lists.iter().map(Crl::to_pem).collect() };
    let client = args.change.server.client()?;
    let put = client.put_revocation_lists(&args.name, &lists, args.change.intent()).await?;
    let verb = if put.is_some() { "stored" } else { "store" };
    let done = format!("{verb} the revocation lists of the manufacturer {}", args.name);
    args.change.tell(&done, CRL_COLUMNS, put.as_ref());
    Ok(ExitCode::SUCCESS)
}

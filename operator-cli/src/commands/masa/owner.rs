//! `sztp masa owner`.

use std::{path::PathBuf, process::ExitCode};

use authority::masa::{Domain, Owner, OwnerName};
use bootstrap_server::{audit::MasaEvent, store::MasaRecords};
use clap::Subcommand;
use serde_json::json;

use super::folder::{ChangeArgs, FolderArgs};
use crate::{
    commands::Failure,
    files,
    show::{Column, FormArgs, Listing, column},
};

/// Subcommands of `sztp masa owner`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Record an owner, or put another record in its place
    Add(AddArgs),
    /// List the owners
    #[command(after_help = "Examples:\n  sztp masa owner list\n  sztp masa owner list --output json")]
    List(ListArgs),
}

/// Arguments of `sztp masa owner add`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AddArgs {
    /// What you call the owner; never shown to devices
    #[arg(value_parser = owner_name)]
    name: OwnerName,
    /// The certificate that vouchers pin for this owner, PEM or DER; those above it may follow in the same file. Several times for
    /// an owner with several domains
    #[arg(long = "pinned-domain-cert", value_name = "CERT", required = true)]
    pinned: Vec<PathBuf>,
    /// What this owner's registrars chain to, where that is not the pinned certificate
    #[arg(long = "registrar-ca", value_name = "CERT")]
    registrar_cas: Vec<PathBuf>,
    /// Whom to write to
    #[arg(long, default_value = "")]
    contact: String,
    #[command(flatten)]
    change: ChangeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp masa owner add 'Example Operator' --masa maker --pinned-domain-cert pinned-domain-certificate.pem
  sztp masa owner list --masa maker";

/// Arguments of `sztp masa owner list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    folder: FolderArgs,
}

/// For clap.
pub(crate) fn owner_name(text: &str) -> Result<OwnerName, String> {
    OwnerName::new(text).map_err(|error| error.to_string())
}

const COLUMNS: &[Column] = &[column("name", "/name"), column("contact", "/contact"), column("pinned", "/pinned")];

pub(super) async fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Add(args) => {
            let registrar_cas = files::read_all_certificates(&args.registrar_cas)?;
            let mut domains = Vec::new();
            for path in &args.pinned {
                let mut chain = files::read_certificates(path)?.into_iter();
                if let Some(pinned) = chain.next() {
                    // One registrar CA speaks for one domain: the first.
                    let registrar_cas = if domains.is_empty() { registrar_cas.clone() } else { Vec::new() };
                    domains.push(Domain { pinned, above: chain.collect(), registrar_cas });
                }
            }
            let owner = Owner { name: args.name.clone(), contact: args.contact.clone(), domains };
            let done = format!("{} is on record", args.name);
            args.change.make(vec![MasaEvent::OwnerRecorded { owner: Box::new(owner) }], &done).await?;
        }
        Command::List(args) => {
            let folder = args.folder.open().await?;
            let owners = folder.store.owners().await;
            folder.store.close().await;
            let rows = owners?.into_iter().map(|owner| {
                let pinned: Vec<_> = owner.domains.iter().map(|domain| domain.pinned.subject_text()).collect();
                json!({"name": owner.name.as_str(), "contact": owner.contact, "pinned": pinned})
            });
            Listing::whole(args.form.form, COLUMNS, &rows.collect::<Vec<_>>());
        }
    }
    Ok(ExitCode::SUCCESS)
}

//! `sztp masa claim`: the second person's word.

use std::process::ExitCode;

use authority::masa::{ClaimId, Person, Proposer};
use bootstrap_server::{audit::MasaEvent, store::MasaRecords};
use clap::Subcommand;
use pki::digest::Digest;
use serde_json::json;

use super::folder::{ChangeArgs, FolderArgs, person, this_person};
use crate::{
    commands::Failure,
    show::{Column, FormArgs, Listing, column},
};

/// Subcommands of `sztp masa claim`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the vouchers that wait for a second person
    #[command(after_help = "Examples:\n  sztp masa claim list\n  sztp masa claim list --output json")]
    List(ListArgs),
    /// Agree to one: whoever wants it asks again, and gets it
    #[command(
        after_help = "Examples:\n  sztp masa claim approve dd1b3c312cf7d816130354452e9629ce39355b0c534129dd26a08cd9a4502ede --person bea"
    )]
    Approve(ApproveArgs),
}

/// Arguments of `sztp masa claim list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Most to list
    #[arg(long, default_value_t = 1000)]
    limit: u32,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    folder: FolderArgs,
}

/// Arguments of `sztp masa claim approve`.
#[derive(Debug, clap::Args)]
pub(crate) struct ApproveArgs {
    /// The claim, as the list has it
    #[arg(value_parser = claim_id)]
    claim: ClaimId,
    /// Who agrees, where that is not whoever is logged in
    #[arg(long, value_parser = person)]
    person: Option<Person>,
    #[command(flatten)]
    change: ChangeArgs,
}

fn claim_id(text: &str) -> Result<ClaimId, String> {
    let octets = bootstrap_server::domain::ledger::from_hex(text).and_then(|it| <[u8; 32]>::try_from(it).ok());
    octets.map(|octets| ClaimId(Digest(octets))).ok_or_else(|| "a claim has 64 hex digits".to_owned())
}

const COLUMNS: &[Column] = &[
    column("claim", "/claim"),
    column("serial number", "/serial-number"),
    column("asked by", "/asked-by"),
    column("asked on", "/asked-on"),
];

pub(super) async fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::List(args) => {
            let folder = args.folder.open().await?;
            let claims = folder.store.claims_waiting(args.limit).await;
            folder.store.close().await;
            let rows = claims?.into_iter().map(|claim| {
                let by = match &claim.by {
                    Proposer::Registrar(owner) => format!("a registrar of {owner}"),
                    Proposer::Person(person) => person.to_string(),
                };
                json!({"claim": claim.id.to_string(), "serial-number": claim.serial_number.as_str(),
                       "asked-by": by, "asked-on": claim.at.to_string(), "pinned": claim.pinned.to_string()})
            });
            Listing::whole(args.form.form, COLUMNS, &rows.collect::<Vec<_>>());
        }
        Command::Approve(args) => {
            let by = match &args.person {
                Some(person) => person.clone(),
                None => this_person().map_err(|_| Failure::Usage("say who agrees with --person"))?,
            };
            let done = format!("{by} agrees");
            args.change.make(vec![MasaEvent::ClaimApproved { claim: args.claim, by }], &done).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

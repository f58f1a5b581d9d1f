//! `sztp enroll revoke`.

use std::process::ExitCode;

use operator_api::{RevokeCertificate, client::Intent};
use pki::revocation::Reason;

use super::{office::OfficeArgs, show::COLUMNS};
use crate::{
    commands::{Failure, change::block_on},
    output,
    show::{Form, FormArgs, one, plain},
};

/// Arguments of `sztp enroll revoke`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The certificate: its file, its serial number in hex, or AUTHORITY/SERIAL
    #[arg(value_name = "CERT")]
    certificate: String,
    /// Why, as revocation lists say it: key-compromise, superseded, cessation-of-operation, affiliation-changed,
    /// privilege-withdrawn, certificate-hold or unspecified
    #[arg(long)]
    reason: Reason,
    /// Why, in your words, for the audit log
    #[arg(long, value_name = "WHY")]
    because: String,
    /// Have it judged, and revoke nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    office: OfficeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp enroll revoke device.pem --ca maker --reason key-compromise --because 'key found on a forum'
  sztp enroll revoke 5f12ab… --reason certificate-hold --because 'device is missing'

The next revocation list and the next answer about it (OCSP) say so: `sztp ca crl` writes the lists where no server publishes them.
What is revoked stays so; what is on hold may be revoked for good.";

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let intent = if args.dry_run { Intent::Rehearse } else { Intent::Make };
    let why = RevokeCertificate { reason: args.reason.as_str().to_owned(), because: args.because.clone() };
    let (id, revoked) = block_on(async {
        let office = args.office.open().await?;
        let revoked = match office.find(&args.certificate).await {
            Ok(id) => office.revoke(&id, &why, intent).await.map(|revoked| (id, revoked)),
            Err(failure) => Err(failure),
        };
        office.close().await;
        revoked
    })?;
    match (revoked, args.form.form) {
        (None, _) => output::line(&format!("would be done: revoke {id}")),
        (Some(_), Form::Table) => output::line(&plain(&format!("revoked {id}: {}", args.reason.as_str()))),
        (Some(revoked), form) => one(form, COLUMNS, &revoked),
    }
    Ok(ExitCode::SUCCESS)
}

//! `sztp enroll list`.

use std::{path::PathBuf, process::ExitCode};

use operator_api::CertificateQuery;
use pki::time::Timestamp;

use super::office::{Office, OfficeArgs};
use crate::{
    commands::{Failure, artifact::moment, change::block_on},
    files, output,
    show::{Column, FormArgs, Listing, column},
};

/// Certificates asked for at a time: the most that a server gives.
const PAGE: u32 = 1000;

/// Arguments of `sztp enroll list`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only those of this authority
    #[arg(long, value_name = "NAME")]
    authority: Option<String>,
    /// Only those that were issued by this profile
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Only those of devices with this serial number
    #[arg(long, value_name = "SERIAL")]
    serial_number: Option<String>,
    /// Only those of devices whose serial numbers start so
    #[arg(long, value_name = "TEXT")]
    serial_prefix: Option<String>,
    /// Only those with the key that has this SHA-256
    #[arg(long, value_name = "SHA256")]
    key: Option<String>,
    /// Only those with the key of this certificate
    #[arg(long, value_name = "CERT", conflicts_with = "key")]
    key_of: Option<PathBuf>,
    /// Only those that end before this moment
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    expires_before: Option<Timestamp>,
    /// Only those that are revoked or on hold
    #[arg(long, conflicts_with = "standing")]
    revoked: bool,
    /// Only those that are not revoked
    #[arg(long)]
    standing: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    office: OfficeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp enroll list --ca maker
  sztp enroll list --serial-number SN-0001 --output json
  sztp enroll list --key-of device.pem
  sztp enroll list --revoked --output csv > revoked.csv";

const COLUMNS: &[Column] = &[
    column("authority", "/authority"),
    column("serial", "/serial"),
    column("profile", "/profile"),
    column("serial-number", "/serial-number"),
    column("standing", "/standing"),
    column("issued", "/issued"),
    column("not-after", "/not-after"),
    column("subject", "/subject"),
];

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let key = match &args.key_of {
        Some(path) => files::read_certificates(path)?.first().map(|own| own.public_key().spki_sha256().to_string()),
        None => args.key.as_ref().map(|digest| digest.to_ascii_lowercase().replace(':', "")),
    };
    let wanted = CertificateQuery {
        authority: args.authority.clone(),
        profile: args.profile.clone(),
        serial_number: args.serial_number.clone(),
        serial_prefix: args.serial_prefix.clone(),
        key,
        expires_before: args.expires_before.map(|moment| moment.to_string()),
        revoked: args.revoked.then_some(true).or_else(|| args.standing.then_some(false)),
        after: None,
        limit: None,
    };
    block_on(async {
        let office = args.office.open().await?;
        let told = tell(&office, wanted, args).await;
        office.close().await;
        told
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn tell(office: &Office, mut wanted: CertificateQuery, args: &Args) -> Result<(), Failure> {
    let mut listing = Listing::new(args.form.form, COLUMNS);
    loop {
        let page = office.certificates(&wanted, PAGE).await?;
        output::text(&listing.page(&page.certificates));
        wanted.after = page.next;
        if wanted.after.is_none() || output::is_unread() {
            break;
        }
    }
    output::text(&listing.end());
    Ok(())
}

//! `sztp enroll issue` and `sztp enroll renew`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use operator_api::{IssuedCertificate, NewCertificate, client::Intent};
use pki::request::CertificationRequest;

use super::{
    office::{Office, OfficeArgs},
    show::COLUMNS,
};
use crate::{
    commands::Failure,
    files::{self, FileError, Secrecy},
    output,
    show::{Form, FormArgs, one, plain},
};

/// Arguments of `sztp enroll issue`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The request: PKCS#10, PEM or DER
    #[arg(long, value_name = "FILE")]
    csr: PathBuf,
    /// By which profile: what the certificate is for
    #[arg(long, value_name = "PROFILE", default_value = "idevid")]
    profile: String,
    /// Of which authority, where several have the profile
    #[arg(long, value_name = "NAME")]
    authority: Option<String>,
    /// The device that it is for: a request that names another is refused
    #[arg(long, value_name = "SERIAL")]
    serial_number: Option<String>,
    /// Why the device gets another certificate although it has one; stands in the audit log
    #[arg(long, value_name = "WHY")]
    because: Option<String>,
    #[command(flatten)]
    outcome: OutcomeArgs,
}

const EXAMPLES: &str = "Examples:
  sztp enroll issue --ca maker --csr device.csr --serial-number SN-0001 --out device.pem
  sztp enroll issue --ca maker --csr server.csr --profile tls-server --out server.pem
  sztp enroll issue --ca maker --csr new.csr --serial-number SN-0001 --because 'board replaced, RMA 4711' --out device.pem

The request proves that whoever made it has the key. The same request again gets the same certificate. What is written are the
certificate and those above it but for the root. Without a server it works on the folder's database; with one, that is asked.
Exit codes: 0 issued, 3 refused.";

/// Arguments of `sztp enroll renew`.
#[derive(Debug, clap::Args)]
#[command(after_help = RENEW_EXAMPLES)]
pub(crate) struct RenewArgs {
    /// The certificate: its file, its serial number in hex, or AUTHORITY/SERIAL
    #[arg(value_name = "CERT")]
    certificate: String,
    /// The request: PKCS#10, PEM or DER, with the names of the certificate
    #[arg(long, value_name = "FILE")]
    csr: PathBuf,
    #[command(flatten)]
    outcome: OutcomeArgs,
}

const RENEW_EXAMPLES: &str = "Examples:
  sztp enroll renew device.pem --ca maker --csr renewal.csr --out device-2.pem

The names stay as they are, to the octet; the key may be a new one. A certificate that has expired or was revoked is not renewed:
issue another with `sztp enroll issue --because`.";

/// What becomes of a certificate that was issued.
#[derive(Debug, clap::Args)]
struct OutcomeArgs {
    /// Where to write the certificate, PEM
    #[arg(long, value_name = "CERT")]
    out: Option<PathBuf>,
    /// Have the request judged, and issue nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    office: OfficeArgs,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let wanted = NewCertificate {
        csr: request(&args.csr)?,
        profile: Some(args.profile.clone()),
        authority: args.authority.clone(),
        serial_number: args.serial_number.clone(),
        renews: None,
        because: args.because.clone(),
    };
    args.outcome.carry_out(&args.csr, async |_| Ok(wanted.clone()))
}

pub(super) fn renew(args: &RenewArgs) -> Result<ExitCode, Failure> {
    let csr = request(&args.csr)?;
    args.outcome.carry_out(&args.csr, async |office| {
        let renews = Some(office.find(&args.certificate).await?.to_string());
        Ok(NewCertificate { csr: csr.clone(), renews, ..NewCertificate::default() })
    })
}

impl OutcomeArgs {
    fn carry_out(
        &self,
        csr: &Path,
        wanted: impl AsyncFn(&Office) -> Result<NewCertificate, Failure>,
    ) -> Result<ExitCode, Failure> {
        let intent = if self.dry_run { Intent::Rehearse } else { Intent::Make };
        if self.out.is_none() && self.form.form == Form::Table && intent == Intent::Make {
            return Err(Failure::Usage("where is the certificate to go? Give --out, or --output json"));
        }
        if let Some(out) = &self.out {
            files::check_output(out, &[csr])?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let issued = runtime.block_on(async {
            let office = self.office.open().await?;
            let issued = match wanted(&office).await {
                Ok(wanted) => office.issue(&wanted, intent).await,
                Err(failure) => Err(failure),
            };
            office.close().await;
            issued
        })?;
        let Some(IssuedCertificate { issued_before, certificate }) = issued else {
            output::line("would be done: issue the certificate");
            return Ok(ExitCode::SUCCESS);
        };
        if let Some(out) = &self.out {
            files::write(out, certificate.pem.as_bytes(), Secrecy::Public)?;
        }
        if self.form.form == Form::Table {
            let before = if issued_before { "issued before" } else { "issued" };
            let out = self.out.as_ref().map(|out| out.display().to_string()).unwrap_or_default();
            let (authority, serial) = (&certificate.authority, &certificate.serial);
            let (subject, until) = (&certificate.subject, &certificate.not_after);
            output::line(&plain(&format!("{out}: {before}: {authority}/{serial}, {subject}, until {until}")));
        } else {
            one(self.form.form, COLUMNS, &certificate);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The request in a file, as the operator API takes it. Whoever issues looks into it.
pub(super) fn request(path: &Path) -> Result<String, FileError> {
    let octets = files::read(path)?;
    if octets.len() > CertificationRequest::MAX_DER.saturating_mul(2) {
        return Err(FileError::Unexpected {
            path: path.to_owned(),
            expected: "a certification request, as PEM or DER",
            why: "it is far longer than any".to_owned(),
        });
    }
    Ok(match String::from_utf8(octets) {
        Ok(text) if text.trim_start().starts_with("-----") => text,
        Ok(text) => base64_of(text.as_bytes()),
        Err(other) => base64_of(other.as_bytes()),
    })
}

fn base64_of(der: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(der)
}

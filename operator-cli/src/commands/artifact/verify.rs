//! `sztp artifact verify`.

use std::{path::PathBuf, process::ExitCode};

use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::{
    BootstrappingData, ConveyedInformation, OwnerCertificate, OwnershipVoucher, Unverified,
    cms::AeadPolicy,
    profile::InputProfile,
    verify::{self, Accepted, Context, Decryption},
    voucher::Nonce,
};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    key::{Locator, OpenKey},
    time::{Clock, Timestamp},
};

use super::{Failure, at_or_now, moment};
use crate::{
    commands::judgement::{self, Judgement},
    files,
    output::Form,
};

/// Arguments of `sztp artifact verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The conveyed information
    #[arg(long, value_name = "FILE")]
    conveyed_information: PathBuf,
    /// The owner certificate artifact
    #[arg(long, value_name = "FILE", requires = "ownership_voucher")]
    owner_certificate: Option<PathBuf>,
    /// The ownership voucher
    #[arg(long, value_name = "FILE", requires_all = ["owner_certificate", "trust_anchors"])]
    ownership_voucher: Option<PathBuf>,
    /// What the manufacturer's vouchers are verified with, PEM or DER; may be given several times
    #[arg(long = "trust-anchor", value_name = "CERT", num_args = 1..)]
    trust_anchors: Vec<PathBuf>,
    /// The device's serial number
    #[arg(long, value_name = "SERIAL", value_parser = serial_number)]
    serial_number: Option<SerialNumber>,
    /// The device's IDevID certificate: for vouchers that name its issuer, and for the serial number
    #[arg(long, value_name = "CERT", required_unless_present = "serial_number")]
    idevid: Option<PathBuf>,
    /// The nonce that the device sent, in base64
    #[arg(long, value_name = "BASE64", value_parser = nonce)]
    nonce: Option<Nonce>,
    /// A revocation list that was fetched, beside those that are stapled
    #[arg(long, value_name = "FILE", num_args = 1..)]
    crl: Vec<PathBuf>,
    /// An OCSP response that was fetched, beside those that are stapled
    #[arg(long, value_name = "FILE", num_args = 1..)]
    ocsp: Vec<PathBuf>,
    /// Judge dates at this moment instead of now
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    at: Option<Timestamp>,
    /// Which departures of vouchers from their module are passed over: strict, opi-agent, anima-voucher or survey
    #[arg(long, default_value_t, value_name = "PROFILE")]
    input_profile: InputProfile,
    #[command(flatten)]
    decryption: DecryptionArgs,
    /// How to show the judgement and its trace
    #[arg(long = "output", value_enum, default_value_t, value_name = "FORM")]
    form: Form,
}

/// The key that opens what is encrypted.
#[derive(Debug, clap::Args)]
pub(crate) struct DecryptionArgs {
    /// The device's private key, for what is encrypted
    #[arg(long, value_name = "KEY")]
    decryption_key: Option<Locator>,
    /// The file of the passphrase that opens the key's file
    #[arg(long, value_name = "FILE", requires = "decryption_key")]
    passphrase_file: Option<PathBuf>,
    /// The certificate of that key, to choose the recipient by; without it, every one whose kind fits is tried
    #[arg(long, value_name = "CERT", requires = "decryption_key")]
    decryption_certificate: Option<PathBuf>,
    /// Accept AuthEnvelopedData, which RFC 8572 does not name
    #[arg(long)]
    allow_auth_enveloped: bool,
}

/// A key that was read, and how it may be used.
#[derive(Debug)]
pub(crate) struct OpenedKey {
    key: OpenKey,
    certificate: Option<Certificate>,
    aead: AeadPolicy,
}

impl DecryptionArgs {
    /// Reads the key, if there is one.
    pub(crate) fn open(&self) -> Result<Option<OpenedKey>, Failure> {
        let Some(source) = &self.decryption_key else { return Ok(None) };
        let chain = self.decryption_certificate.as_deref().map(files::read_certificates).transpose()?;
        let certificate = chain.and_then(|chain| chain.into_iter().next());
        let aead = if self.allow_auth_enveloped { AeadPolicy::Allow } else { AeadPolicy::Refuse };
        Ok(Some(OpenedKey { key: files::open_key(source, self.passphrase_file.as_ref())?, certificate, aead }))
    }
}

impl OpenedKey {
    /// As verifying wants it.
    pub(crate) fn borrow(&self) -> Decryption<'_> {
        Decryption { key: &self.key, certificate: self.certificate.as_ref(), aead: self.aead }
    }
}

const EXAMPLES: &str = "Examples:
  sztp artifact verify --conveyed-information conveyed-information.cms \\
      --owner-certificate owner-certificate.cms --ownership-voucher ownership-voucher.vcj \\
      --trust-anchor manufacturer-root.pem --serial-number SN-0001

The judgement is that of a device which found these artifacts at a source it does not trust, such as removable storage.
Exit codes: 0 verified, 3 refused or unsigned, 1 a file cannot be read.";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let conveyed_information = artifact(&args.conveyed_information, ConveyedInformation::from_der)?;
    let companions = match (&args.owner_certificate, &args.ownership_voucher) {
        (Some(owner_certificate), Some(ownership_voucher)) => Some((
            artifact(owner_certificate, OwnerCertificate::from_der)?,
            artifact(ownership_voucher, OwnershipVoucher::from_der)?,
        )),
        _ => None,
    };
    let data = match companions {
        None => BootstrappingData::Unsigned(conveyed_information),
        Some((owner_certificate, ownership_voucher)) => {
            BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher }
        }
    };
    let decryption = args.decryption.open()?;
    let evidence = files::read_evidence(&args.crl, &args.ocsp)?;
    let anchors = files::read_all_certificates(&args.trust_anchors)?;
    let idevid = args.idevid.as_deref().map(files::read_certificates).transpose()?;
    let idevid = idevid.as_deref().and_then(<[Certificate]>::first);
    let serial_number = match (&args.serial_number, idevid) {
        (Some(given), _) => given.clone(),
        (None, Some(idevid)) => SerialNumber::from_certificate(idevid).map_err(judgement::JudgementError::from)?,
        (None, None) => return Err(judgement::JudgementError::NoSerialNumber.into()),
    };
    let context = Context {
        idevid,
        nonce: args.nonce.as_ref(),
        decryption: decryption.as_ref().map(OpenedKey::borrow),
        profile: args.input_profile,
        revocation: &evidence,
        ..Context::new(&anchors, &serial_number, Clock::Trusted(at_or_now(args.at)))
    };
    let judgement = match verify::verify(Unverified::new(data), &context) {
        Ok(verified) => {
            let (accepted, trace) = verified.into_parts();
            match accepted {
                Accepted::TrustedRedirect(_) => Judgement::verified("redirect information", trace),
                Accepted::Onboarding(_) => Judgement::verified("onboarding information", trace),
                Accepted::ProvisionalRedirect(_) => Judgement::unsigned(
                    "an unsigned redirect: a device may go there, and believes nothing that it hears there",
                    trace,
                ),
            }
        }
        Err(refusal) if refusal.reason == verdict::ReasonCode::UnsignedOnboardingUntrusted => {
            Judgement::refused_unsigned(refusal)
        }
        Err(refusal) => Judgement::refused(refusal),
    };
    Ok(judgement.show(args.form))
}

/// Reads an artifact into its type.
pub(crate) fn artifact<T>(
    path: &std::path::Path,
    read: impl Fn(Vec<u8>) -> Result<T, conveyed_info::ArtifactError>,
) -> Result<T, Failure> {
    let octets = files::read_artifact(path)?;
    let wrap = |error: conveyed_info::ArtifactError| files::FileError::Unexpected {
        path: path.to_owned(),
        expected: "one CMS artifact",
        why: error.to_string(),
    };
    Ok(read(octets).map_err(wrap)?)
}

/// Reads a serial number from the command line.
pub(crate) fn serial_number(text: &str) -> Result<SerialNumber, String> {
    SerialNumber::new(text).map_err(|error| error.to_string())
}

fn nonce(text: &str) -> Result<Nonce, String> {
    let octets = STANDARD.decode(text).map_err(|error| format!("not base64: {error}"))?;
    Nonce::for_request(octets).ok_or_else(|| "a nonce of a device has 16 to 32 octets".to_owned())
}

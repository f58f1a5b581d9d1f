//! `sztp voucher`: ownership vouchers of any manufacturer.

mod brought;
mod coverage;
mod import;
mod issue;
mod list;
mod renew;
mod transfer;

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use conveyed_info::{
    OwnershipVoucher, Unverified,
    profile::InputProfile,
    verify::{self, HolderContext},
};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    revocation::Evidence,
    time::{Clock, Timestamp},
};

use super::{
    Failure,
    artifact::{
        at_or_now, inspect, moment,
        verify::{DecryptionArgs, OpenedKey, artifact, serial_number},
    },
    judgement::Judgement,
};
use crate::{files, output::Form};

/// Subcommands of `sztp voucher`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Issue vouchers for devices, with the MASA's key in its folder
    Issue(Box<issue::Args>),
    /// Record that a device goes from one owner to another
    #[command(subcommand)]
    Transfer(transfer::Command),
    /// Explain a voucher, layer by layer
    Inspect(inspect::Args),
    /// Verify a voucher's signature, signer and dates, and for which device it is
    Verify(VerifyArgs),
    /// Give vouchers to a running server, which verifies and keeps them
    Import(Box<import::Args>),
    /// List the vouchers that a server has
    List(Box<list::Args>),
    /// Have manufacturers asked for new vouchers
    Renew(Box<renew::Args>),
    /// Compare a delivery list with the vouchers: which devices are ready, and what to do about the others
    Coverage(Box<coverage::Args>),
}

/// Arguments of `sztp voucher verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// The voucher
    file: PathBuf,
    /// What the manufacturer's vouchers are verified with, PEM or DER; may be given several times
    #[arg(long = "trust-anchor", value_name = "CERT", required = true)]
    trust_anchors: Vec<PathBuf>,
    /// The serial number of the device that it must be for
    #[arg(long, value_name = "SERIAL", value_parser = serial_number)]
    serial_number: Option<SerialNumber>,
    /// The IDevID certificate of that device, for vouchers that name its issuer
    #[arg(long, value_name = "CERT")]
    idevid: Option<PathBuf>,
    /// Judge dates at this moment instead of now
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    at: Option<Timestamp>,
    /// Which departures from the voucher's module are passed over: strict, opi-agent, anima-voucher or survey
    #[arg(long, default_value_t, value_name = "PROFILE")]
    input_profile: InputProfile,
    #[command(flatten)]
    decryption: DecryptionArgs,
    /// How to show the judgement and its trace
    #[arg(long = "output", value_enum, default_value_t, value_name = "FORM")]
    form: Form,
}

const EXAMPLES: &str = "Examples:
  sztp voucher verify ownership-voucher.vcj --trust-anchor manufacturer-root.pem
  sztp voucher verify ownership-voucher.vcj --trust-anchor manufacturer-root.pem --serial-number SN-0001 --output json

Without --serial-number any device will do. The nonce, and whether the assertion is enough, only the device can judge.
Exit codes: 0 verified, 3 refused, 1 a file cannot be read.";

pub(crate) fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Issue(args) => issue::run(args),
        Command::Transfer(command) => transfer::run(command),
        Command::Inspect(args) => inspect::run(args),
        Command::Verify(args) => verify(args),
        Command::Import(args) => import::run(args),
        Command::List(args) => list::run(args),
        Command::Renew(args) => renew::run(args),
        Command::Coverage(args) => coverage::run(args),
    }
}

/// For clap: a date, which stands for the beginning of its day (UTC), or a moment, as a server takes it.
pub(crate) fn date(text: &str) -> Result<String, String> {
    day(text, "T00:00:00Z")
}

/// As [`date`], where the day is to be over.
fn end_of_day(text: &str) -> Result<String, String> {
    day(text, "T23:59:59Z")
}

fn day(text: &str, time: &str) -> Result<String, String> {
    let moment = Timestamp::parse_rfc3339(text).or_else(|| Timestamp::parse_rfc3339(&format!("{text}{time}")));
    moment.map(|moment| moment.to_string()).ok_or_else(|| "takes a date such as 2027-01-31".to_owned())
}

fn verify(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let voucher = artifact(&args.file, OwnershipVoucher::from_der)?;
    let anchors = files::read_all_certificates(&args.trust_anchors)?;
    let idevid = args.idevid.as_deref().map(files::read_certificates).transpose()?;
    let decryption = args.decryption.open()?;
    let context = HolderContext {
        voucher_anchors: &anchors,
        serial_number: args.serial_number.as_ref(),
        idevid: idevid.as_deref().and_then(<[Certificate]>::first),
        clock: Clock::Trusted(at_or_now(args.at)),
        decryption: decryption.as_ref().map(OpenedKey::borrow),
        profile: args.input_profile,
        revocation: Evidence::none(),
    };
    let judgement = match verify::verify_voucher_as_holder(Unverified::new(voucher), &context) {
        Ok(verified) => {
            let (voucher, trace) = verified.into_parts();
            Judgement::verified(format!("ownership voucher for the device {}", voucher.serial_number), trace)
        }
        Err(refusal) => Judgement::refused(refusal),
    };
    Ok(judgement.show(args.form))
}

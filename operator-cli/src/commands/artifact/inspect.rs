//! `sztp artifact inspect`.

use std::{path::PathBuf, process::ExitCode};

use conveyed_info::cms::AeadPolicy;
use pki::{key::Locator, time::Timestamp};
use serde::Serialize;

use super::{Failure, at_or_now, decrypt, moment};
use crate::{
    explain::{self, Content, Explanation, Settings},
    files,
    output::{self, Form},
};

/// Arguments of `sztp artifact inspect` and `sztp voucher inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The file: CMS, certificate, revocation list or document; DER, BER, PEM or base64
    file: PathBuf,
    /// Show scripts and configurations, which may hold secrets
    #[arg(long)]
    show_content: bool,
    /// Look into what is encrypted with this private key
    #[arg(long, value_name = "KEY")]
    decryption_key: Option<Locator>,
    /// The file of the passphrase that opens the key's file
    #[arg(long, value_name = "FILE", requires = "decryption_key")]
    passphrase_file: Option<PathBuf>,
    /// Judge dates at this moment instead of now
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    at: Option<Timestamp>,
    /// How to show it
    #[arg(long = "output", value_enum, default_value_t, value_name = "FORM")]
    form: Form,
}

const EXAMPLES: &str = "Examples:
  sztp artifact inspect conveyed-information.cms
  sztp artifact inspect ownership-voucher.vcj --output json
  curl … | sztp artifact inspect /dev/stdin      the answer of a bootstrap server

Nothing is verified: a signature that holds says only that some key made it.
Exit codes: 0 understood, 1 not, or only in part; what could be read is shown all the same.";

/// The JSON of an explanation.
#[derive(Serialize)]
struct Shown<'a> {
    file: String,
    #[serde(flatten)]
    explanation: &'a Explanation,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let octets = files::read(&args.file)?;
    let content = if args.show_content { Content::Shown } else { Content::Hidden };
    let settings = Settings { now: at_or_now(args.at), content };
    let mut is_complete = true;
    let mut explanation = explain::explain(&octets, &settings);
    if let Some(source) = &args.decryption_key {
        let key = files::open_key(source, args.passphrase_file.as_ref())?;
        let sealed = files::read_artifact(&args.file)?;
        match decrypt::open(&sealed, &key, None, AeadPolicy::Allow) {
            Ok(opened) => explanation.put_decrypted(opened.clear_form(), &settings),
            Err(error) => {
                is_complete = false;
                output::error(&format!("sztp: {} is not decrypted: {error}", args.file.display()));
            }
        }
    }
    let file = args.file.display().to_string();
    match args.form {
        Form::Json => output::json(&Shown { file, explanation: &explanation }),
        Form::Table => output::line(&explain::render(&file, &explanation)),
    }
    Ok(if is_complete && !explanation.is_broken() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

//! `sztp artifact encrypt`, and the part of `make` that encrypts.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::ValueEnum;
use conveyed_info::cms::{self, ContentCipher, ContentInfo, DeclaredType, KeyUsageRule, SealError, SealOptions};
use pki::{certificate::Certificate, key::SystemEntropy};

use super::{Failure, Target};
use crate::{
    explain,
    files::{self, FileError, Secrecy},
};

/// Arguments of `sztp artifact encrypt`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The artifact: conveyed information, owner certificate or voucher, in clear
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,
    /// The certificate of a device that is to read it, such as its IDevID; several devices are given one after the other
    #[arg(long, value_name = "CERT", num_args = 1.., required = true)]
    encrypt_to: Vec<PathBuf>,
    #[command(flatten)]
    choices: Choices,
    #[command(flatten)]
    target: Target,
}

const EXAMPLES: &str = "Examples:
  sztp artifact encrypt --in conveyed-information.cms --encrypt-to idevid.pem --out encrypted.cms
  sztp artifact encrypt --in ownership-voucher.vcj --encrypt-to one.pem two.pem --out encrypted.vcj

Sign first and encrypt second (RFC 8572 §3.4). RSA keys receive by OAEP with SHA-256, elliptic curves by ephemeral ECDH.";

/// How an envelope is made.
#[derive(Debug, clap::Args)]
pub(crate) struct Choices {
    /// The cipher of the content
    #[arg(long, value_enum, default_value_t, value_name = "CIPHER")]
    cipher: CipherChoice,
    /// Declare what is inside as id-data, as OpenSSL does, for devices that expect that
    #[arg(long)]
    openssl_envelope: bool,
    /// Encrypt even to a certificate whose KeyUsage forbids it, as that of many an IDevID does
    #[arg(long)]
    ignore_key_usage: bool,
}

/// `--cipher`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum CipherChoice {
    /// AES-256 in CBC
    #[default]
    #[value(name = "aes-256-cbc")]
    Aes256Cbc,
    /// AES-128 in CBC
    #[value(name = "aes-128-cbc")]
    Aes128Cbc,
    /// AES-256 in GCM, which makes an AuthEnvelopedData: only for devices that are known to take it
    #[value(name = "aes-256-gcm")]
    Aes256Gcm,
}

impl Choices {
    const fn options(&self) -> SealOptions {
        SealOptions {
            cipher: match self.cipher {
                CipherChoice::Aes256Cbc => ContentCipher::Aes256Cbc,
                CipherChoice::Aes128Cbc => ContentCipher::Aes128Cbc,
                CipherChoice::Aes256Gcm => ContentCipher::Aes256Gcm,
            },
            declared: if self.openssl_envelope { DeclaredType::Data } else { DeclaredType::OfContent },
            naming: cms::CertificateNaming::IssuerAndSerialNumber,
            key_usage: if self.ignore_key_usage { KeyUsageRule::Ignore } else { KeyUsageRule::Enforce },
        }
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let octets = files::read_artifact(&args.input)?;
    let unexpected = |error: cms::CmsError| FileError::Unexpected {
        path: args.input.clone(),
        expected: "an artifact in clear",
        why: error.to_string(),
    };
    // What goes in is DER, whatever came.
    let clear = ContentInfo::from_ber(&octets).and_then(|(info, _)| info.to_der()).map_err(unexpected)?;
    let sealed = seal(&clear, &args.encrypt_to, &args.choices)?;
    let mut inputs: Vec<&Path> = args.encrypt_to.iter().map(PathBuf::as_path).collect();
    inputs.push(&args.input);
    args.target.deliver(&format!("encrypted: {}", explain::summary(&clear)), &sealed, &inputs, Secrecy::Public)
}

/// Encrypts an artifact to the first certificate of each file.
pub(super) fn seal(clear: &[u8], files: &[PathBuf], choices: &Choices) -> Result<Vec<u8>, Failure> {
    let chains = files.iter().map(|path| files::read_certificates(path)).collect::<Result<Vec<_>, _>>()?;
    let recipients: Vec<Certificate> = chains.into_iter().filter_map(|chain| chain.into_iter().next()).collect();
    let options = choices.options();
    let made = cms::seal(clear, &recipients, options, &mut SystemEntropy);
    Ok(made.map_err(|source| {
        // Which of the recipients it is, the error does not say: it is the one that cannot be encrypted to alone.
        let alone =
            |it: &&Certificate| cms::seal(clear, std::slice::from_ref(it), options, &mut SystemEntropy).is_err();
        let path = recipients.iter().position(|it| alone(&it)).and_then(|index| files.get(index)).cloned();
        let advice = match &source {
            SealError::KeyUsage(_) => "; --ignore-key-usage encrypts all the same",
            _ => "",
        };
        SealFailure { path: path.unwrap_or_default(), source, advice }
    })?)
}

/// An artifact is not encrypted.
#[derive(Debug, thiserror::Error)]
#[error("cannot encrypt to {}: {source}{advice}", path.display())]
pub(crate) struct SealFailure {
    path: PathBuf,
    source: SealError,
    advice: &'static str,
}

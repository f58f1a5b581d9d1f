//! `sztp artifact decrypt`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use conveyed_info::cms::{AeadPolicy, CmsError, ContentInfo, Enveloped, OpenError, Opened};
use pki::{
    certificate::Certificate,
    key::{Decryptor, Locator},
};
use verdict::{ReasonCode, Refusal};

use super::{Failure, Target};
use crate::{
    explain,
    files::{self, Secrecy},
    output,
};

/// Arguments of `sztp artifact decrypt`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The encrypted artifact
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,
    /// The private key of one of its recipients
    #[arg(long, value_name = "KEY")]
    decryption_key: Locator,
    /// The file of the passphrase that opens the key's file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The certificate of that key, to choose the recipient by; without it, every one whose kind fits is tried
    #[arg(long, value_name = "CERT")]
    decryption_certificate: Option<PathBuf>,
    /// Accept AuthEnvelopedData, which RFC 8572 does not name
    #[arg(long)]
    allow_auth_enveloped: bool,
    #[command(flatten)]
    target: Target,
}

const EXAMPLES: &str = "Examples:
  sztp artifact decrypt --in encrypted.cms --decryption-key device.key --out conveyed-information.cms

What comes out is the artifact in clear, signed or not, in a file that only you may read. Nothing is verified.
Exit codes: 0 decrypted, 3 refused: not for this key, not allowed, or broken.";

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let octets = files::read_artifact(&args.input)?;
    let key = files::open_key(&args.decryption_key, args.passphrase_file.as_ref())?;
    let chain = args.decryption_certificate.as_deref().map(files::read_certificates).transpose()?;
    let certificate = chain.as_ref().and_then(|chain| chain.first());
    let aead = if args.allow_auth_enveloped { AeadPolicy::Allow } else { AeadPolicy::Refuse };
    let opened = open(&octets, &key, certificate, aead)
        .map_err(|error| Refusal::new(reason(&error), format!("{}: {error}", args.input.display())))?;
    for leniency in opened.leniencies() {
        output::error(&format!("note: {}", leniency.summary()));
    }
    let clear = opened.clear_form();
    let mut inputs: Vec<&Path> = vec![&args.input];
    inputs.extend(args.decryption_key.file());
    inputs.extend(args.decryption_certificate.as_deref());
    args.target.deliver(&format!("decrypted: {}", explain::summary(clear)), clear, &inputs, Secrecy::Private)
}

/// Opens an envelope in DER or BER.
pub(super) fn open(
    octets: &[u8],
    key: &dyn Decryptor,
    certificate: Option<&Certificate>,
    aead: AeadPolicy,
) -> Result<Opened, OpenError> {
    let (info, _) = ContentInfo::from_ber(octets)?;
    Enveloped::from_content_info(&info)?.open(key, certificate, aead)
}

/// The reason code of what `sztp artifact verify` would say about it.
const fn reason(error: &OpenError) -> ReasonCode {
    match error {
        OpenError::Cms(CmsError::ContentType(_)) => ReasonCode::ContentTypeUnexpected,
        OpenError::Cms(_) | OpenError::Recipients(_) | OpenError::Nested => ReasonCode::ArtifactMalformed,
        OpenError::NotARecipient | OpenError::KeyIsNotTheCertificates => ReasonCode::NotARecipient,
        OpenError::Failed => ReasonCode::DecryptionFailed,
        _ => ReasonCode::EncryptionNotAllowed,
    }
}

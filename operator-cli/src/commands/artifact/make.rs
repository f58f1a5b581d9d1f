//! `sztp artifact make`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::ValueEnum;
use conveyed_info::{
    DocumentError, Encoding,
    cms::{self, CmsError, ContentType, Draft, SignCmsError},
    information::Information,
    make::{self, MakeError},
};
use pki::{algorithm::AlgorithmError, certificate::Certificate, key::Signer, path, time::Timestamp};

use super::{Failure, Target, at_or_now};
use crate::files::{self, KeySource};

/// Arguments of `sztp artifact make`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["document", "owner_certificate"]))]
pub(crate) struct Args {
    /// Make conveyed information of this document, JSON or XML (RFC 8572 §6)
    #[arg(long, value_name = "DOC")]
    document: Option<PathBuf>,
    /// Make an owner certificate artifact of these certificates: the owner certificate first, then its CAs
    #[arg(long, value_name = "CHAIN")]
    owner_certificate: Option<PathBuf>,
    /// Sign the document with this private key
    #[arg(long, value_name = "KEY", requires = "sign_certificate", conflicts_with = "owner_certificate")]
    sign_key: Option<KeySource>,
    /// The certificate of the signing key, and its CAs
    #[arg(long, value_name = "CHAIN", requires = "sign_key")]
    sign_certificate: Option<PathBuf>,
    /// What the structure says its content is
    #[arg(long, value_enum, default_value_t, conflicts_with = "owner_certificate", value_name = "TYPE")]
    content_type: TypeChoice,
    #[command(flatten)]
    target: Target,
}

/// `--content-type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum TypeChoice {
    /// The type that RFC 8572 has for the document's encoding
    #[default]
    Rfc8572,
    /// id-data, which most other makers write and some devices want
    IdData,
}

const EXAMPLES: &str = "Examples:
  sztp artifact make --document onboarding.json --out conveyed-information.cms \\
      --sign-key owner.key --sign-certificate owner-chain.pem
  sztp artifact make --document redirect.xml --out conveyed-information.cms      unsigned
  sztp artifact make --owner-certificate owner-chain.pem --out owner-certificate.cms

What a device would refuse is not made.";

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match (&args.document, &args.owner_certificate) {
        (Some(document), _) => make_conveyed_information(args, document),
        (None, Some(chain)) => make_owner_certificate(args, chain),
        // The group wants one of them.
        (None, None) => Ok(ExitCode::from(2)),
    }
}

fn make_conveyed_information(args: &Args, path: &Path) -> Result<ExitCode, Failure> {
    let document = files::read(path)?;
    let refused = |source| MakeFailure::Document { path: path.to_owned(), source };
    let encoding = Encoding::detect(&document).ok_or_else(|| MakeFailure::NoDocument { path: path.to_owned() })?;
    let information = Information::decode(&document, encoding).map_err(refused)?;
    let content_type = match (args.content_type, encoding) {
        (TypeChoice::IdData, _) => ContentType::Data,
        (TypeChoice::Rfc8572, Encoding::Json) => ContentType::ConveyedInfoJson,
        (TypeChoice::Rfc8572, Encoding::Xml) => ContentType::ConveyedInfoXml,
    };
    let kind = match information {
        Information::Redirect(_) => "redirect information",
        Information::Onboarding(_) => "onboarding information",
    };
    let mut inputs = vec![path];
    // The document's own octets go in, not a rewriting: what the operator wrote is what gets signed.
    let (what, der) = match (&args.sign_key, &args.sign_certificate) {
        (Some(key), Some(certificate)) => {
            inputs.extend([key.path(), certificate.as_path()]);
            let chain = files::read_certificates(certificate)?;
            check_chain(certificate, &chain)?;
            let key = key.open()?;
            let matches = chain.first().is_some_and(|it| it.public_key() == key.public_key());
            if !matches {
                return Err(MakeFailure::KeyMismatch { path: certificate.clone() }.into());
            }
            let der = Draft::sign(content_type, &document, &key, &chain).map_err(MakeFailure::from)?;
            (format!("signed conveyed information: {kind}, {encoding}"), der)
        }
        _ => {
            let der = cms::bare(content_type, &document).map_err(MakeFailure::from)?;
            (format!("unsigned conveyed information: {kind}, {encoding}"), der)
        }
    };
    conveyed_info::ConveyedInformation::from_der(der.as_slice())
        .map_err(|error| MakeFailure::from(MakeError::from(error)))?;
    args.target.deliver(&what, &der, &inputs)
}

fn make_owner_certificate(args: &Args, path: &Path) -> Result<ExitCode, Failure> {
    let chain = files::read_certificates(path)?;
    check_chain(path, &chain)?;
    let artifact = make::owner_certificate(&chain).map_err(MakeFailure::from)?;
    let owner = chain.first().map(|it| it.subject().to_string()).unwrap_or_default();
    let what = match chain.len() {
        1 => format!("owner certificate of {owner}"),
        2 => format!("owner certificate of {owner} with one more certificate"),
        count => format!("owner certificate of {owner} with {} more certificates", count - 1),
    };
    args.target.deliver(&what, artifact.der(), &[path])
}

/// Refuses a chain that devices would refuse: a signer that may not sign or has expired, a certificate that did not issue
/// the one before it (ART-11, ART-14).
fn check_chain(path: &Path, chain: &[Certificate]) -> Result<(), MakeFailure> {
    let path = || path.to_owned();
    let Some(owner) = chain.first() else { return Ok(()) };
    if !path::may_sign(owner) {
        let subject = owner.subject().to_string();
        // Most often simply the wrong way round.
        return Err(if owner.extensions().is_ca() && chain.len() > 1 {
            MakeFailure::CaFirst { path: path(), subject }
        } else {
            MakeFailure::MayNotSign { path: path(), subject }
        });
    }
    let now = at_or_now(None);
    for certificate in chain {
        if certificate.not_after() < now {
            let subject = certificate.subject().to_string();
            return Err(MakeFailure::Expired { path: path(), subject, not_after: certificate.not_after(), now });
        }
    }
    for (below, above) in chain.iter().zip(chain.iter().skip(1)) {
        let names = || (below.subject().to_string(), above.subject().to_string());
        if below.issuer() != above.subject() {
            let (below, above) = names();
            return Err(MakeFailure::Order { path: path(), below, above });
        }
        below.verify_signature(above.public_key()).map_err(|source| {
            let (below, above) = names();
            MakeFailure::Issuer { path: path(), below, above, source }
        })?;
    }
    Ok(())
}

/// An artifact is not made, since a device would refuse it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum MakeFailure {
    /// The document breaks its module.
    #[error("{}: devices would refuse this document: {source} (RFC 8572 §6.3)", path.display())]
    Document {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: DocumentError,
    },
    /// The file is no document.
    #[error("{}: expected a JSON or XML document with redirect or onboarding information (RFC 8572 §6.3)", path.display())]
    NoDocument {
        /// Which file.
        path: PathBuf,
    },
    /// The key is another one's.
    #[error("the signing key is not the key of the first certificate in {}", path.display())]
    KeyMismatch {
        /// The file with the certificates.
        path: PathBuf,
    },
    /// The certificate may not sign.
    #[error(
        "{}: {subject} may not sign artifacts (RFC 8572 §3.2): its KeyUsage lacks digitalSignature, or it is for TLS alone",
        path.display()
    )]
    MayNotSign {
        /// Which file.
        path: PathBuf,
        /// Whose certificate.
        subject: String,
    },
    /// A CA stands first.
    #[error("{}: a CA that may not sign, {subject}, stands first: put the owner certificate first, its CAs behind it", path.display())]
    CaFirst {
        /// Which file.
        path: PathBuf,
        /// Whose certificate.
        subject: String,
    },
    /// A certificate has expired.
    #[error("{}: the certificate of {subject} expired on {not_after}, and it is {now}: renew it first", path.display())]
    Expired {
        /// Which file.
        path: PathBuf,
        /// Whose certificate.
        subject: String,
        /// When.
        not_after: Timestamp,
        /// The present.
        now: Timestamp,
    },
    /// The certificates do not follow each other.
    #[error(
        "{}: {above} follows {below} and did not issue it: put the owner certificate first, then each issuer in turn",
        path.display()
    )]
    Order {
        /// Which file.
        path: PathBuf,
        /// Whose certificate stands before.
        below: String,
        /// Whose certificate stands behind.
        above: String,
    },
    /// A signature of the chain fails.
    #[error("{}: the key of {above} did not sign the certificate of {below}: {source}", path.display())]
    Issuer {
        /// Which file.
        path: PathBuf,
        /// Whose certificate was issued.
        below: String,
        /// Who ought to have issued it.
        above: String,
        /// What is wrong.
        source: AlgorithmError,
    },
    /// The structure cannot be made.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The structure cannot be made.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// The signature cannot be made.
    #[error(transparent)]
    Sign(#[from] SignCmsError),
}

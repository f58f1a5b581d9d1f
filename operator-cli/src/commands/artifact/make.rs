//! `sztp artifact make`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::ValueEnum;
use conveyed_info::{
    DocumentError, Encoding,
    cms::{self, CertificateNaming, CmsError, ContentType, Draft, SignCmsError, SignOptions},
    information::Information,
    make::{self, MakeError},
};
use pki::{
    algorithm::{PssParameters, SignatureAlgorithm},
    digest::HashAlgorithm,
    key::{KeyError, Locator, Signer},
};

use super::{
    Failure, Target,
    chain::{ChainFailure, check_chain, check_evidence},
    encrypt::{self, Choices},
};
use crate::files::{self, Secrecy};

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
    sign_key: Option<Locator>,
    /// The file of the passphrase that opens the key's file
    #[arg(long, value_name = "FILE", requires = "sign_key")]
    passphrase_file: Option<PathBuf>,
    /// The certificate of the signing key, and its CAs
    #[arg(long, value_name = "CHAIN", requires = "sign_key")]
    sign_certificate: Option<PathBuf>,
    /// What the structure says its content is
    #[arg(long, value_enum, default_value_t, conflicts_with = "owner_certificate", value_name = "TYPE")]
    content_type: TypeChoice,
    /// How the signature names its certificate
    #[arg(long, value_enum, default_value_t, requires = "sign_key", value_name = "HOW")]
    signer_identifier: Naming,
    /// How an RSA key signs
    #[arg(long, value_enum, requires = "sign_key", value_name = "PADDING")]
    rsa_padding: Option<Padding>,
    /// Staple this revocation list to the owner certificate
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "owner_certificate")]
    crl: Vec<PathBuf>,
    /// Staple this OCSP response to the owner certificate
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "owner_certificate")]
    ocsp: Vec<PathBuf>,
    /// Encrypt what was made to this certificate of a device; several are given one after the other
    #[arg(long, value_name = "CERT", num_args = 1..)]
    encrypt_to: Vec<PathBuf>,
    #[command(flatten)]
    choices: Choices,
    #[command(flatten)]
    target: Target,
}

/// `--signer-identifier`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Naming {
    /// By issuer and serial number
    #[default]
    IssuerAndSerial,
    /// By its subject key identifier
    KeyIdentifier,
}

/// `--rsa-padding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Padding {
    /// PKCS#1 v1.5 with SHA-256, which every device reads
    Pkcs1,
    /// PSS with SHA-256
    Pss,
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
  sztp artifact make --owner-certificate owner-chain.pem --crl owner-ca.crl --out owner-certificate.cms

What a device would refuse is not made.";

impl Args {
    fn sign_options(&self) -> SignOptions {
        SignOptions {
            naming: match self.signer_identifier {
                Naming::IssuerAndSerial => CertificateNaming::IssuerAndSerialNumber,
                Naming::KeyIdentifier => CertificateNaming::SubjectKeyIdentifier,
            },
            signing_time: None,
        }
    }
}

impl Padding {
    const fn algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::Pkcs1 => SignatureAlgorithm::RsaPkcs1Sha256,
            Self::Pss => SignatureAlgorithm::RsaPss(PssParameters::new(HashAlgorithm::Sha256)),
        }
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
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
    make::check(&information).map_err(MakeFailure::from)?;
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
            inputs.extend(key.file());
            inputs.push(certificate);
            let chain = files::read_certificates(certificate)?;
            check_chain(certificate, &chain).map_err(MakeFailure::from)?;
            let key = files::open_key(key, args.passphrase_file.as_ref())?;
            let key = match args.rsa_padding {
                None => key,
                Some(padding) => key.with_algorithm(padding.algorithm()).map_err(MakeFailure::from)?,
            };
            let matches = chain.first().is_some_and(|it| it.public_key() == Signer::public_key(&key));
            if !matches {
                return Err(MakeFailure::KeyMismatch { path: certificate.clone() }.into());
            }
            let der = Draft::sign_with(content_type, &document, &key, &chain, args.sign_options())
                .map_err(MakeFailure::from)?;
            (format!("signed conveyed information: {kind}, {encoding}"), der)
        }
        _ => {
            let der = cms::bare(content_type, &document).map_err(MakeFailure::from)?;
            (format!("unsigned conveyed information: {kind}, {encoding}"), der)
        }
    };
    conveyed_info::ConveyedInformation::from_der(der.as_slice())
        .map_err(|error| MakeFailure::from(MakeError::from(error)))?;
    deliver(args, what, der, inputs)
}

fn make_owner_certificate(args: &Args, path: &Path) -> Result<ExitCode, Failure> {
    let chain = files::read_certificates(path)?;
    check_chain(path, &chain).map_err(MakeFailure::from)?;
    let evidence = files::read_evidence(&args.crl, &args.ocsp)?;
    check_evidence(path, &chain, &evidence).map_err(MakeFailure::from)?;
    let artifact = make::owner_certificate_with_evidence(&chain, &evidence).map_err(MakeFailure::from)?;
    let owner = chain.first().map(|it| it.subject().to_string()).unwrap_or_default();
    let what = match chain.len() {
        1 => format!("owner certificate of {owner}"),
        2 => format!("owner certificate of {owner} with one more certificate"),
        count => format!("owner certificate of {owner} with {} more certificates", count - 1),
    };
    let mut inputs = vec![path];
    inputs.extend(args.crl.iter().chain(&args.ocsp).map(PathBuf::as_path));
    deliver(args, what, artifact.der().to_vec(), inputs)
}

/// Encrypts what was made if there is somebody to encrypt it to, and writes it.
fn deliver<'a>(args: &'a Args, what: String, der: Vec<u8>, mut inputs: Vec<&'a Path>) -> Result<ExitCode, Failure> {
    if args.encrypt_to.is_empty() {
        return args.target.deliver(&what, &der, &inputs, Secrecy::Public);
    }
    inputs.extend(args.encrypt_to.iter().map(PathBuf::as_path));
    let sealed = encrypt::seal(&der, &args.encrypt_to, &args.choices)?;
    args.target.deliver(&format!("encrypted: {what}"), &sealed, &inputs, Secrecy::Public)
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
    /// The certificates.
    #[error(transparent)]
    Chain(#[from] ChainFailure),
    /// The key does not sign like that.
    #[error("--rsa-padding: {0}")]
    Key(#[from] KeyError),
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

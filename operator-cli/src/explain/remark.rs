//! What is unusual about a file: a closed list, so that scripts may match on codes.

use std::fmt;

use conveyed_info::{profile::Leniency, voucher::ForeignForm};
use pki::time::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use verdict::Trace;

use super::ber::Break;

/// Something worth saying about a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// The bytes stop being what they should be.
    Broken(Break),
    /// A part cannot be read.
    Unreadable {
        /// Which.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// A part that must be there is not.
    Missing(&'static str),
    /// Bytes after the end.
    TrailingBytes(usize),
    /// More layers than anybody needs.
    TooDeep,
    /// More of something than is shown.
    NotShown(usize, &'static str),
    /// BER where DER is demanded.
    Ber,
    /// The encoding of the document is told by nothing but its first character.
    IdData,
    /// The same inside encrypted data.
    IdDataEncrypted,
    /// The document is not of the encoding that its content type names.
    EncodingMismatch(&'static str),
    /// A content type that RFC 8572 does not name.
    ContentType(String),
    /// An unusual version of a structure.
    Version {
        /// As it stands.
        found: u64,
        /// As RFC 5652 has it.
        expected: u64,
    },
    /// An algorithm that is too weak.
    WeakAlgorithm(String),
    /// An algorithm that is not known here.
    UnknownAlgorithm(String),
    /// A key that is too short, its size in bits.
    ShortKey(usize),
    /// A signer without signed attributes.
    NoSignedAttributes,
    /// Several signers.
    Signers(usize),
    /// The signer's certificate is not in the file.
    SignerCertificateMissing,
    /// The signature, or what it covers, is wrong.
    SignatureFails(String),
    /// A signer where none is expected.
    SignerInBag,
    /// A certificate or revocation list is not valid yet.
    NotYetValid(Timestamp),
    /// A certificate or voucher has expired.
    Expired(Timestamp),
    /// A revocation list is out of date.
    Stale(Timestamp),
    /// The certificate may not sign artifacts.
    MayNotSign(&'static str),
    /// The certificate may not be encrypted to, or whether it may is not sure.
    CriticalExtension(String),
    /// What a strict reader says.
    Refused {
        /// Which reader.
        by: &'static str,
        /// What it says.
        why: String,
    },
    /// Authenticated encryption is outside RFC 8572.
    AuthEnveloped,
    /// Signed after encryption.
    EncryptedInsideSigned,
    /// A key derivation that is accepted and never made.
    KdfSha1,
    /// OAEP with its default hash, which is accepted and never made.
    OaepSha1,
    /// A key transport that is accepted and never made.
    Pkcs1KeyTransport,
    /// A voucher that can be used for ever.
    Immortal,
    /// A departure from the voucher's module that only some device classes may pass over.
    Leniency(Leniency),
    /// An assertion that RFC 8366 does not define.
    Assertion,
    /// A signed form other than CMS.
    Foreign(ForeignForm),
    /// A private key.
    PrivateKey,
    /// Content that may hold secrets is not shown.
    ContentHidden,
}

/// How much a remark matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Level {
    /// Worth knowing.
    Note,
    /// Devices may refuse it.
    Warning,
    /// It cannot be read.
    Broken,
}

impl Remark {
    /// Whether something could not be read.
    pub(crate) fn is_broken(&self) -> bool {
        self.level() == Level::Broken
    }

    /// How much it matters.
    pub(crate) fn level(&self) -> Level {
        match self {
            Self::Broken(_) | Self::Unreadable { .. } | Self::Missing(_) | Self::TrailingBytes(_) | Self::TooDeep => {
                Level::Broken
            }
            Self::NotShown(..)
            | Self::IdData
            | Self::IdDataEncrypted
            | Self::Version { .. }
            | Self::SignerInBag
            | Self::KdfSha1
            | Self::OaepSha1
            | Self::Pkcs1KeyTransport
            | Self::Immortal
            | Self::ContentHidden
            | Self::SignerCertificateMissing => Level::Note,
            _ => Level::Warning,
        }
    }

    /// The stable name, kebab-case.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Broken(_) => "broken",
            Self::Unreadable { .. } => "unreadable",
            Self::Missing(_) => "missing",
            Self::TrailingBytes(_) => "trailing-bytes",
            Self::TooDeep => "too-deep",
            Self::NotShown(..) => "not-shown",
            Self::Ber => "ber",
            Self::IdData => "id-data",
            Self::IdDataEncrypted => "id-data-encrypted",
            Self::EncodingMismatch(_) => "encoding-mismatch",
            Self::ContentType(_) => "content-type",
            Self::Version { .. } => "version",
            Self::WeakAlgorithm(_) => "weak-algorithm",
            Self::UnknownAlgorithm(_) => "unknown-algorithm",
            Self::ShortKey(_) => "short-key",
            Self::NoSignedAttributes => "no-signed-attributes",
            Self::Signers(_) => "signers",
            Self::SignerCertificateMissing => "signer-certificate-missing",
            Self::SignatureFails(_) => "signature-fails",
            Self::SignerInBag => "signer-in-bag",
            Self::NotYetValid(_) => "not-yet-valid",
            Self::Expired(_) => "expired",
            Self::Stale(_) => "stale",
            Self::MayNotSign(_) => "may-not-sign",
            Self::CriticalExtension(_) => "critical-extension",
            Self::Refused { .. } => "refused",
            Self::AuthEnveloped => "auth-enveloped",
            Self::EncryptedInsideSigned => "encrypted-inside-signed",
            Self::KdfSha1 => "kdf-sha1",
            Self::OaepSha1 => "oaep-sha1",
            Self::Pkcs1KeyTransport => "pkcs1-key-transport",
            Self::Immortal => "immortal",
            Self::Leniency(_) => "leniency",
            Self::Assertion => "assertion",
            Self::Foreign(_) => "foreign-form",
            Self::PrivateKey => "private-key",
            Self::ContentHidden => "content-hidden",
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(at) => write!(f, "{at}"),
            Self::Unreadable { what, why } => write!(f, "the {what} cannot be read: {}", Trace::readable(why)),
            Self::Missing(what) => write!(f, "{what} is missing"),
            Self::TrailingBytes(count) => write!(f, "{count} octet(s) follow after the end; devices refuse them"),
            Self::TooDeep => f.write_str("layers inside layers: what lies deeper is not looked at"),
            Self::NotShown(count, what) => write!(f, "{count} more {what} are not shown"),
            Self::Ber => f.write_str(
                "BER, not DER (indefinite lengths or strings in pieces, as `openssl cms -stream` writes them); \
                 RFC 8572 §3 wants DER",
            ),
            Self::IdData => f.write_str(
                "id-data tells nothing about the content: its first character decides whether it is JSON or XML",
            ),
            Self::IdDataEncrypted => f.write_str(
                "id-data does not tell what was encrypted, as OpenSSL has it; RFC 8572 §3.4 names the type of the content",
            ),
            Self::EncodingMismatch(named) => {
                write!(f, "the content type says {named} and the document is none (RFC 8572 §3.1)")
            }
            Self::ContentType(name) => {
                write!(f, "{name} is no content type of RFC 8572 or RFC 8366: devices refuse it")
            }
            Self::Version { found, expected } => {
                write!(f, "version {found}, where RFC 5652 has {expected}: an old maker; devices read it all the same")
            }
            Self::WeakAlgorithm(name) => write!(f, "{name} is too weak: devices refuse it"),
            Self::UnknownAlgorithm(name) => write!(f, "{name} is not known here: our devices refuse it"),
            Self::ShortKey(bits) => write!(f, "an RSA key of {bits} bits is too short: devices refuse it"),
            Self::NoSignedAttributes => f.write_str(
                "no signed attributes: allowed for id-data alone (RFC 5652 §5.3), refused with any other content type",
            ),
            Self::Signers(count) => write!(f, "{count} signers, where one is expected: whose word counts is open"),
            Self::SignerCertificateMissing => f.write_str(
                "the signer's certificate is not in this file: `verify` looks for it in the owner certificate \
                 or among the anchors",
            ),
            Self::SignatureFails(why) => write!(f, "the signature does not hold: {}", Trace::readable(why)),
            Self::SignerInBag => f.write_str("signed, though a mere bag of certificates was meant to be: ignored"),
            Self::NotYetValid(from) => write!(f, "not valid before {from}"),
            Self::Expired(on) => write!(f, "expired on {on}"),
            Self::Stale(due) => write!(f, "out of date: the next one was due on {due}"),
            Self::MayNotSign(why) => write!(f, "may not sign artifacts: {why} (RFC 8572 §3.2)"),
            Self::CriticalExtension(name) => write!(f, "the critical extension {name} is not understood by devices"),
            Self::Refused { by, why } => write!(f, "{by} refuses it: {}", Trace::readable(why)),
            Self::AuthEnveloped => f.write_str(
                "AuthEnvelopedData is not among the forms of RFC 8572 §3: devices refuse it unless told otherwise",
            ),
            Self::EncryptedInsideSigned => {
                f.write_str("encrypted first and signed second: RFC 8572 §3.4 wants it the other way round")
            }
            Self::OaepSha1 => f.write_str("OAEP with SHA-1, its default: accepted, never made"),
            Self::KdfSha1 => f.write_str("the key is derived with SHA-1, the default of OpenSSL: accepted, never made"),
            Self::Pkcs1KeyTransport => {
                f.write_str("the key is sent with PKCS#1 v1.5, the default of OpenSSL: accepted, never made")
            }
            Self::Immortal => f.write_str("no expiry and no nonce: whoever has this voucher can use it for ever"),
            Self::Leniency(it) => {
                write!(f, "against RFC 8366, and refused unless the device's profile has {it}: {}", it.summary())
            }
            Self::Assertion => f.write_str("RFC 8366 §5.3 does not define this assertion: devices refuse it"),
            Self::Foreign(form) => write!(f, "{form} (RFC 8366 §5.4)"),
            Self::PrivateKey => f.write_str("a private key: give it to nobody"),
            Self::ContentHidden => f.write_str("scripts and configuration may hold secrets: --show-content shows them"),
        }
    }
}

impl Serialize for Remark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Remark", 3)?;
        object.serialize_field("level", &self.level())?;
        object.serialize_field("code", self.code())?;
        object.serialize_field("text", &self.to_string())?;
        object.end()
    }
}

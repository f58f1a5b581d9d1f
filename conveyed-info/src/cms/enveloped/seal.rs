//! Making envelopes (RFC 8572 §3.4).

use cms::{
    cert::IssuerAndSerialNumber,
    content_info::CmsVersion,
    enveloped_data::{
        EncryptedContentInfo, KeyAgreeRecipientIdentifier, KeyAgreeRecipientInfo, KeyTransRecipientInfo,
        OriginatorIdentifierOrKey, OriginatorPublicKey, RecipientEncryptedKey, RecipientIdentifier, RecipientInfo,
        RecipientKeyIdentifier,
    },
};
use const_oid::db::{rfc5911, rfc5912};
use der::{
    Any, Decode, Encode,
    asn1::{BitString, OctetString, SetOfVec},
};
use pki::{
    certificate::Certificate,
    key::{EncryptError, Entropy, KeyType, NoEntropy},
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{attr::Attribute, ext::pkix::SubjectKeyIdentifier};
use zeroize::Zeroizing;

use super::{
    ContentCipher, MAX_RECIPIENTS,
    agreement::{Agreement, KdfHash, KeyWrap},
    cipher::{Encryption, Structure},
    opened::Opened,
    structure::{RawAuthEnvelopedData, RawEnvelopedData},
    transport,
};
use crate::cms::{CertificateNaming, CmsError, ContentInfo, ContentType};

/// How an envelope is made. The default is what RFC 8572 §3.4 describes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SealOptions {
    /// AES-256 in CBC by default. One in GCM makes AuthEnvelopedData, which RFC 8572 does not name (ENC-09).
    pub cipher: ContentCipher,
    /// What the envelope says that it holds.
    pub declared: DeclaredType,
    /// How recipients are named.
    pub naming: CertificateNaming,
    /// Whether a certificate's KeyUsage counts.
    pub key_usage: KeyUsageRule,
}

/// What an envelope says that it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeclaredType {
    /// The type of what was put in (ART-04, ART-06): for SignedData, SignedData alone is encrypted.
    #[default]
    OfContent,
    /// id-data, and the whole ContentInfo is encrypted, as `openssl cms -encrypt` does (ENC-11). For readers that expect that.
    Data,
}

/// Whether a recipient's KeyUsage may forbid encrypting to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyUsageRule {
    /// A KeyUsage extension must assert keyEncipherment for RSA (ENC-06), keyAgreement for elliptic curves (ENC-07).
    #[default]
    Enforce,
    /// It is not looked at: many IDevIDs assert digitalSignature alone, and are all there is.
    Ignore,
}

/// Encrypts the clear form of an artifact, a ContentInfo in DER, to every certificate in `recipients`.
///
/// # Errors
/// [`SealError`].
pub fn seal(
    clear_form: &[u8],
    recipients: &[Certificate],
    options: SealOptions,
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, SealError> {
    if !(1..=MAX_RECIPIENTS).contains(&recipients.len()) {
        return Err(SealError::Recipients(recipients.len()));
    }
    let info = ContentInfo::from_der(clear_form)?;
    // ENC-02: the clear form is encrypted, and only that.
    Opened::check_declared(info.content_type()).map_err(|_| SealError::NotAClearForm(info.content_type()))?;
    let (declared, plaintext) = match options.declared {
        DeclaredType::Data => (ContentType::Data, Zeroizing::new(clear_form.to_vec())),
        DeclaredType::OfContent if info.content_type() == ContentType::SignedData => {
            (ContentType::SignedData, Zeroizing::new(info.content_der()?))
        }
        // RFC 5652 §6.3: of an OCTET STRING the value alone is encrypted.
        DeclaredType::OfContent => (info.content_type(), Zeroizing::new(info.octets()?.to_vec())),
    };

    let cipher = options.cipher;
    let mut key = Zeroizing::new(vec![0; cipher.key_octets()]);
    entropy.fill(&mut key)?;
    let mut iv = vec![0; cipher.iv_octets()];
    entropy.fill(&mut iv)?;
    let encryption = Encryption { cipher, iv };

    let infos =
        recipients.iter().map(|it| recipient_info(it, &key, options, entropy)).collect::<Result<Vec<_>, _>>()?;
    // RFC 5652 §6.1: 0 as long as every RecipientInfo has version 0.
    let plain = infos.iter().all(|info| matches!(info, RecipientInfo::Ktri(info) if info.version == CmsVersion::V0));
    let infos = infos.iter().map(|info| Any::from_der(&info.to_der()?)).collect::<der::Result<Vec<_>>>()?;
    let recipients = SetOfVec::try_from(infos)?;
    let content = |encrypted: Vec<u8>| -> der::Result<EncryptedContentInfo> {
        Ok(EncryptedContentInfo {
            content_type: declared.oid(),
            content_enc_alg: encryption.identifier()?,
            encrypted_content: Some(OctetString::new(encrypted)?),
        })
    };
    match cipher.structure() {
        Structure::Enveloped => {
            let (encrypted, _) = encryption.encrypt(&key, &[], &plaintext).ok_or(SealError::Failed)?;
            let version = if plain { CmsVersion::V0 } else { CmsVersion::V2 };
            let content = content(encrypted)?;
            let raw =
                RawEnvelopedData { version, originator_info: None, recipients, content, unprotected_attributes: None };
            Ok(ContentInfo::encode(ContentType::EnvelopedData, &raw)?)
        }
        Structure::AuthEnveloped => {
            let attributes = authenticated_attributes(declared)?;
            let associated = attributes.as_ref().map(Encode::to_der).transpose()?.unwrap_or_default();
            let (encrypted, tag) = encryption.encrypt(&key, &associated, &plaintext).ok_or(SealError::Failed)?;
            let raw = RawAuthEnvelopedData {
                // RFC 5083 §2.1.
                version: CmsVersion::V0,
                originator_info: None,
                recipients,
                content: content(encrypted)?,
                attributes,
                tag: OctetString::new(tag)?,
                unauthenticated_attributes: None,
            };
            Ok(ContentInfo::encode(ContentType::AuthEnvelopedData, &raw)?)
        }
    }
}

/// RFC 5083 §2.1: a content-type attribute, unless the content is id-data.
fn authenticated_attributes(declared: ContentType) -> der::Result<Option<SetOfVec<Attribute>>> {
    if declared == ContentType::Data {
        return Ok(None);
    }
    let values = SetOfVec::try_from(vec![Any::from(&declared.oid())])?;
    SetOfVec::try_from(vec![Attribute { oid: rfc5911::ID_CONTENT_TYPE, values }]).map(Some)
}

fn recipient_info(
    certificate: &Certificate,
    key: &[u8],
    options: SealOptions,
    entropy: &mut dyn Entropy,
) -> Result<RecipientInfo, SealError> {
    let public = certificate.public_key();
    let usage = certificate.extensions().key_usage.filter(|_| options.key_usage == KeyUsageRule::Enforce);
    match KdfHash::for_curve(public.key_type()) {
        Some(hash) => {
            // RFC 5652 §6.2.2 (ENC-07).
            if usage.is_some_and(|usage| !usage.key_agreement) {
                return Err(SealError::KeyUsage(NeededUsage::KeyAgreement));
            }
            let agreed = public.agree_ephemeral(entropy)?;
            let agreement = Agreement::new(hash, KeyWrap::for_cipher(options.cipher));
            let wrapped = agreement.wrap(&agreed.secret, None, key).ok_or(SealError::Failed)?;
            let rid = match named(certificate, options.naming)? {
                RecipientIdentifier::IssuerAndSerialNumber(id) => {
                    KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(id)
                }
                RecipientIdentifier::SubjectKeyIdentifier(subject_key_identifier) => {
                    KeyAgreeRecipientIdentifier::RKeyId(RecipientKeyIdentifier {
                        subject_key_identifier,
                        date: None,
                        other: None,
                    })
                }
            };
            Ok(RecipientInfo::Kari(KeyAgreeRecipientInfo {
                // RFC 5652 §6.2.2.
                version: CmsVersion::V3,
                originator: OriginatorIdentifierOrKey::OriginatorKey(OriginatorPublicKey {
                    // RFC 5753 §3.1.1: the curve is the recipient's, so that the parameters are absent.
                    algorithm: AlgorithmIdentifierOwned { oid: rfc5912::ID_EC_PUBLIC_KEY, parameters: None },
                    public_key: BitString::from_bytes(&agreed.ephemeral_point)?,
                }),
                ukm: None,
                key_enc_alg: agreement.identifier()?,
                recipient_enc_keys: vec![RecipientEncryptedKey { rid, enc_key: OctetString::new(wrapped)? }],
            }))
        }
        None if public.key_type() == KeyType::Rsa => {
            // RFC 5652 §6.2.1 (ENC-06).
            if usage.is_some_and(|usage| !usage.key_encipherment) {
                return Err(SealError::KeyUsage(NeededUsage::KeyEncipherment));
            }
            let rid = named(certificate, options.naming)?;
            Ok(RecipientInfo::Ktri(KeyTransRecipientInfo {
                // RFC 5652 §6.2.1.
                version: match rid {
                    RecipientIdentifier::IssuerAndSerialNumber(_) => CmsVersion::V0,
                    RecipientIdentifier::SubjectKeyIdentifier(_) => CmsVersion::V2,
                },
                rid,
                key_enc_alg: transport::oaep_sha256()?,
                enc_key: OctetString::new(public.encrypt_oaep_sha256(key, entropy)?)?,
            }))
        }
        None => Err(SealError::KeyType(public.key_type())),
    }
}

fn named(certificate: &Certificate, naming: CertificateNaming) -> Result<RecipientIdentifier, SealError> {
    let tbs = certificate.as_x509().tbs_certificate();
    Ok(match naming {
        CertificateNaming::IssuerAndSerialNumber => RecipientIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: tbs.issuer().clone(),
            serial_number: tbs.serial_number().clone(),
        }),
        CertificateNaming::SubjectKeyIdentifier => {
            let id = certificate.extensions().subject_key_identifier.as_deref();
            let id = id.ok_or(CmsError::SubjectKeyIdentifierMissing)?;
            RecipientIdentifier::SubjectKeyIdentifier(SubjectKeyIdentifier(OctetString::new(id)?))
        }
    })
}

/// The KeyUsage bit that a recipient's certificate lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeededUsage {
    /// For RSA.
    KeyEncipherment,
    /// For elliptic curves.
    KeyAgreement,
}

impl std::fmt::Display for NeededUsage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::KeyEncipherment => "keyEncipherment",
            Self::KeyAgreement => "keyAgreement",
        })
    }
}

/// An envelope was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// What is to be encrypted cannot be read, the envelope cannot be encoded, or a certificate has no key identifier.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// What is to be encrypted is no clear form of an artifact (ENC-02): an envelope already, or a voucher unsigned.
    #[error("{0:?} is not a clear form that may be encrypted")]
    NotAClearForm(ContentType),
    /// Nobody, or more than [`MAX_RECIPIENTS`].
    #[error("{0} recipients, expected 1 to {MAX_RECIPIENTS}")]
    Recipients(usize),
    /// A recipient's certificate does not allow it.
    #[error("the certificate does not allow it: its KeyUsage lacks {0}")]
    KeyUsage(NeededUsage),
    /// A recipient's key is of a kind that receives nothing.
    #[error("nothing can be encrypted to a key of type {0:?}")]
    KeyType(KeyType),
    /// A recipient's key.
    #[error(transparent)]
    Key(#[from] EncryptError),
    /// There is no randomness.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The content is too long for the cipher.
    #[error("the content could not be encrypted")]
    Failed,
}

impl From<der::Error> for SealError {
    fn from(error: der::Error) -> Self {
        Self::Cms(error.into())
    }
}

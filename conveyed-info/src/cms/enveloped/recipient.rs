//! To whom an envelope is addressed (RFC 5652 §6.2).

use cms::enveloped_data::{
    KeyAgreeRecipientIdentifier, KeyAgreeRecipientInfo, KeyTransRecipientInfo, OriginatorIdentifierOrKey,
    RecipientIdentifier, RecipientInfo,
};
use const_oid::db::rfc5912 as oid;
use der::{Any, Decode, Encode, Tag, TagNumber, Tagged, asn1::BitString};
use pki::{
    certificate::Certificate,
    key::{KeyType, PublicKey},
};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::name::Name;

use super::{
    EnvelopeLeniency, KeyWork, MAX_RECIPIENTS, OpenError,
    agreement::{Agreement, KdfHash},
    transport,
};
use crate::cms::CmsError;

/// How a recipient, or an originator, is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateId {
    /// By issuer and serial number of a certificate.
    IssuerAndSerialNumber {
        /// The certificate's issuer.
        issuer: Name,
        /// Its serial number: the octets of the DER INTEGER.
        serial_number: Vec<u8>,
    },
    /// By the octets of a certificate's SubjectKeyIdentifier.
    SubjectKeyIdentifier(Vec<u8>),
}

impl CertificateId {
    /// Whether this is the name of `certificate` (ENC-08).
    #[must_use]
    pub fn names(&self, certificate: &Certificate) -> bool {
        match self {
            Self::IssuerAndSerialNumber { issuer, serial_number } => {
                issuer == certificate.issuer() && serial_number.as_slice() == certificate.certificate_serial()
            }
            Self::SubjectKeyIdentifier(id) => {
                certificate.extensions().subject_key_identifier.as_deref() == Some(id.as_slice())
            }
        }
    }
}

impl std::fmt::Display for CertificateId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let octets = match self {
            Self::IssuerAndSerialNumber { issuer, serial_number } => {
                write!(f, "issuer {issuer}, serial number ")?;
                serial_number
            }
            Self::SubjectKeyIdentifier(id) => {
                f.write_str("subject key identifier ")?;
                id
            }
        };
        octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// One who may be able to open the envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    id: Option<CertificateId>,
    means: Means,
}

/// How the content key reaches a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientKind {
    /// Encrypted with an RSA key (RFC 5652 §6.2.1).
    KeyTransport,
    /// Wrapped under a key that elliptic curve keys agree on (§6.2.2).
    KeyAgreement,
    /// Wrapped under a key that both had before (§6.2.3). Not usable here: devices have certificates.
    KeyEncryptionKey,
    /// Wrapped under a password (§6.2.4). Not usable here.
    Password,
    /// In another way (§6.2.5). Not usable here.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Means {
    Transport {
        algorithm: AlgorithmIdentifierOwned,
        encrypted_key: Vec<u8>,
    },
    Agreement {
        originator: Originator,
        ukm: Option<Vec<u8>>,
        algorithm: AlgorithmIdentifierOwned,
        wrapped_key: Vec<u8>,
    },
    Unusable(RecipientKind),
}

/// Who agreed with the recipient on a key (RFC 5652 §6.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
enum Originator {
    /// A certificate in the OriginatorInfo.
    Certificate(CertificateId),
    /// A key of its own, most often made for this envelope.
    Key { algorithm: AlgorithmIdentifierOwned, public_key: BitString },
}

impl Recipient {
    /// Who it is; `None` for kinds that are not named by a certificate.
    #[must_use]
    pub const fn id(&self) -> Option<&CertificateId> {
        self.id.as_ref()
    }

    /// How the content key reaches it.
    #[must_use]
    pub const fn kind(&self) -> RecipientKind {
        match self.means {
            Means::Transport { .. } => RecipientKind::KeyTransport,
            Means::Agreement { .. } => RecipientKind::KeyAgreement,
            Means::Unusable(kind) => kind,
        }
    }

    /// Whether a key of this kind could be this recipient's.
    pub(super) const fn fits(&self, key: KeyType) -> bool {
        match key {
            KeyType::Rsa => matches!(self.means, Means::Transport { .. }),
            KeyType::P256 | KeyType::P384 | KeyType::P521 => matches!(self.means, Means::Agreement { .. }),
            // RFC 4055 §1.2: a key for PSS alone receives nothing.
            KeyType::RsaPss | KeyType::Ed25519 => false,
        }
    }

    /// Reads one RecipientInfo and appends it; one for each key in it where it is of key agreement.
    pub(super) fn read(info: &Any, recipients: &mut Vec<Self>) -> Result<(), OpenError> {
        // RFC 5652 §6.2: kinds that may be added later have other tags.
        let unusable = |kind| Self { id: None, means: Means::Unusable(kind) };
        if !matches!(info.tag(), Tag::Sequence | Tag::ContextSpecific { number: TagNumber(..=4), .. }) {
            recipients.push(unusable(RecipientKind::Other));
            return Ok(());
        }
        let info = info.to_der().and_then(|der| RecipientInfo::from_der(&der)).map_err(CmsError::from)?;
        match info {
            RecipientInfo::Ktri(info) => recipients.push(Self::transport(info)),
            RecipientInfo::Kari(info) => {
                // Counted before what they share is copied for each of them.
                let count = recipients.len().saturating_add(info.recipient_enc_keys.len());
                if count > MAX_RECIPIENTS {
                    return Err(OpenError::Recipients(count));
                }
                Self::agreement(info, recipients);
            }
            RecipientInfo::Kekri(_) => recipients.push(unusable(RecipientKind::KeyEncryptionKey)),
            RecipientInfo::Pwri(_) => recipients.push(unusable(RecipientKind::Password)),
            RecipientInfo::Ori(_) => recipients.push(unusable(RecipientKind::Other)),
        }
        Ok(())
    }

    fn transport(info: KeyTransRecipientInfo) -> Self {
        let id = match info.rid {
            RecipientIdentifier::IssuerAndSerialNumber(id) => issuer_and_serial(id),
            RecipientIdentifier::SubjectKeyIdentifier(id) => {
                CertificateId::SubjectKeyIdentifier(id.0.as_bytes().to_vec())
            }
        };
        let encrypted_key = info.enc_key.into_bytes().into_vec();
        Self { id: Some(id), means: Means::Transport { algorithm: info.key_enc_alg, encrypted_key } }
    }

    fn agreement(info: KeyAgreeRecipientInfo, recipients: &mut Vec<Self>) {
        let originator = match info.originator {
            OriginatorIdentifierOrKey::IssuerAndSerialNumber(id) => Originator::Certificate(issuer_and_serial(id)),
            OriginatorIdentifierOrKey::SubjectKeyIdentifier(id) => {
                Originator::Certificate(CertificateId::SubjectKeyIdentifier(id.0.as_bytes().to_vec()))
            }
            OriginatorIdentifierOrKey::OriginatorKey(key) => {
                Originator::Key { algorithm: key.algorithm, public_key: key.public_key }
            }
        };
        let ukm = info.ukm.map(|ukm| ukm.into_bytes().into_vec());
        for key in info.recipient_enc_keys {
            let id = match key.rid {
                KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(id) => issuer_and_serial(id),
                KeyAgreeRecipientIdentifier::RKeyId(id) => {
                    CertificateId::SubjectKeyIdentifier(id.subject_key_identifier.0.as_bytes().to_vec())
                }
            };
            recipients.push(Self {
                id: Some(id),
                means: Means::Agreement {
                    originator: originator.clone(),
                    ukm: ukm.clone(),
                    algorithm: info.key_enc_alg.clone(),
                    wrapped_key: key.enc_key.into_bytes().into_vec(),
                },
            });
        }
    }

    /// What a key must do to get at the content key, and how its result is to be used.
    pub(super) fn work(
        &self,
        key: &PublicKey,
        originators: &[Certificate],
    ) -> Result<(KeyWork, Unwrap<'_>, Vec<EnvelopeLeniency>), OpenError> {
        match &self.means {
            Means::Transport { algorithm, encrypted_key } => {
                let padding = transport::padding(algorithm)?;
                let work = KeyWork::DecryptRsa { padding, ciphertext: encrypted_key.clone() };
                Ok((work, Unwrap::Nothing, EnvelopeLeniency::of_padding(padding)))
            }
            Means::Agreement { originator, ukm, algorithm, wrapped_key } => {
                let agreement = Agreement::read(algorithm)?;
                let leniencies = if agreement.hash == KdfHash::Sha1 {
                    vec![EnvelopeLeniency::Sha1KeyDerivation]
                } else {
                    Vec::new()
                };
                let work = KeyWork::Agree { peer: originator.public_key(key, originators)? };
                Ok((work, Unwrap::Agreement { agreement, ukm: ukm.as_deref(), wrapped_key }, leniencies))
            }
            Means::Unusable(_) => Err(OpenError::NotARecipient),
        }
    }
}

/// From the result of the key's work to the content key.
#[derive(Clone, Debug)]
pub(super) enum Unwrap<'a> {
    /// It is the content key.
    Nothing,
    /// It is the secret under which the content key is wrapped.
    Agreement { agreement: Agreement, ukm: Option<&'a [u8]>, wrapped_key: &'a [u8] },
}

impl Originator {
    /// The originator's key, which is on the curve of `recipient` (RFC 5753 §3.1.1).
    fn public_key(&self, recipient: &PublicKey, originators: &[Certificate]) -> Result<PublicKey, OpenError> {
        match self {
            Self::Certificate(id) => {
                let certificate = originators.iter().find(|it| id.names(it)).ok_or(OpenError::OriginatorUnknown)?;
                Ok(certificate.public_key().clone())
            }
            Self::Key { algorithm, public_key } => {
                let mut algorithm = algorithm.clone();
                if algorithm.oid != oid::ID_EC_PUBLIC_KEY {
                    return Err(OpenError::OriginatorKey);
                }
                // RFC 5753 §3.1.1: absent and NULL both mean that the curve is the recipient's.
                if algorithm.parameters.as_ref().is_none_or(Any::is_null) {
                    algorithm.parameters = Some(Any::from(&curve(recipient).ok_or(OpenError::OriginatorKey)?));
                }
                let info = SubjectPublicKeyInfoOwned { algorithm, subject_public_key: public_key.clone() };
                let info = info.to_der().map_err(|_| OpenError::OriginatorKey)?;
                PublicKey::from_spki_der(&info).map_err(|_| OpenError::OriginatorKey)
            }
        }
    }
}

const fn curve(key: &PublicKey) -> Option<const_oid::ObjectIdentifier> {
    match key.key_type() {
        KeyType::P256 => Some(oid::SECP_256_R_1),
        KeyType::P384 => Some(oid::SECP_384_R_1),
        KeyType::P521 => Some(oid::SECP_521_R_1),
        KeyType::Rsa | KeyType::RsaPss | KeyType::Ed25519 => None,
    }
}

fn issuer_and_serial(id: cms::cert::IssuerAndSerialNumber) -> CertificateId {
    CertificateId::IssuerAndSerialNumber { issuer: id.issuer, serial_number: id.serial_number.as_bytes().to_vec() }
}

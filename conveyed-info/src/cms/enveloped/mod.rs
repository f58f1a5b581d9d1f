//! Encrypted artifacts: EnvelopedData (RFC 5652 §6) and, behind a flag, AuthEnvelopedData (RFC 5083).
//!
//! [`seal`] puts the clear form of an artifact into an envelope, [`Enveloped`] takes it out again. Opening is two steps, so
//! that the private key may live in an HSM or a TPM: [`Enveloped::prepare`] says what the key must do, and
//! [`Pending::finish`] goes on with the result. [`Enveloped::open`] does both with a key that is at hand.
//!
//! From the moment a recipient is chosen, every failure is [`OpenError::Failed`]: a device that told a wrong padding from a
//! wrong key would decrypt for whoever asks often enough (RFC 8572 §9.14).

mod agreement;
mod cipher;
mod error;
mod opened;
mod pending;
mod recipient;
mod seal;
mod structure;
mod transport;

pub use cipher::ContentCipher;
pub use error::{Algorithm, OpenError};
pub use opened::{EnvelopeLeniency, Opened};
pub use pending::{KeyWork, Pending};
pub use recipient::{CertificateId, Recipient, RecipientKind};
pub use seal::{DeclaredType, KeyUsageRule, NeededUsage, SealError, SealOptions, seal};

use der::{Any, Decode, Encode, Tag, Tagged, asn1::SetOfVec};
use pki::{
    certificate::Certificate,
    key::{Decryptor, PublicKey},
};

use self::{
    cipher::{Encryption, Structure},
    structure::{RawAuthEnvelopedData, RawEnvelopedData, RawOriginatorInfo},
};
use super::{CmsError, ContentInfo, ContentType, MAX_CERTIFICATES};

/// Most recipients of one envelope.
pub const MAX_RECIPIENTS: usize = 16;

/// Whether AuthEnvelopedData is accepted. RFC 8572 names EnvelopedData alone (ENC-09).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AeadPolicy {
    /// Refused.
    #[default]
    Refuse,
    /// Accepted, and noted as a leniency.
    Allow,
}

/// An envelope as received: nothing in it is decrypted.
#[derive(Clone, Debug)]
pub struct Enveloped {
    structure: Structure,
    declared: ContentType,
    recipients: Vec<Recipient>,
    originators: Vec<Certificate>,
    encryption: Encryption,
    ciphertext: Vec<u8>,
    /// Of AuthEnvelopedData: what is authenticated beside the content, and the tag.
    associated: Vec<u8>,
    tag: Vec<u8>,
}

impl Enveloped {
    /// Reads a ContentInfo that must hold EnvelopedData or AuthEnvelopedData.
    ///
    /// # Errors
    /// [`OpenError::Cms`] when it is not well-formed or holds something else, and the variants that name a cipher, its
    /// parameters, the number of recipients or an envelope inside the envelope.
    pub fn from_content_info(info: &ContentInfo) -> Result<Self, OpenError> {
        let der = info.content_der()?;
        match info.content_type() {
            ContentType::EnvelopedData => {
                let raw = RawEnvelopedData::from_der(&der).map_err(CmsError::from)?;
                Self::new(Structure::Enveloped, raw.originator_info, &raw.recipients, raw.content)
            }
            ContentType::AuthEnvelopedData => {
                let raw = RawAuthEnvelopedData::from_der(&der).map_err(CmsError::from)?;
                let mut read = Self::new(Structure::AuthEnveloped, raw.originator_info, &raw.recipients, raw.content)?;
                match raw.attributes {
                    Some(attributes) => {
                        check_content_type(&attributes, read.declared)?;
                        // RFC 5083 §2.2: authenticated as a DER SET OF, not as the [1] they travel as.
                        read.associated = attributes.to_der().map_err(CmsError::from)?;
                    }
                    None if read.declared == ContentType::Data => {}
                    // RFC 5083 §2.1: whatever is not id-data must have them, or the type would not be authenticated.
                    None => return Err(OpenError::Cms(CmsError::AttributesMissing)),
                }
                read.tag = raw.tag.into_bytes().into_vec();
                Ok(read)
            }
            other => Err(OpenError::Cms(CmsError::ContentType(other.oid()))),
        }
    }

    fn new(
        structure: Structure,
        originator_info: Option<RawOriginatorInfo>,
        infos: &SetOfVec<Any>,
        content: cms::enveloped_data::EncryptedContentInfo,
    ) -> Result<Self, OpenError> {
        let mut recipients = Vec::new();
        for info in infos.iter().take(MAX_RECIPIENTS.saturating_add(1)) {
            Recipient::read(info, &mut recipients)?;
        }
        // RFC 5652 §6.1: SIZE (1..MAX).
        if !(1..=MAX_RECIPIENTS).contains(&recipients.len()) {
            return Err(OpenError::Recipients(recipients.len()));
        }
        let declared = ContentType::from_oid(content.content_type)?;
        Opened::check_declared(declared)?;
        Ok(Self {
            structure,
            declared,
            recipients,
            originators: originators(originator_info)?,
            encryption: Encryption::read(&content.content_enc_alg, structure)?,
            ciphertext: content.encrypted_content.ok_or(CmsError::NoContent)?.into_bytes().into_vec(),
            associated: Vec::new(),
            tag: Vec::new(),
        })
    }

    /// Everybody who may be able to open it, and those whose kind is not usable here.
    #[must_use]
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// What the envelope says that it holds. Not authenticated, and with envelopes of OpenSSL always id-data.
    #[must_use]
    pub const fn declared_type(&self) -> ContentType {
        self.declared
    }

    /// How the content is encrypted.
    #[must_use]
    pub const fn cipher(&self) -> ContentCipher {
        self.encryption.cipher
    }

    /// Says what the private key of `key` must do.
    ///
    /// With `certificate` it is one thing: the recipient that names the certificate is chosen (ENC-08). Without, it is one
    /// for each recipient whose kind fits the key, to be tried in turn.
    ///
    /// # Errors
    /// [`OpenError::AeadNotAllowed`], [`OpenError::NotARecipient`], [`OpenError::KeyIsNotTheCertificates`], and the
    /// variants that name the recipient's algorithms, when no recipient that fits can be used.
    pub fn prepare(
        &self,
        key: &PublicKey,
        certificate: Option<&Certificate>,
        aead: AeadPolicy,
    ) -> Result<Vec<Pending<'_>>, OpenError> {
        let mut leniencies = Vec::new();
        if self.structure == Structure::AuthEnveloped {
            if aead == AeadPolicy::Refuse {
                return Err(OpenError::AeadNotAllowed);
            }
            leniencies.push(EnvelopeLeniency::AuthEnvelopedData);
        }
        if certificate.is_some_and(|certificate| certificate.public_key() != key) {
            return Err(OpenError::KeyIsNotTheCertificates);
        }
        let is_meant = |recipient: &Recipient| {
            certificate.is_none_or(|certificate| recipient.id().is_some_and(|id| id.names(certificate)))
        };
        let mut refused = OpenError::NotARecipient;
        let mut pending = Vec::new();
        for recipient in self.recipients.iter().filter(|it| it.fits(key.key_type()) && is_meant(it)) {
            match recipient.work(key, &self.originators) {
                Ok((work, unwrap, of_key)) => {
                    let leniencies = [leniencies.clone(), of_key].concat();
                    pending.push(Pending::new(self, work, unwrap, leniencies));
                }
                Err(error) => refused = error,
            }
        }
        if pending.is_empty() { Err(refused) } else { Ok(pending) }
    }

    /// Opens the envelope with a key that is at hand: [`Enveloped::prepare`], the key's work, [`Pending::finish`].
    ///
    /// # Errors
    /// As [`Enveloped::prepare`], and [`OpenError::Failed`].
    pub fn open(
        &self,
        key: &dyn Decryptor,
        certificate: Option<&Certificate>,
        aead: AeadPolicy,
    ) -> Result<Opened, OpenError> {
        let mut opened = Err(OpenError::Failed);
        for pending in self.prepare(key.public_key(), certificate, aead)? {
            let done = pending.work().perform(key);
            opened = pending.finish(done);
            if opened.is_ok() {
                break;
            }
        }
        opened
    }
}

fn originators(info: Option<RawOriginatorInfo>) -> Result<Vec<Certificate>, OpenError> {
    let bag = info.and_then(|info| info.certificates).unwrap_or_default();
    if bag.len() > MAX_CERTIFICATES {
        return Err(OpenError::Cms(CmsError::TooManyCertificates));
    }
    // What cannot be read is missed, if at all, when the originator is looked for.
    let sequences = bag.iter().filter(|any| any.tag() == Tag::Sequence);
    Ok(sequences.filter_map(|any| Certificate::from_der(&any.to_der().ok()?).ok()).collect())
}

/// RFC 5083 §2.1, RFC 5652 §11.1: one content-type attribute, which names the type of the encrypted content.
fn check_content_type(
    attributes: &SetOfVec<x509_cert::attr::Attribute>,
    declared: ContentType,
) -> Result<(), CmsError> {
    const ID: const_oid::ObjectIdentifier = const_oid::db::rfc5911::ID_CONTENT_TYPE;
    let mut named = attributes.iter().filter(|it| it.oid == ID);
    let (Some(attribute), None) = (named.next(), named.next()) else { return Err(CmsError::Attribute(ID)) };
    if attribute.values.as_slice() == [Any::from(&declared.oid())] {
        Ok(())
    } else {
        Err(CmsError::ContentTypeAttribute)
    }
}

//! What was inside an envelope: the artifact in its clear form (RFC 8572 §3.4).

use zeroize::Zeroizing;

use super::OpenError;
use crate::cms::{
    CmsError, ContentInfo, ContentType, SignedData,
    ber::{self, Form, Outermost},
};

/// The artifact that was encrypted, in its clear form.
///
/// Decryption says that the content was meant for this key; it says nothing about who made it. The clear form is as
/// unverified as any that came without an envelope.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    clear_form: Zeroizing<Vec<u8>>,
    content_type: ContentType,
    leniencies: Vec<EnvelopeLeniency>,
}

/// Something about an envelope that is accepted but that this side would not make; for the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EnvelopeLeniency {
    /// The content key was padded with PKCS#1 v1.5 (ENC-10).
    Pkcs1Padding,
    /// OAEP with SHA-1, its default.
    Sha1InOaep,
    /// Key agreement whose key derivation uses SHA-1, as OpenSSL makes it by default (ENC-07).
    Sha1KeyDerivation,
    /// AuthEnvelopedData, which the caller allowed (ENC-09).
    AuthEnvelopedData,
    /// Said to be id-data, but a whole ContentInfo is inside (ENC-11).
    DeclaredAsData,
    /// Said to be id-signedData, but a whole ContentInfo is inside in place of SignedData alone.
    ContentInfoInside,
    /// What was encrypted is BER and not DER.
    BerInside,
}

impl EnvelopeLeniency {
    /// What is to be said about it.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Pkcs1Padding => "the content key is padded with PKCS#1 v1.5",
            Self::Sha1InOaep => "the content key is padded by OAEP with SHA-1",
            Self::Sha1KeyDerivation => "the key derivation uses SHA-1",
            Self::AuthEnvelopedData => "AuthEnvelopedData in place of EnvelopedData",
            Self::DeclaredAsData => "the encrypted content is declared as id-data but is a ContentInfo",
            Self::ContentInfoInside => "the encrypted SignedData has a ContentInfo around it",
            Self::BerInside => "the encrypted content is BER",
        }
    }

    pub(super) fn of_padding(padding: pki::key::RsaPadding) -> Vec<Self> {
        use pki::key::{OaepHash::Sha1, RsaPadding};
        match padding {
            RsaPadding::Pkcs1 => vec![Self::Pkcs1Padding],
            RsaPadding::Oaep { hash: Sha1, .. } | RsaPadding::Oaep { mask: Sha1, .. } => vec![Self::Sha1InOaep],
            RsaPadding::Oaep { .. } => Vec::new(),
        }
    }
}

impl Opened {
    /// The artifact as it would have come without encryption: a ContentInfo in DER, in memory that is wiped. (Whoever
    /// parses it makes copies that are not.)
    #[must_use]
    pub fn clear_form(&self) -> &[u8] {
        &self.clear_form
    }

    /// The content type of the clear form (ART-04, ART-06, ART-18, ART-21): id-signedData, or that of a document.
    #[must_use]
    pub const fn content_type(&self) -> ContentType {
        self.content_type
    }

    /// In what the envelope was not as this side would have made it. Never silent: whoever opens notes them.
    #[must_use]
    pub fn leniencies(&self) -> &[EnvelopeLeniency] {
        &self.leniencies
    }

    /// Whether an envelope may say that it holds this, before anything is decrypted.
    pub(super) const fn check_declared(declared: ContentType) -> Result<(), OpenError> {
        match declared {
            ContentType::SignedData
            | ContentType::Data
            | ContentType::ConveyedInfoXml
            | ContentType::ConveyedInfoJson => Ok(()),
            // RFC 8572 §3.4 (ENC-02): what is encrypted is a clear form.
            ContentType::EnvelopedData | ContentType::AuthEnvelopedData => Err(OpenError::Nested),
            // ART-21: a voucher is never without its SignedData.
            ContentType::AnimaJsonVoucher | ContentType::PkiData => {
                Err(OpenError::Cms(CmsError::ContentType(declared.oid())))
            }
        }
    }

    /// Reads what was decrypted (ENC-11). Any fault is [`OpenError::Failed`]: with CBC, a fault in the plaintext and one in
    /// the padding must look alike (ENC-12).
    pub(super) fn read(
        declared: ContentType,
        plaintext: &[u8],
        leniencies: Vec<EnvelopeLeniency>,
    ) -> Result<Self, OpenError> {
        let mut opened = Self { clear_form: Zeroizing::default(), content_type: declared, leniencies };
        let read = match (declared, Shape::of(plaintext)) {
            // RFC 5652 §5.1 inside §6.1: SignedData without a ContentInfo around it.
            (ContentType::SignedData, Shape::SignedData) => opened.signed_data(plaintext),
            (ContentType::SignedData, Shape::ContentInfo) => {
                opened.leniencies.push(EnvelopeLeniency::ContentInfoInside);
                opened.content_info(plaintext).filter(|_| opened.content_type == ContentType::SignedData)
            }
            (ContentType::SignedData, Shape::Other) => None,
            (ContentType::Data, Shape::ContentInfo) => {
                opened.leniencies.push(EnvelopeLeniency::DeclaredAsData);
                opened.content_info(plaintext)
            }
            // RFC 5652 §6.3: only the value of the OCTET STRING was encrypted.
            (document, _) => wrap_octets(document, plaintext),
        };
        opened.clear_form = read.ok_or(OpenError::Failed)?;
        // ENC-02: sign first, encrypt second; reading SignedData refuses another envelope inside it.
        if opened.content_type == ContentType::SignedData {
            SignedData::from_der(&opened.clear_form).map_err(|_| OpenError::Failed)?;
        }
        Ok(opened)
    }

    fn signed_data(&mut self, plaintext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let der = self.normalise(plaintext, Outermost::Other)?;
        ContentInfo::wrap(ContentType::SignedData, &der)
    }

    fn content_info(&mut self, plaintext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let der = self.normalise(plaintext, Outermost::ContentInfo)?;
        let info = ContentInfo::from_der(&der).ok()?;
        self.content_type = info.content_type();
        Self::check_declared(self.content_type).ok()?;
        // A document is an OCTET STRING (ART-10).
        (self.content_type == ContentType::SignedData || info.octets().is_ok()).then_some(der)
    }

    fn normalise(&mut self, plaintext: &[u8], outermost: Outermost) -> Option<Zeroizing<Vec<u8>>> {
        let (der, form) = ber::normalise(plaintext, outermost).ok()?;
        if form == Form::Ber {
            self.leniencies.push(EnvelopeLeniency::BerInside);
        }
        Some(Zeroizing::new(der.into_owned()))
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What was encrypted is not shown.
        write!(f, "Opened({:?}, {} octets, {:?})", self.content_type, self.clear_form.len(), self.leniencies)
    }
}

/// What plaintext looks like by its first octets. A document begins with `{`, `<` or a blank (ART-08), never like these.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    SignedData,
    ContentInfo,
    Other,
}

impl Shape {
    fn of(plaintext: &[u8]) -> Self {
        const SEQUENCE: u8 = 0x30;
        let (Some(&SEQUENCE), Some(length)) = (plaintext.first(), plaintext.get(1)) else { return Self::Other };
        // Behind the length: one octet, and as many as a long one says (X.690 §8.1.3).
        let more = if length & 0x80 == 0 { 0 } else { usize::from(length & 0x7f) };
        match plaintext.get(more.saturating_add(2)) {
            // SignedData begins with its version, ContentInfo with an object identifier.
            Some(0x02) => Self::SignedData,
            Some(0x06) => Self::ContentInfo,
            _ => Self::Other,
        }
    }
}

fn wrap_octets(content_type: ContentType, octets: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    ContentInfo::wrap(content_type, &ber::octet_string(octets))
}

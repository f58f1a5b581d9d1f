//! ContentInfo and the content types of RFC 8572.

use const_oid::{ObjectIdentifier, db::rfc5911};
use der::{Any, Decode, Encode, Tag, Tagged, asn1::OctetString};
use zeroize::Zeroizing;

use super::{
    CmsError,
    ber::{self, Form, Outermost},
};

// Parsed when this is compiled, not whenever one is asked for.
const AUTH_ENVELOPED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.23");
const ANIMA_JSON_VOUCHER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.40");
const PKI_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.12.2");
const CONVEYED_INFO_XML: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.42");
const CONVEYED_INFO_JSON: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.43");

/// The content types that RFC 8572 §3 names, the one that goes with authenticated encryption, and that of a CMC request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// id-data: content whose encoding is told outside the structure.
    Data,
    /// id-signedData.
    SignedData,
    /// id-envelopedData.
    EnvelopedData,
    /// id-ct-authEnvelopedData (RFC 5083), which RFC 8572 does not name (ENC-09).
    AuthEnvelopedData,
    /// id-ct-animaJSONVoucher (RFC 8366 §5.4).
    AnimaJsonVoucher,
    /// id-ct-sztpConveyedInfoXML.
    ConveyedInfoXml,
    /// id-ct-sztpConveyedInfoJSON.
    ConveyedInfoJson,
    /// id-cct-PKIData (RFC 5272 §3.2.1): a certificate request, no artifact (RFC 9646 §3.2; CSR-17).
    PkiData,
}

impl ContentType {
    const ALL: [Self; 8] = [
        Self::Data,
        Self::SignedData,
        Self::EnvelopedData,
        Self::AuthEnvelopedData,
        Self::AnimaJsonVoucher,
        Self::ConveyedInfoXml,
        Self::ConveyedInfoJson,
        Self::PkiData,
    ];

    /// The object identifier.
    #[must_use]
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Data => rfc5911::ID_DATA,
            Self::SignedData => rfc5911::ID_SIGNED_DATA,
            Self::EnvelopedData => rfc5911::ID_ENVELOPED_DATA,
            Self::AuthEnvelopedData => AUTH_ENVELOPED_DATA,
            Self::AnimaJsonVoucher => ANIMA_JSON_VOUCHER,
            Self::ConveyedInfoXml => CONVEYED_INFO_XML,
            Self::ConveyedInfoJson => CONVEYED_INFO_JSON,
            Self::PkiData => PKI_DATA,
        }
    }

    /// The type with this identifier.
    ///
    /// # Errors
    /// [`CmsError::ContentType`] when it is none of these.
    pub fn from_oid(oid: ObjectIdentifier) -> Result<Self, CmsError> {
        Self::ALL.into_iter().find(|known| known.oid() == oid).ok_or(CmsError::ContentType(oid))
    }
}

/// A ContentInfo (RFC 5652 §3) of a known type, its content not looked at yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentInfo {
    content_type: ContentType,
    content: Any,
}

impl ContentInfo {
    /// Reads a DER ContentInfo; trailing bytes are refused (ART-01).
    ///
    /// # Errors
    /// [`CmsError::Der`], [`CmsError::ContentType`].
    pub fn from_der(der: &[u8]) -> Result<Self, CmsError> {
        let info = cms::content_info::ContentInfo::from_der(der)?;
        Ok(Self { content_type: ContentType::from_oid(info.content_type)?, content: info.content })
    }

    /// Reads a ContentInfo in BER, normalising it, and says whether it was DER (ART-01). For artifacts of makers that
    /// stream, whose caller notes the leniency.
    ///
    /// # Errors
    /// As [`ContentInfo::from_der`], and [`CmsError::Ber`] for BER that is hostile or broken.
    pub fn from_ber(ber: &[u8]) -> Result<(Self, Form), CmsError> {
        let (der, form) = ber::normalise(ber, Outermost::ContentInfo)?;
        Ok((Self::from_der(&der)?, form))
    }

    /// The type of the content.
    #[must_use]
    pub const fn content_type(&self) -> ContentType {
        self.content_type
    }

    /// The octets of bare content: the value of the OCTET STRING (RFC 5652 §4; ART-10).
    ///
    /// # Errors
    /// [`CmsError::NoContent`] when the content is something else.
    pub fn octets(&self) -> Result<&[u8], CmsError> {
        if self.content.tag() == Tag::OctetString { Ok(self.content.value()) } else { Err(CmsError::NoContent) }
    }

    pub(super) fn content_der(&self) -> Result<Vec<u8>, CmsError> {
        Ok(self.content.to_der()?)
    }

    /// The structure in DER.
    ///
    /// # Errors
    /// [`CmsError::Der`] when it would be too long for the encoder.
    pub fn to_der(&self) -> Result<Vec<u8>, CmsError> {
        Ok(cms::content_info::ContentInfo { content_type: self.content_type.oid(), content: self.content.clone() }
            .to_der()?)
    }

    /// As [`ContentInfo::encode`], around content that is encoded already and of which no copy may stay behind.
    pub(super) fn wrap(content_type: ContentType, content: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let content_type = content_type.oid().to_der().ok()?;
        let explicit = ber::element(0xa0, &[content]);
        Some(ber::element(0x30, &[&content_type, &explicit]))
    }

    pub(super) fn encode(content_type: ContentType, content: &impl Encode) -> Result<Vec<u8>, CmsError> {
        let content = Any::from_der(&content.to_der()?)?;
        Ok(cms::content_info::ContentInfo { content_type: content_type.oid(), content }.to_der()?)
    }

    pub(super) fn encode_octets(content_type: ContentType, octets: &[u8]) -> Result<Vec<u8>, CmsError> {
        Self::encode(content_type, &OctetString::new(octets)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_those_of_rfc_8572_section_10_3() {
        // By hand: 2a is XML, 2b is JSON (ART-09).
        let der = ContentType::ConveyedInfoJson.oid().to_der().unwrap();
        assert_eq!(der, [6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 0x2b]);
        assert_eq!(ContentType::ConveyedInfoXml.oid().to_der().unwrap().last(), Some(&0x2a));
        assert_eq!(ContentType::AnimaJsonVoucher.oid().to_der().unwrap().last(), Some(&0x28));
        for known in ContentType::ALL {
            assert_eq!(ContentType::from_oid(known.oid()), Ok(known));
        }
    }

    #[test]
    fn an_unknown_type_and_trailing_bytes_are_refused() {
        // ART-01, ART-03.
        let mut der = ContentInfo::encode_octets(ContentType::Data, b"{}").unwrap();
        assert_eq!(ContentInfo::from_der(&der).unwrap().octets().unwrap(), b"{}");
        der.push(0);
        assert!(matches!(ContentInfo::from_der(&der), Err(CmsError::Der(_))));
        der.pop();
        der[12] = 9;
        assert!(matches!(ContentInfo::from_der(&der), Err(CmsError::ContentType(_))));
    }

    #[test]
    fn art_01_ber_is_read_where_it_is_asked_for_and_seen() {
        let der = ContentInfo::encode_octets(ContentType::Data, b"{}").unwrap();
        assert_eq!(ContentInfo::from_ber(&der).unwrap(), (ContentInfo::from_der(&der).unwrap(), Form::Der));
        let parts: [&[u8]; 4] = [&[0x30, 0x80], &der[2..13], &[0xa0, 0x80, 0x24, 0x80, 4, 1, b'{'], &[4, 1, b'}']];
        let ber = [&parts.concat()[..], &[0; 6]].concat();
        let (info, form) = ContentInfo::from_ber(&ber).unwrap();
        assert_eq!((info.to_der().unwrap(), form), (der, Form::Ber));
        ContentInfo::from_der(&ber).unwrap_err();
        let cut = ContentInfo::from_ber(&ber[..ber.len() - 2]).unwrap_err();
        assert_eq!(cut, CmsError::Ber(ber::BerError::Truncated));
    }
}

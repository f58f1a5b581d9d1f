//! Reading SignedData and verifying its one signer (RFC 5652 §5).

use cms::{
    content_info::CmsVersion,
    signed_data::{EncapsulatedContentInfo, SignerIdentifier},
};
use const_oid::{ObjectIdentifier, db::rfc5911};
use der::{
    Any, Decode, Encode, Header, Reader, Sequence, SliceReader, Tag, TagNumber, Tagged,
    asn1::{OctetStringRef, SetOfVec},
};
use pki::{algorithm::SignatureAlgorithm, certificate::Certificate, key::PublicKey, revocation::Evidence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::attr::Attribute;

use super::{CmsError, ContentInfo, ContentType, MAX_CERTIFICATES, revocation};

/// SignedData with certificates, revocation lists and signers left as the bytes they are.
#[derive(Sequence)]
pub(super) struct RawSignedData {
    pub(super) version: CmsVersion,
    pub(super) digest_algorithms: SetOfVec<AlgorithmIdentifierOwned>,
    pub(super) encap_content_info: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) certificates: Option<SetOfVec<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) crls: Option<SetOfVec<Any>>,
    pub(super) signer_infos: SetOfVec<Any>,
}

/// SignedData as received: nothing in it is verified; its certificates and what tells of revocation are candidates only.
#[derive(Clone, Debug)]
pub struct SignedData {
    content_type: ContentType,
    content: Option<Vec<u8>>,
    certificates: Vec<Certificate>,
    revocation: Evidence,
    /// The one signer, or why there is none to speak of: read once, asked for often.
    signer: Result<SignerInfo, CmsError>,
}

impl SignedData {
    /// Reads a ContentInfo that must hold SignedData.
    ///
    /// # Errors
    /// [`CmsError`] for anything that is not well-formed. No signature is looked at.
    pub fn from_der(der: &[u8]) -> Result<Self, CmsError> {
        Self::from_content_info(&ContentInfo::from_der(der)?)
    }

    /// As [`SignedData::from_der`], from a ContentInfo already read.
    ///
    /// # Errors
    /// As [`SignedData::from_der`].
    pub fn from_content_info(info: &ContentInfo) -> Result<Self, CmsError> {
        if info.content_type() != ContentType::SignedData {
            return Err(CmsError::ContentType(info.content_type().oid()));
        }
        let raw = RawSignedData::from_der(&info.content_der()?)?;
        let content = match raw.encap_content_info.econtent {
            None => None,
            // RFC 5652 §5.2: eContent is an OCTET STRING.
            Some(any) if any.tag() == Tag::OctetString => Some(any.value().to_vec()),
            Some(_) => return Err(CmsError::NoContent),
        };
        let bag = raw.certificates.unwrap_or_default();
        if bag.len() > MAX_CERTIFICATES {
            return Err(CmsError::TooManyCertificates);
        }
        let certificates = bag
            .iter()
            // RFC 5652 §10.2.2: other certificate formats have context-specific tags; they are of no use here.
            .filter(|any| any.tag() == Tag::Sequence)
            // One that cannot be read here, a root with a key of another kind say, is of no use; whether it is missed
            // shows when a signer or an issuer is looked for.
            .filter_map(|any| Certificate::from_der(&any.to_der().ok()?).ok())
            .collect();
        let revocation = raw.crls.as_ref().map_or_else(|| Ok(Evidence::new()), revocation::read)?;
        let signer = match raw.signer_infos.as_slice() {
            [signer] => signer.to_der().map_err(CmsError::from).and_then(|der| SignerInfo::from_der(&der)),
            several => Err(CmsError::Signers(several.len())),
        };
        let content_type = ContentType::from_oid(raw.encap_content_info.econtent_type)?;
        // RFC 8572 §3.4 (ENC-02): sign first, encrypt second. The reverse would sign what nobody could read.
        if matches!(content_type, ContentType::EnvelopedData | ContentType::AuthEnvelopedData) {
            return Err(CmsError::ContentType(content_type.oid()));
        }
        Ok(Self { content_type, content, certificates, revocation, signer })
    }

    /// The type of the content that was signed.
    #[must_use]
    pub const fn content_type(&self) -> ContentType {
        self.content_type
    }

    /// Every certificate in the structure. The order says nothing: DER sorts a SET.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The revocation lists and OCSP responses in the structure that can be read (RFC 5652 §10.2.1, RFC 5940; ART-16,
    /// ART-17). Whoever sent the structure may have put them there: only a check against a path tells what they are worth.
    #[must_use]
    pub const fn revocation(&self) -> &Evidence {
        &self.revocation
    }

    /// The content, not verified.
    #[must_use]
    pub fn unverified_content(&self) -> Option<&[u8]> {
        self.content.as_deref()
    }

    /// Verifies the signature of the one signer, with the key of its certificate in this structure.
    ///
    /// Says who signed, and that the content is what was signed; not whether that signer is to be trusted.
    ///
    /// # Errors
    /// [`CmsError`]: no or several signers, a missing certificate, broken attributes, a signature that fails.
    pub fn verify_signer(&self) -> Result<Signer<'_>, CmsError> {
        let mut candidates = self.certificates.iter();
        // The signer info is read first: that there is none, or several, says more than that none fits.
        self.signer()?;
        let certificate = candidates.find(|it| self.names_signer(it)).ok_or(CmsError::SignerCertificateMissing)?;
        self.verify_signer_as(certificate)
    }

    /// As [`SignedData::verify_signer`], but the signer must be `certificate`. For structures in which several
    /// certificates fit the signer's name, such as one that was renewed on the same key.
    ///
    /// # Errors
    /// As [`SignedData::verify_signer`].
    pub fn verify_signer_as<'a>(&'a self, certificate: &'a Certificate) -> Result<Signer<'a>, CmsError> {
        if !self.signer()?.names(certificate) {
            return Err(CmsError::SignerCertificateMissing);
        }
        let content = self.verify_signature(certificate.public_key())?;
        Ok(Signer { certificate, content })
    }

    /// As [`SignedData::verify_signer`], by a key that may have no certificate yet; the signer's name for itself is not looked
    /// at. Gives the octets that were signed.
    ///
    /// # Errors
    /// As [`SignedData::verify_signer`], but for a missing certificate.
    pub fn verify_signature(&self, key: &PublicKey) -> Result<&[u8], CmsError> {
        let info = self.signer()?;
        let content = self.content.as_deref().ok_or(CmsError::NoContent)?;
        let algorithm = SignatureAlgorithm::from_cms(&info.digest_algorithm, &info.signature_algorithm)?;
        match &info.signed_attributes {
            Some(attributes) => {
                check_attributes(attributes, self.content_type, &algorithm.hash().digest(content))?;
                // RFC 5652 §5.4: the signature is over the attributes as SET OF, not as the [0] they travel as.
                algorithm.verify(key, &as_set(attributes), &info.signature)?;
            }
            // RFC 5652 §5.3 (ART-26): only id-data may be signed without attributes. Content that begins like a SET could
            // be somebody's signed attributes presented as content.
            None if self.content_type == ContentType::Data && content.first() != Some(&0x31) => {
                algorithm.verify(key, content, &info.signature)?;
            }
            None => return Err(CmsError::AttributesMissing),
        }
        Ok(content)
    }

    /// Whether the one signer names this certificate as its own. Proves nothing.
    #[must_use]
    pub fn names_signer(&self, certificate: &Certificate) -> bool {
        self.signer().is_ok_and(|info| info.names(certificate))
    }

    fn signer(&self) -> Result<&SignerInfo, CmsError> {
        self.signer.as_ref().map_err(Clone::clone)
    }
}

/// A signer whose signature verified, and what it signed.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The certificate whose key made the signature. Not validated to any anchor.
    pub certificate: &'a Certificate,
    /// The octets that were signed.
    pub content: &'a [u8],
}

/// SignerInfo (RFC 5652 §5.3) with its signed attributes as the very bytes that arrived.
#[derive(Clone, Debug)]
struct SignerInfo {
    sid: SignerIdentifier,
    digest_algorithm: AlgorithmIdentifierOwned,
    signed_attributes: Option<Vec<u8>>,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: Vec<u8>,
}

impl SignerInfo {
    fn from_der(der: &[u8]) -> Result<Self, CmsError> {
        let mut reader = SliceReader::new(der)?;
        Header::decode(&mut reader)?.tag().assert_eq(Tag::Sequence)?;
        CmsVersion::decode(&mut reader)?;
        let sid = SignerIdentifier::decode(&mut reader)?;
        let digest_algorithm = AlgorithmIdentifierOwned::decode(&mut reader)?;
        let signed_attributes =
            if context_tag_is_next(&reader, 0)? { Some(reader.tlv_bytes()?.to_vec()) } else { None };
        let signature_algorithm = AlgorithmIdentifierOwned::decode(&mut reader)?;
        let signature = <&OctetStringRef>::decode(&mut reader)?.as_bytes().to_vec();
        if !reader.is_finished() && context_tag_is_next(&reader, 1)? {
            reader.tlv_bytes()?;
        }
        reader.finish()?;
        Ok(Self { sid, digest_algorithm, signed_attributes, signature_algorithm, signature })
    }

    /// ART-29: a signer is named by issuer and serial number or by subject key identifier.
    fn names(&self, certificate: &Certificate) -> bool {
        match &self.sid {
            SignerIdentifier::IssuerAndSerialNumber(id) => {
                id.issuer == *certificate.issuer() && id.serial_number.as_bytes() == certificate.certificate_serial()
            }
            SignerIdentifier::SubjectKeyIdentifier(id) => {
                certificate.extensions().subject_key_identifier.as_deref() == Some(id.0.as_bytes())
            }
        }
    }
}

fn context_tag_is_next(reader: &SliceReader<'_>, number: u32) -> Result<bool, CmsError> {
    Ok(Tag::peek(reader)? == Tag::ContextSpecific { constructed: true, number: TagNumber(number) })
}

/// The attributes' bytes with the tag of a SET OF in place of `[0]`.
fn as_set(attributes: &[u8]) -> Vec<u8> {
    let mut set = attributes.to_vec();
    if let Some(tag) = set.first_mut() {
        *tag = 0x31;
    }
    set
}

fn check_attributes(attributes: &[u8], content_type: ContentType, digest: &[u8]) -> Result<(), CmsError> {
    let attributes = SetOfVec::<Attribute>::from_der(&as_set(attributes))?;
    // RFC 5652 §11.1 and §11.2 (ART-27).
    let named: ObjectIdentifier = single(&attributes, rfc5911::ID_CONTENT_TYPE)?.decode_as()?;
    if named != content_type.oid() {
        return Err(CmsError::ContentTypeAttribute);
    }
    let value = single(&attributes, rfc5911::ID_MESSAGE_DIGEST)?;
    if value.tag() != Tag::OctetString || value.value() != digest {
        return Err(CmsError::MessageDigest);
    }
    Ok(())
}

/// The one value of the attribute that must stand exactly once.
fn single(attributes: &SetOfVec<Attribute>, oid: ObjectIdentifier) -> Result<&Any, CmsError> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    let (Some(attribute), None) = (found.next(), found.next()) else { return Err(CmsError::Attribute(oid)) };
    match attribute.values.as_slice() {
        [value] => Ok(value),
        _ => Err(CmsError::Attribute(oid)),
    }
}

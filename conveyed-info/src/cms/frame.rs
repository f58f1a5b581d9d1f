//! What SignedData looks like around its content: made once for a signer, used for every content.

use cms::{cert::IssuerAndSerialNumber, content_info::CmsVersion, signed_data::SignerIdentifier};
use const_oid::{ObjectIdentifier, db::rfc5911};
use der::{
    Any, DateTime, Decode, Encode,
    asn1::{GeneralizedTime, OctetString, SetOfVec, UtcTime},
};
use pki::{
    algorithm::{SignatureAlgorithm, digest_identifier},
    certificate::Certificate,
    time::Timestamp,
};
use x509_cert::{
    attr::{Attribute, Attributes},
    ext::pkix::SubjectKeyIdentifier,
    time::Time,
};

use super::{CertificateNaming, CmsError, ContentType, SignOptions, ToBeSigned, ber, sign::certificate_set};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]`, constructed.
const CONTEXT_0: u8 = 0xa0;

/// Everything in SignedData (RFC 5652 §5) that does not depend on the content: encoded once, so that a content costs a
/// digest, a signature and a few copies.
#[derive(Clone, Debug)]
pub struct Frame {
    signer: Certificate,
    algorithm: SignatureAlgorithm,
    /// The signed attributes as a DER SET OF, and where in it the content's digest goes.
    attributes: Vec<u8>,
    digest: std::ops::Range<usize>,
    /// From the SignedData's version up to its encapContentInfo.
    head: Vec<u8>,
    content_type: Vec<u8>,
    certificates: Vec<u8>,
    /// The SignerInfo's version, sid and digestAlgorithm.
    signer_head: Vec<u8>,
    signature_algorithm: Vec<u8>,
}

impl Frame {
    /// Prepares signatures by the key of `chain`'s first certificate. The whole chain is embedded.
    ///
    /// # Errors
    /// As [`super::Draft::prepare_with`].
    pub fn new(
        content_type: ContentType,
        algorithm: SignatureAlgorithm,
        chain: &[Certificate],
        options: SignOptions,
    ) -> Result<Self, CmsError> {
        let signer = chain.first().ok_or(CmsError::SignerCertificateMissing)?;
        // RFC 8572 §3.4 (ENC-02): sign first, encrypt second.
        if matches!(content_type, ContentType::EnvelopedData | ContentType::AuthEnvelopedData) {
            return Err(CmsError::ContentType(content_type.oid()));
        }
        let sid = signer_identifier(signer, options.naming)?;
        super::sign::check_number(chain)?;
        let (attributes, digest) = attributes(content_type, algorithm, options.signing_time)?;
        let digest_algorithm = digest_identifier(algorithm.hash()).to_der()?;
        let (version, of_signer) = match (content_type, options.naming) {
            // RFC 5652 §5.1: 3 when the content is anything but id-data, or a SignerInfo has version 3 (ART-28). §5.3:
            // version 1 goes with issuer and serial number, 3 with the key identifier.
            (ContentType::Data, CertificateNaming::IssuerAndSerialNumber) => (CmsVersion::V1, CmsVersion::V1),
            (_, CertificateNaming::IssuerAndSerialNumber) => (CmsVersion::V3, CmsVersion::V1),
            (_, CertificateNaming::SubjectKeyIdentifier) => (CmsVersion::V3, CmsVersion::V3),
        };
        let certificates = certificate_set(chain)?.to_der()?;
        Ok(Self {
            signer: signer.clone(),
            algorithm,
            attributes,
            digest,
            head: [version.to_der()?.as_slice(), &ber::element(SET, &[&digest_algorithm])].concat(),
            content_type: content_type.oid().to_der()?,
            // RFC 5652 §5.1: the same SET, under an implicit tag.
            certificates: retagged(certificates, CONTEXT_0),
            signer_head: [of_signer.to_der()?, sid.to_der()?, digest_algorithm].concat(),
            signature_algorithm: algorithm.identifier().to_der()?,
        })
    }

    /// The octets that must be signed for this content.
    #[must_use]
    pub fn to_be_signed(&self, content: &[u8]) -> ToBeSigned {
        let mut attributes = self.attributes.clone();
        let digest = self.algorithm.hash().digest(content);
        if let Some(place) = attributes.get_mut(self.digest.clone()).filter(|place| place.len() == digest.len()) {
            place.copy_from_slice(&digest);
        }
        ToBeSigned(attributes)
    }

    /// The structure with a signature that nobody looks at: for keys of which it is known that they fit.
    #[must_use]
    pub fn finish(&self, content: &[u8], to_be_signed: ToBeSigned, signature: &[u8]) -> Vec<u8> {
        let attributes = retagged(to_be_signed.0, CONTEXT_0);
        let signature = ber::octet_string(signature);
        let signer = ber::element(SEQUENCE, &[&self.signer_head, &attributes, &self.signature_algorithm, &signature]);
        let content = ber::element(CONTEXT_0, &[&ber::octet_string(content)]);
        let encapsulated = ber::element(SEQUENCE, &[&self.content_type, &content]);
        let signers = ber::element(SET, &[&signer]);
        let signed = ber::element(SEQUENCE, &[&self.head, &encapsulated, &self.certificates, &signers]);
        let info = ber::element(CONTEXT_0, &[&signed]);
        let signed_data = rfc5911::ID_SIGNED_DATA.to_der().unwrap_or_default();
        std::mem::take(&mut *ber::element(SEQUENCE, &[&signed_data, &info]))
    }

    /// As [`Frame::finish`], if the signature verifies with the signer's certificate.
    ///
    /// # Errors
    /// [`CmsError::Signature`].
    pub fn finish_checked(
        &self,
        content: &[u8],
        to_be_signed: ToBeSigned,
        signature: &[u8],
    ) -> Result<Vec<u8>, CmsError> {
        self.algorithm.verify(self.signer.public_key(), &to_be_signed.0, signature)?;
        Ok(self.finish(content, to_be_signed, signature))
    }
}

/// The signed attributes (RFC 5652 §11) with zeros for a digest, and where those stand.
fn attributes(
    content_type: ContentType,
    algorithm: SignatureAlgorithm,
    signing_time: Option<Timestamp>,
) -> Result<(Vec<u8>, std::ops::Range<usize>), CmsError> {
    let length = algorithm.hash().digest(&[]).len();
    let digest = OctetString::new(vec![0; length])?;
    let mut attributes = vec![
        attribute(rfc5911::ID_CONTENT_TYPE, &content_type.oid())?,
        attribute(rfc5911::ID_MESSAGE_DIGEST, &digest)?,
    ];
    if let Some(time) = signing_time {
        attributes.push(attribute(rfc5911::ID_SIGNING_TIME, &self::signing_time(time)?)?);
    }
    let der = Attributes::try_from(attributes)?.to_der()?;
    let encoded = digest.to_der()?;
    let at = der.windows(encoded.len()).position(|window| window == encoded);
    let end = at.map(|at| at.saturating_add(encoded.len())).ok_or(CmsError::MessageDigest)?;
    Ok((der, end.saturating_sub(length)..end))
}

fn signer_identifier(signer: &Certificate, naming: CertificateNaming) -> Result<SignerIdentifier, CmsError> {
    let tbs = signer.as_x509().tbs_certificate();
    Ok(match naming {
        CertificateNaming::IssuerAndSerialNumber => SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: tbs.issuer().clone(),
            serial_number: tbs.serial_number().clone(),
        }),
        CertificateNaming::SubjectKeyIdentifier => {
            let id = signer.extensions().subject_key_identifier.as_deref();
            let id = id.ok_or(CmsError::SubjectKeyIdentifierMissing)?;
            SignerIdentifier::SubjectKeyIdentifier(SubjectKeyIdentifier(OctetString::new(id)?))
        }
    })
}

/// RFC 5652 §11.3: UTCTime until 2049, GeneralizedTime from then on.
fn signing_time(time: Timestamp) -> Result<Time, CmsError> {
    let since = u64::try_from(time.unix()).map_err(|_| der::Error::from(der::ErrorKind::DateTime))?;
    let date = DateTime::from_unix_duration(std::time::Duration::from_secs(since))?;
    Ok(if (1950..2050).contains(&date.year()) {
        Time::UtcTime(UtcTime::from_date_time(date)?)
    } else {
        Time::GeneralTime(GeneralizedTime::from_date_time(date))
    })
}

fn attribute(oid: ObjectIdentifier, value: &impl Encode) -> Result<Attribute, CmsError> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![Any::from_der(&value.to_der()?)?])? })
}

fn retagged(mut der: Vec<u8>, tag: u8) -> Vec<u8> {
    if let Some(first) = der.first_mut() {
        *first = tag;
    }
    der
}

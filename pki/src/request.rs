//! Requests for a certificate: PKCS#10 (RFC 2986), read by whoever is asked to issue.

use std::{fmt, ops::Range};

use const_oid::{ObjectIdentifier, db::rfc5912::ID_EXTENSION_REQ};
use der::{Any, Decode, Encode, Header, Reader, SliceReader, Tag};
use x509_cert::{
    ext::{Extension, Extensions},
    name::Name,
    request::{CertReq, CertReqInfo},
};

use crate::{
    algorithm::{AlgorithmError, SignatureAlgorithm},
    certificate,
    key::{KeyError, PublicKey},
};

/// A CertificationRequest whose signature verifies with the key inside: whoever made it holds that key (RFC 2986 §3; CSR-19).
///
/// It does not say who that is, nor that what is asked for may be had: the first is for the connection to say over which it
/// came (CSR-16), the second for whoever issues.
#[derive(Clone)]
pub struct CertificationRequest {
    der: Vec<u8>,
    parsed: CertReq,
    public_key: PublicKey,
    extensions: Extensions,
}

impl CertificationRequest {
    /// Longest request that is read, in octets.
    pub const MAX_DER: usize = 64 * 1024;
    /// Most attributes that a request may have.
    pub const MAX_ATTRIBUTES: usize = 32;

    /// Reads one DER CertificationRequest and verifies its signature, over the bytes as they came.
    ///
    /// # Errors
    /// [`CertificationRequestError`] when it cannot be read, or does not prove possession of its key.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificationRequestError> {
        if der.len() > Self::MAX_DER {
            return Err(CertificationRequestError::TooLarge);
        }
        let parsed = CertReq::from_der(der)?;
        let public_key = PublicKey::from_spki_der(&parsed.info.public_key.to_der()?)?;
        let signed = der.get(info_range(der)?).unwrap_or_default();
        let signature = parsed.signature.as_bytes().ok_or(AlgorithmError::BadSignature)?;
        SignatureAlgorithm::from_identifier(&parsed.algorithm)?.verify(&public_key, signed, signature)?;
        let extensions = requested_extensions(&parsed.info)?;
        Ok(Self { der: der.to_vec(), parsed, public_key, extensions })
    }

    /// Reads the one `CERTIFICATE REQUEST` block of a PEM text (RFC 7468 §7; `NEW CERTIFICATE REQUEST` as well).
    ///
    /// # Errors
    /// [`CertificationRequestError::Pem`] when it is none, otherwise as [`CertificationRequest::from_der`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificationRequestError> {
        use rustls_pki_types::{CertificateSigningRequestDer, pem::PemObject};
        // Base64 takes four octets for three, armour and line ends a few more: what is longer is not decoded at all.
        if pem.len() > Self::MAX_DER.saturating_mul(2) {
            return Err(CertificationRequestError::TooLarge);
        }
        let text = pem.trim_ascii();
        let older = b"NEW CERTIFICATE REQUEST-----";
        let der = if text.ends_with(older) {
            let (label, der) = der::pem::decode_vec(text).map_err(|_| CertificationRequestError::Pem)?;
            if label != "NEW CERTIFICATE REQUEST" {
                return Err(CertificationRequestError::Pem);
            }
            der
        } else {
            let der = CertificateSigningRequestDer::from_pem_slice(pem).map_err(|_| CertificationRequestError::Pem)?;
            der.to_vec()
        };
        Self::from_der(&der)
    }

    /// Reads a file that holds one request, PEM or DER.
    ///
    /// # Errors
    /// As [`CertificationRequest::from_pem`] and [`CertificationRequest::from_der`].
    pub fn from_file(bytes: &[u8]) -> Result<Self, CertificationRequestError> {
        const ARMOUR: &[u8] = b"-----BEGIN ";
        let is_armoured = bytes.windows(ARMOUR.len()).take(Self::MAX_DER).any(|window| window == ARMOUR);
        if is_armoured { Self::from_pem(bytes) } else { Self::from_der(bytes) }
    }

    /// The request, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// As a `CERTIFICATE REQUEST` PEM block.
    #[must_use]
    pub fn to_pem(&self) -> String {
        der::pem::encode_string("CERTIFICATE REQUEST", der::pem::LineEnding::LF, &self.der).unwrap_or_default()
    }

    /// The subject that is asked for.
    #[must_use]
    pub const fn subject(&self) -> &Name {
        &self.parsed.info.subject
    }

    /// The subject as people read it (RFC 4514), for messages.
    #[must_use]
    pub fn subject_text(&self) -> String {
        certificate::name_text(self.subject())
    }

    /// The key whose possession is proved.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The extensions that are asked for (extensionRequest, RFC 2985 §5.4.2), each once; empty when none is.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The only value of the attribute of this type, such as challengePassword (RFC 2985 §5.4.1). `None` when there is no such
    /// attribute, or it has not exactly one value.
    #[must_use]
    pub fn attribute(&self, oid: ObjectIdentifier) -> Option<&Any> {
        let mut values = self.parsed.info.attributes.iter().filter(|it| it.oid == oid).flat_map(|it| it.values.iter());
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// Everything that is asked for.
    #[must_use]
    pub const fn info(&self) -> &CertReqInfo {
        &self.parsed.info
    }
}

impl fmt::Debug for CertificationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificationRequest({})", self.subject())
    }
}

/// What extensionRequest holds, with every list counted before it is compared with itself.
fn requested_extensions(info: &CertReqInfo) -> Result<Extensions, CertificationRequestError> {
    if info.attributes.len() > CertificationRequest::MAX_ATTRIBUTES {
        return Err(CertificationRequestError::TooMany);
    }
    // RFC 2985 §5.4.2: single-valued. Two lists could say two things.
    let mut lists = info.attributes.iter().filter(|it| it.oid == ID_EXTENSION_REQ).flat_map(|it| it.values.iter());
    let Some(list) = lists.next() else { return Ok(Extensions::default()) };
    if lists.next().is_some() {
        return Err(CertificationRequestError::Ambiguous(ID_EXTENSION_REQ));
    }
    let extensions: Extensions = list.decode_as()?;
    if extensions.len() > certificate::Extensions::MAX {
        return Err(CertificationRequestError::TooMany);
    }
    for (place, extension) in extensions.iter().enumerate() {
        let later = extensions.iter().skip(place.saturating_add(1));
        // RFC 5280 §4.2: no certificate holds an extension twice, so that none can be asked for twice.
        if later.into_iter().any(|other| other.extn_id == extension.extn_id) {
            return Err(CertificationRequestError::Ambiguous(extension.extn_id));
        }
    }
    Ok(extensions)
}

/// Where the CertificationRequestInfo lies inside the request.
fn info_range(der: &[u8]) -> Result<Range<usize>, der::Error> {
    let mut reader = SliceReader::new(der)?;
    Header::decode(&mut reader)?.tag().assert_eq(Tag::Sequence)?;
    let start = usize::try_from(reader.position()).unwrap_or(usize::MAX);
    let info = reader.tlv_bytes()?;
    Ok(start..start.saturating_add(info.len()))
}

/// A CertificationRequest that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificationRequestError {
    /// Longer than [`CertificationRequest::MAX_DER`].
    #[error("longer than {} octets", CertificationRequest::MAX_DER)]
    TooLarge,
    /// The PEM armour cannot be read, or holds no request.
    #[error("no CERTIFICATE REQUEST block in the PEM file")]
    Pem,
    /// The DER cannot be read.
    #[error("not a DER CertificationRequest: {0}")]
    Der(#[from] der::Error),
    /// The public key cannot be read.
    #[error("public key: {0}")]
    Key(#[from] KeyError),
    /// Possession of the key is not proved (CSR-19).
    #[error("proof of possession: {0}")]
    Signature(#[from] AlgorithmError),
    /// More attributes than [`CertificationRequest::MAX_ATTRIBUTES`], or extensions than [`certificate::Extensions::MAX`].
    #[error("it has more attributes or extensions than are read")]
    TooMany,
    /// An attribute or extension that may stand once stands twice.
    #[error("{0} is asked for twice")]
    Ambiguous(ObjectIdentifier),
}

#[cfg(test)]
mod tests {
    use const_oid::db::rfc5280::ID_CE_SUBJECT_ALT_NAME;
    use der::asn1::{OctetString, SetOfVec};
    use rcgen::{CertificateParams, KeyPair};
    use x509_cert::attr::Attribute;

    use super::*;
    use crate::key::{FileKey, Signer};

    fn request(attributes: Vec<Attribute>) -> Vec<u8> {
        let key = FileKey::generate_p256().unwrap();
        let info = CertReqInfo {
            version: x509_cert::request::Version::V1,
            subject: "CN=device".parse().unwrap(),
            public_key: Decode::from_der(key.public_key().spki_der()).unwrap(),
            attributes: SetOfVec::try_from(attributes).unwrap(),
        };
        let signature = key.sign(&info.to_der().unwrap()).unwrap();
        let signature = der::asn1::BitString::from_bytes(&signature).unwrap();
        CertReq { info, algorithm: key.algorithm().identifier(), signature }.to_der().unwrap()
    }

    fn extension(id: ObjectIdentifier) -> Extension {
        Extension { extn_id: id, critical: false, extn_value: OctetString::new([0x30, 0]).unwrap() }
    }

    fn asking(lists: &[Extensions]) -> Attribute {
        let values = lists.iter().map(|list| Any::encode_from(list).unwrap()).collect::<Vec<_>>();
        Attribute { oid: ID_EXTENSION_REQ, values: SetOfVec::try_from(values).unwrap() }
    }

    #[test]
    fn csr_19_a_request_of_another_library_is_read_in_both_forms() {
        let pair = KeyPair::generate().unwrap();
        let made = CertificateParams::new(vec!["device.example".to_owned()]).unwrap().serialize_request(&pair).unwrap();
        let request = CertificationRequest::from_file(made.der()).unwrap();
        assert_eq!(request.extensions()[0].extn_id, ID_CE_SUBJECT_ALT_NAME);
        for pem in
            [made.pem().unwrap(), request.to_pem(), request.to_pem().replace("CERTIFICATE R", "NEW CERTIFICATE R")]
        {
            assert_eq!(CertificationRequest::from_file(pem.as_bytes()).unwrap().der(), request.der());
        }
        let other = request.to_pem().replace("CERTIFICATE REQUEST", "CERTIFICATE");
        assert_eq!(CertificationRequest::from_file(other.as_bytes()).unwrap_err(), CertificationRequestError::Pem);
    }

    #[test]
    fn what_is_asked_for_is_asked_for_once() {
        let san = extension(ID_CE_SUBJECT_ALT_NAME);
        let read = |attributes| CertificationRequest::from_der(&request(attributes));
        assert_eq!(read(vec![]).unwrap().extensions(), []);
        assert_eq!(read(vec![asking(&[vec![san.clone()]])]).unwrap().extensions(), std::slice::from_ref(&san));
        let twice = CertificationRequestError::Ambiguous(ID_CE_SUBJECT_ALT_NAME);
        assert_eq!(read(vec![asking(&[vec![san.clone(), san.clone()]])]).unwrap_err(), twice);
        let lists = CertificationRequestError::Ambiguous(ID_EXTENSION_REQ);
        assert_eq!(read(vec![asking(&[vec![san.clone()], vec![]])]).unwrap_err(), lists);
    }

    #[test]
    fn lists_are_counted_before_they_are_compared() {
        let oid = |arc: usize| format!("1.3.6.1.4.1.32473.{arc}").parse::<ObjectIdentifier>().unwrap();
        let many: Extensions = (0..=certificate::Extensions::MAX).map(|arc| extension(oid(arc))).collect();
        let refused = CertificationRequest::from_der(&request(vec![asking(&[many])])).unwrap_err();
        assert_eq!(refused, CertificationRequestError::TooMany);
        let empty = |arc| Attribute { oid: oid(arc), values: SetOfVec::new() };
        let many = (0..=CertificationRequest::MAX_ATTRIBUTES).map(empty).collect();
        assert_eq!(CertificationRequest::from_der(&request(many)).unwrap_err(), CertificationRequestError::TooMany);
    }

    #[test]
    fn an_attribute_has_one_value_or_is_not_given() {
        let oid: ObjectIdentifier = "1.2.840.113549.1.9.7".parse().unwrap();
        let value = |text: &str| Any::encode_from(&text.to_owned()).unwrap();
        let with = |values: &[&str]| {
            let values = SetOfVec::try_from(values.iter().map(|it| value(it)).collect::<Vec<_>>()).unwrap();
            CertificationRequest::from_der(&request(vec![Attribute { oid, values }])).unwrap()
        };
        assert_eq!(with(&["secret"]).attribute(oid), Some(&value("secret")));
        assert_eq!(with(&["one", "two"]).attribute(oid), None);
        assert_eq!(with(&[]).attribute(oid), None);
    }
}

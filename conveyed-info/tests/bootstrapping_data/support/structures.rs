//! CMS structures that our own code does not make, correctly signed.

use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    revocation::{RevocationInfoChoice, RevocationInfoChoices},
    signed_data::{CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos},
};
use const_oid::{ObjectIdentifier, db::rfc5911};
use conveyed_info::cms::ContentType;
use der::{
    Any, Decode, Encode,
    asn1::{OctetString, SetOfVec},
};
use pki::{algorithm::digest_identifier, certificate::Certificate, digest::HashAlgorithm, key::Signer};
use x509_cert::{attr::Attribute, ext::pkix::SubjectKeyIdentifier};

use super::Party;

/// How a signer names its certificate (RFC 5652 §5.3).
#[derive(Clone, Copy)]
pub(crate) enum Naming {
    IssuerAndSerialNumber,
    KeyIdentifier,
}

/// SignedData in the making.
pub(crate) struct Structure<'a> {
    pub(crate) content_type: ContentType,
    pub(crate) content: Option<&'a [u8]>,
    /// `None` leaves them out.
    pub(crate) attributes: Option<Vec<Attribute>>,
    pub(crate) naming: Naming,
    /// The digest algorithm that signers name.
    pub(crate) digest: HashAlgorithm,
    pub(crate) signers: Vec<&'a Party>,
    pub(crate) certificates: Vec<&'a Certificate>,
    /// What is stapled to it about revocation.
    pub(crate) revocation: Vec<RevocationInfoChoice>,
}

impl<'a> Structure<'a> {
    /// What our own code would make.
    pub(crate) fn new(content_type: ContentType, content: &'a [u8], signer: &'a Party) -> Self {
        Self {
            content_type,
            content: Some(content),
            attributes: Some(standard_attributes(content_type, content, signer)),
            naming: Naming::IssuerAndSerialNumber,
            digest: signer.key.algorithm().hash(),
            signers: vec![signer],
            certificates: vec![&signer.certificate],
            revocation: Vec::new(),
        }
    }

    /// Signs and encodes it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let signers = self.signers.iter().map(|signer| self.signer_info(signer)).collect::<Vec<_>>();
        let certificates = self.certificates.iter().map(|it| CertificateChoices::Certificate(it.as_x509().clone()));
        let octets = |content: &[u8]| Any::encode_from(&OctetString::new(content).unwrap()).unwrap();
        let signed = SignedData {
            version: CmsVersion::V3,
            digest_algorithms: SetOfVec::try_from(vec![digest_identifier(self.digest)]).unwrap(),
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: self.content_type.oid(),
                econtent: self.content.map(octets),
            },
            certificates: Some(CertificateSet::try_from(certificates.collect::<Vec<_>>()).unwrap()),
            crls: (!self.revocation.is_empty())
                .then(|| RevocationInfoChoices(SetOfVec::try_from(self.revocation.clone()).unwrap())),
            signer_infos: SignerInfos::try_from(signers).unwrap(),
        };
        let content = Any::encode_from(&signed).unwrap();
        ContentInfo { content_type: rfc5911::ID_SIGNED_DATA, content }.to_der().unwrap()
    }

    fn signer_info(&self, signer: &Party) -> SignerInfo {
        let attributes = self.attributes.clone().map(|it| SetOfVec::try_from(it).unwrap());
        let message = match &attributes {
            Some(attributes) => attributes.to_der().unwrap(),
            None => self.content.unwrap_or_default().to_vec(),
        };
        let tbs = signer.certificate.as_x509().tbs_certificate();
        let (version, sid) = match self.naming {
            Naming::IssuerAndSerialNumber => {
                let (issuer, serial_number) = (tbs.issuer().clone(), tbs.serial_number().clone());
                let id = IssuerAndSerialNumber { issuer, serial_number };
                (CmsVersion::V1, SignerIdentifier::IssuerAndSerialNumber(id))
            }
            Naming::KeyIdentifier => {
                let id = signer.certificate.extensions().subject_key_identifier.clone().unwrap();
                let id = SubjectKeyIdentifier(OctetString::new(id).unwrap());
                (CmsVersion::V3, SignerIdentifier::SubjectKeyIdentifier(id))
            }
        };
        SignerInfo {
            version,
            sid,
            digest_alg: digest_identifier(self.digest),
            signed_attrs: attributes,
            signature_algorithm: signer.key.algorithm().identifier(),
            signature: OctetString::new(signer.key.sign(&message).unwrap()).unwrap(),
            unsigned_attrs: None,
        }
    }
}

/// The two attributes that RFC 5652 §5.3 demands.
pub(crate) fn standard_attributes(content_type: ContentType, content: &[u8], signer: &Party) -> Vec<Attribute> {
    let digest = signer.key.algorithm().hash().digest(content);
    vec![
        attribute(rfc5911::ID_CONTENT_TYPE, &content_type.oid()),
        attribute(rfc5911::ID_MESSAGE_DIGEST, &OctetString::new(digest).unwrap()),
    ]
}

/// An attribute with one value.
pub(crate) fn attribute(oid: ObjectIdentifier, value: &impl Encode) -> Attribute {
    let value = Any::from_der(&value.to_der().unwrap()).unwrap();
    Attribute { oid, values: SetOfVec::try_from(vec![value]).unwrap() }
}

/// A degenerate SignedData whose certificates stand in this very order, which DER would sort.
pub(crate) fn bag_in_order(certificates: &[&Certificate]) -> Vec<u8> {
    const VERSION_1: [u8; 3] = [0x02, 0x01, 0x01];
    const EMPTY_SET: [u8; 2] = [0x31, 0x00];
    let oid = |content_type: ContentType| content_type.oid().to_der().unwrap();
    let certificates: Vec<u8> = certificates.iter().flat_map(|it| it.der()).copied().collect();
    let parts = [
        VERSION_1.to_vec(),
        EMPTY_SET.to_vec(),
        tlv(0x30, &oid(ContentType::Data)),
        tlv(0xa0, &certificates),
        EMPTY_SET.to_vec(),
    ];
    let explicit = tlv(0xa0, &tlv(0x30, &parts.concat()));
    tlv(0x30, &[oid(ContentType::SignedData), explicit].concat())
}

/// One tag, length, value.
pub(crate) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    let header: &[u8] = match length {
        [0, short] if short < 0x80 => &[tag, short],
        [0, long] => &[tag, 0x81, long],
        [high, low] => &[tag, 0x82, high, low],
    };
    [header, value].concat()
}

//! A CA, and requests of every kind.

use authority::{CertificateAuthority, CertificateSerial};
use const_oid::ObjectIdentifier;
use der::{
    Any, Decode, Encode, Tag,
    asn1::{BitString, OctetString, SetOfVec},
};
use pki::{
    key::{FileKey, Signer, random},
    request::CertificationRequest,
    time::Timestamp,
};
use x509_cert::{
    attr::{Attribute, AttributeTypeAndValue},
    ext::Extension,
    request::{CertReq, CertReqInfo, Version},
};

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix(1_790_000_000)
}

pub(crate) fn serial() -> CertificateSerial {
    CertificateSerial(random().unwrap())
}

/// An issuing CA below a root.
pub(crate) fn ca() -> CertificateAuthority {
    let key = || Box::new(FileKey::generate_p256().unwrap());
    let root = CertificateAuthority::new_root("Root", key(), serial(), now()).unwrap();
    root.new_issuing_ca("Issuing CA", key(), serial(), now()).unwrap()
}

/// A request in the making.
pub(crate) struct Plan {
    pub(crate) subject: Vec<(ObjectIdentifier, Tag, Vec<u8>)>,
    pub(crate) extensions: Vec<Extension>,
}

pub(crate) const CN: ObjectIdentifier = const_oid::db::rfc4519::COMMON_NAME;
pub(crate) const SERIAL_NUMBER: ObjectIdentifier = const_oid::db::rfc4519::SERIAL_NUMBER;

impl Plan {
    pub(crate) fn of(subject: &[(ObjectIdentifier, &str)]) -> Self {
        let subject = subject.iter().map(|(oid, text)| (*oid, Tag::Utf8String, text.as_bytes().to_vec())).collect();
        Self { subject, extensions: Vec::new() }
    }

    pub(crate) fn with(mut self, id: ObjectIdentifier, value: &impl Encode) -> Self {
        let extn_value = OctetString::new(value.to_der().unwrap()).unwrap();
        self.extensions.push(Extension { extn_id: id, critical: false, extn_value });
        self
    }

    pub(crate) fn sign(&self, key: &FileKey) -> CertificationRequest {
        CertificationRequest::from_der(&self.der(key)).unwrap()
    }

    pub(crate) fn der(&self, key: &FileKey) -> Vec<u8> {
        let rdn = |(oid, tag, text): &(ObjectIdentifier, Tag, Vec<u8>)| {
            let value = Any::new(*tag, text.as_slice()).unwrap();
            SetOfVec::try_from([AttributeTypeAndValue { oid: *oid, value }]).unwrap()
        };
        let name = self.subject.iter().map(rdn).collect::<Vec<_>>().to_der().unwrap();
        let mut attributes = SetOfVec::new();
        if !self.extensions.is_empty() {
            let values = SetOfVec::try_from([Any::encode_from(&self.extensions).unwrap()]).unwrap();
            attributes.insert(Attribute { oid: const_oid::db::rfc5912::ID_EXTENSION_REQ, values }).unwrap();
        }
        let info = CertReqInfo {
            version: Version::V1,
            subject: Decode::from_der(&name).unwrap(),
            public_key: Decode::from_der(key.public_key().spki_der()).unwrap(),
            attributes,
        };
        let signature = BitString::from_bytes(&key.sign(&info.to_der().unwrap()).unwrap()).unwrap();
        CertReq { info, algorithm: key.algorithm().identifier(), signature }.to_der().unwrap()
    }
}

//! Requests for a certificate, made by whoever is to hold it: PKCS#10 (RFC 2986) with the names of a device (IEEE 802.1AR §8).
//!
//! Made in two steps, so that the key may live in a TPM: [`prepare`] gives what is to be signed, [`Draft::finish`] the request.

use const_oid::{ObjectIdentifier, db::rfc4519 as oid};
use der::{
    Any, Decode, Encode, Sequence,
    asn1::{BitString, OctetString, PrintableStringRef, SetOfVec, Utf8StringRef},
};
use x509_cert::{
    attr::{Attribute, AttributeTypeAndValue},
    ext::{
        Extension,
        pkix::name::{GeneralName, OtherName},
    },
    name::{Name, RdnSequence, RelativeDistinguishedName},
    request::{CertReq, CertReqInfo, ExtensionReq, Version},
};

use crate::{
    algorithm::SignatureAlgorithm,
    identity::SerialNumber,
    key::{PublicKey, SignError, Signer},
};

/// id-on-hardwareModuleName (RFC 4108 §5).
const HARDWARE_MODULE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.4");

/// id-ce-subjectAltName.
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// The names of a device in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceNames {
    /// The subject's serialNumber.
    pub serial_number: SerialNumber,
    /// The subject's organizationName: who makes the device.
    pub organization: Option<String>,
    /// The type in a hardwareModuleName, which then stands in the subjectAltName with the same serial number.
    pub hardware_type: Option<ObjectIdentifier>,
}

impl DeviceNames {
    /// A serial number and nothing else.
    #[must_use]
    pub const fn new(serial_number: SerialNumber) -> Self {
        Self { serial_number, organization: None, hardware_type: None }
    }
}

/// A request that lacks its signature.
#[derive(Clone, Debug)]
pub struct Draft {
    info: CertReqInfo,
    algorithm: SignatureAlgorithm,
}

/// Prepares a request for a key; the second part is what this key has to sign.
///
/// # Errors
/// [`NewRequestError`] when a name cannot be written.
pub fn prepare(
    names: &DeviceNames,
    key: &PublicKey,
    algorithm: SignatureAlgorithm,
) -> Result<(Draft, Vec<u8>), NewRequestError> {
    let mut rdns = Vec::new();
    if let Some(organization) = &names.organization {
        rdns.push(rdn(oid::ORGANIZATION_NAME, Any::encode_from(&Utf8StringRef::new(organization)?)?)?);
    }
    let serial_number = names.serial_number.as_str();
    // X.520 §6.2.9: PrintableString, which some serial numbers do not fit into.
    let value = match PrintableStringRef::new(serial_number) {
        Ok(text) => Any::encode_from(&text)?,
        Err(_) => Any::encode_from(&Utf8StringRef::new(serial_number)?)?,
    };
    rdns.push(rdn(oid::SERIAL_NUMBER, value)?);
    let mut attributes = SetOfVec::new();
    if let Some(hardware_type) = names.hardware_type {
        attributes
            .insert(Attribute::try_from(ExtensionReq(vec![hardware_module_name(hardware_type, serial_number)?]))?)?;
    }
    let info = CertReqInfo {
        version: Version::V1,
        subject: Name::from_der(&RdnSequence::from(rdns).to_der()?)?,
        public_key: Decode::from_der(key.spki_der())?,
        attributes,
    };
    let to_be_signed = info.to_der()?;
    Ok((Draft { info, algorithm }, to_be_signed))
}

/// Prepares a request and has it signed.
///
/// # Errors
/// [`NewRequestError`].
pub fn sign(names: &DeviceNames, key: &dyn Signer) -> Result<Vec<u8>, NewRequestError> {
    let (draft, to_be_signed) = prepare(names, key.public_key(), key.algorithm())?;
    draft.finish(&key.sign(&to_be_signed)?)
}

impl Draft {
    /// The CertificationRequest in DER.
    ///
    /// # Errors
    /// [`NewRequestError::Encoding`].
    pub fn finish(self, signature: &[u8]) -> Result<Vec<u8>, NewRequestError> {
        let signature = BitString::from_bytes(signature)?;
        Ok(CertReq { info: self.info, algorithm: self.algorithm.identifier(), signature }.to_der()?)
    }
}

/// A request in DER as a `CERTIFICATE REQUEST` PEM block.
#[must_use]
pub fn to_pem(der: &[u8]) -> String {
    der::pem::encode_string("CERTIFICATE REQUEST", der::pem::LineEnding::LF, der).unwrap_or_default()
}

fn rdn(oid: ObjectIdentifier, value: Any) -> der::Result<RelativeDistinguishedName> {
    let mut set = SetOfVec::new();
    set.insert(AttributeTypeAndValue { oid, value })?;
    Ok(RelativeDistinguishedName::from(set))
}

/// RFC 4108 §5: the type of the hardware, and its serial number as octets.
fn hardware_module_name(hardware_type: ObjectIdentifier, serial_number: &str) -> der::Result<Extension> {
    #[derive(Sequence)]
    struct HardwareModuleName {
        hw_type: ObjectIdentifier,
        hw_serial_num: OctetString,
    }

    let name =
        HardwareModuleName { hw_type: hardware_type, hw_serial_num: OctetString::new(serial_number.as_bytes())? };
    let other = OtherName { type_id: HARDWARE_MODULE_NAME, value: Any::encode_from(&name)? };
    let names = vec![GeneralName::OtherName(other)];
    Ok(Extension { extn_id: SUBJECT_ALT_NAME, critical: false, extn_value: OctetString::new(names.to_der()?)? })
}

/// A request could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NewRequestError {
    /// A name cannot be written.
    #[error("the request cannot be written: {0}")]
    Encoding(#[from] der::Error),
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] SignError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{key::FileKey, request::CertificationRequest};

    #[test]
    fn dev_10_a_request_names_the_device_and_proves_possession() {
        for key in [FileKey::generate_p256().unwrap(), FileKey::generate_p384().unwrap()] {
            for text in ["SN-0001", "Gerät*7"] {
                let mut names = DeviceNames::new(SerialNumber::new(text).unwrap());
                let bare = CertificationRequest::from_der(&sign(&names, &key).unwrap()).unwrap();
                assert_eq!(bare.public_key(), Signer::public_key(&key));
                names.organization = Some("Maker".to_owned());
                names.hardware_type = Some(ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1"));
                let der = sign(&names, &key).unwrap();
                CertificationRequest::from_der(&der).unwrap();
                CertificationRequest::from_pem(to_pem(&der).as_bytes()).unwrap();
                assert_ne!(bare.der(), der);
                let (draft, _) = prepare(&names, Signer::public_key(&key), key.algorithm()).unwrap();
                let other = key.sign(b"something else").unwrap();
                CertificationRequest::from_der(&draft.finish(&other).unwrap()).unwrap_err();
            }
        }
    }
}

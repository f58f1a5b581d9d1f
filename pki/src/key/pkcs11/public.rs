//! The public half of a private key in a token.

use const_oid::{ObjectIdentifier, db::rfc5912 as oid};
use cryptoki::{
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};
use der::{
    Decode, Encode,
    asn1::{OctetStringRef, UintRef},
};
use rsa::pkcs1::RsaPublicKey;
use spki::AlgorithmIdentifierOwned;

use super::error::Pkcs11Error;
use crate::{
    algorithm::{ID_ED25519, SignatureAlgorithm},
    certificate::Certificate,
    key::{KeyError, PublicKey},
};

/// What PKCS#11 3.0 §2.3.5 lets tokens call Ed25519 beside its object identifier: a PrintableString.
const EDWARDS25519: &[u8] = b"\x13\x0cedwards25519";

/// The public half: from the key itself, from the public key beside it, or from its certificate.
pub(super) fn public_half(session: &Session, key: ObjectHandle) -> Result<PublicKey, Pkcs11Error> {
    if let Some(public) = read(session, key)? {
        return Ok(public);
    }
    let names = session.get_attributes(key, &[AttributeType::Id, AttributeType::Label])?;
    let ids = names.iter().filter(|name| matches!(name, Attribute::Id(id) if !id.is_empty()));
    let labels = names.iter().filter(|name| matches!(name, Attribute::Label(label) if !label.is_empty()));
    // PKCS#11 §4.7: the halves of a pair share their id; some programs set labels only.
    for name in ids.chain(labels) {
        for class in [ObjectClass::PUBLIC_KEY, ObjectClass::CERTIFICATE] {
            for object in session.find_objects(&[Attribute::Class(class), name.clone()])? {
                if let Some(public) = read(session, object)? {
                    return Ok(public);
                }
            }
        }
    }
    Err(Pkcs11Error::NoPublicHalf)
}

/// What an object says of a public key, if it says enough.
pub(super) fn read(session: &Session, object: ObjectHandle) -> Result<Option<PublicKey>, Pkcs11Error> {
    const WANTED: [AttributeType; 7] = [
        AttributeType::Class,
        AttributeType::KeyType,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::PublicKeyInfo,
    ];
    let mut said = Said::default();
    for attribute in session.get_attributes(object, &WANTED)? {
        match attribute {
            Attribute::Class(class) => said.is_certificate = class == ObjectClass::CERTIFICATE,
            Attribute::KeyType(kind) => said.kind = Some(kind),
            Attribute::Modulus(octets) => said.modulus = octets,
            Attribute::PublicExponent(octets) => said.exponent = octets,
            Attribute::EcParams(octets) => said.curve = octets,
            Attribute::EcPoint(octets) => said.point = octets,
            Attribute::PublicKeyInfo(octets) => said.spki = octets,
            _ => {}
        }
    }
    if said.is_certificate {
        for attribute in session.get_attributes(object, &[AttributeType::Value])? {
            if let Attribute::Value(der) = attribute {
                return Ok(Certificate::from_der(&der).ok().map(|certificate| certificate.public_key().clone()));
            }
        }
        return Ok(None);
    }
    Ok(said.public_key()?)
}

#[derive(Default)]
struct Said {
    is_certificate: bool,
    kind: Option<KeyType>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    curve: Vec<u8>,
    point: Vec<u8>,
    spki: Vec<u8>,
}

impl Said {
    fn public_key(&self) -> Result<Option<PublicKey>, KeyError> {
        if !self.spki.is_empty() {
            return PublicKey::from_spki_der(&self.spki).map(Some);
        }
        match self.kind {
            Some(KeyType::RSA) if !self.modulus.is_empty() && !self.exponent.is_empty() => {
                let parts = || -> der::Result<Vec<u8>> {
                    RsaPublicKey {
                        modulus: UintRef::new(&self.modulus)?,
                        public_exponent: UintRef::new(&self.exponent)?,
                    }
                    .to_der()
                };
                let identifier = SignatureAlgorithm::RsaPkcs1Sha256.identifier();
                let identifier = AlgorithmIdentifierOwned { oid: oid::RSA_ENCRYPTION, ..identifier };
                let public = PublicKey::from_parts(identifier, &parts().map_err(|_| KeyError::Malformed)?)?;
                match public.rsa_modulus_bits() {
                    Some(bits) if bits < crate::algorithm::MIN_RSA_BITS => Err(KeyError::RsaTooShort(bits)),
                    _ => Ok(Some(public)),
                }
            }
            Some(KeyType::EC) if !self.point.is_empty() => {
                let curve: ObjectIdentifier =
                    ObjectIdentifier::from_der(&self.curve).map_err(|_| KeyError::Malformed)?;
                let identifier =
                    AlgorithmIdentifierOwned { oid: oid::ID_EC_PUBLIC_KEY, parameters: Some(der::Any::from(&curve)) };
                PublicKey::from_parts(identifier, point(&self.point)).map(Some)
            }
            Some(KeyType::EC_EDWARDS) if !self.point.is_empty() => {
                let named: der::Result<ObjectIdentifier> = ObjectIdentifier::from_der(&self.curve);
                if self.curve != EDWARDS25519 && named != Ok(ID_ED25519) {
                    return Err(named.map_or(KeyError::Malformed, KeyError::UnknownCurve));
                }
                let raw = point(&self.point).try_into().map_err(|_| KeyError::Malformed)?;
                Ok(Some(PublicKey::from_ed25519(raw)))
            }
            _ => Ok(None),
        }
    }
}

/// PKCS#11 §6.3.3 wants an OCTET STRING around the point; some tokens give it bare.
fn point(octets: &[u8]) -> &[u8] {
    <&OctetStringRef>::from_der(octets).map_or(octets, OctetStringRef::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{FileKey, KeySpec, Signer};

    #[test]
    fn a_point_is_read_with_and_without_its_wrapping() {
        for (spec, curve, kind) in [
            (KeySpec::P256, oid::SECP_256_R_1.to_der().unwrap(), KeyType::EC),
            (KeySpec::P384, oid::SECP_384_R_1.to_der().unwrap(), KeyType::EC),
            (KeySpec::Ed25519, ID_ED25519.to_der().unwrap(), KeyType::EC_EDWARDS),
            (KeySpec::Ed25519, EDWARDS25519.to_vec(), KeyType::EC_EDWARDS),
        ] {
            let key = FileKey::generate(spec).unwrap();
            let bare = key.public_key().subject_public_key().to_vec();
            let wrapped = OctetStringRef::new(&bare).unwrap().to_der().unwrap();
            for point in [bare, wrapped] {
                let said = Said { kind: Some(kind), curve: curve.clone(), point, ..Said::default() };
                assert_eq!(said.public_key().unwrap().as_ref(), Some(key.public_key()));
            }
        }
    }

    #[test]
    fn what_a_token_says_wrongly_is_an_error_and_what_it_does_not_say_is_not() {
        let said = |kind, curve: &[u8], point: &[u8]| {
            Said { kind: Some(kind), curve: curve.to_vec(), point: point.to_vec(), ..Said::default() }.public_key()
        };
        assert_eq!(said(KeyType::EC, b"", b""), Ok(None));
        assert_eq!(said(KeyType::AES, b"", b"x"), Ok(None));
        assert_eq!(said(KeyType::EC, b"noise", b"x"), Err(KeyError::Malformed));
        assert_eq!(said(KeyType::EC_EDWARDS, EDWARDS25519, b"short"), Err(KeyError::Malformed));
        let ed448 = ObjectIdentifier::new_unwrap("1.3.101.113");
        assert_eq!(said(KeyType::EC_EDWARDS, &ed448.to_der().unwrap(), &[0; 57]), Err(KeyError::UnknownCurve(ed448)));
    }
}

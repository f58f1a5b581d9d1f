//! Recipients with keys of every kind, and certificates for them written by hand.

use conveyed_info::cms::{AeadPolicy, ContentInfo, ContentType, Enveloped, OpenError, Opened, bare};
use der::Encode;
use pki::{
    certificate::Certificate,
    key::{DecryptError, Decryptor, Entropy, FileKey, NoEntropy, PublicKey, RsaPadding, SystemEntropy},
};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

pub(crate) const DOCUMENT: &[u8] = br#"{"ietf-sztp-conveyed-info:onboarding-information":{}}"#;

/// The document as a bare artifact.
pub(crate) fn document() -> Vec<u8> {
    bare(ContentType::ConveyedInfoJson, DOCUMENT).unwrap()
}

/// Somebody who can open envelopes.
pub(crate) struct Party {
    pub(crate) key: FileKey,
    pub(crate) certificate: Certificate,
}

impl Party {
    pub(crate) fn new(key: FileKey, number: u8) -> Self {
        let certificate = certificate(Decryptor::public_key(&key), number, None);
        Self { key, certificate }
    }

    pub(crate) fn p256() -> Self {
        Self::new(FileKey::generate_p256().unwrap(), 1)
    }

    pub(crate) fn on_each_curve() -> [Self; 3] {
        let keys = [FileKey::generate_p256(), FileKey::generate_p384(), FileKey::generate_p521()];
        let mut number = 0;
        keys.map(|key| {
            number += 1;
            Self::new(key.unwrap(), number)
        })
    }

    /// Opens with this party's certificate.
    pub(crate) fn open(&self, envelope: &[u8]) -> Result<Opened, OpenError> {
        read(envelope)?.open(&self.key, Some(&self.certificate), AeadPolicy::Refuse)
    }

    pub(crate) fn public_key(&self) -> &PublicKey {
        Decryptor::public_key(&self.key)
    }
}

pub(crate) fn read(envelope: &[u8]) -> Result<Enveloped, OpenError> {
    Enveloped::from_content_info(&ContentInfo::from_ber(envelope)?.0)
}

/// An RSA public key; nobody has its private half.
pub(crate) fn rsa_public_key() -> PublicKey {
    let mut modulus = [0x5a; 257];
    (modulus[0], modulus[1], modulus[256]) = (0, 0xc0, 0x5b);
    let key = tlv(0x30, &[&tlv(2, &[&modulus]), &[2, 3, 1, 0, 1]]);
    let algorithm =
        AlgorithmIdentifierOwned { oid: const_oid::db::rfc5912::RSA_ENCRYPTION, parameters: Some(der::Any::null()) };
    let subject_public_key = der::asn1::BitString::from_bytes(&key).unwrap();
    let info = SubjectPublicKeyInfoOwned { algorithm, subject_public_key };
    PublicKey::from_spki_der(&info.to_der().unwrap()).unwrap()
}

/// A certificate with this number and a key identifier of it; its signature is nonsense, which nobody looks at here.
/// `usage`: the octets of the KeyUsage BIT STRING.
pub(crate) fn certificate(key: &PublicKey, number: u8, usage: Option<[u8; 2]>) -> Certificate {
    let extension = |id: u8, value: &[u8]| tlv(0x30, &[&[6, 3, 0x55, 0x1d, id], &tlv(4, &[value])]);
    let identifier = extension(14, &tlv(4, &[&[number; 20]]));
    let usage = usage.map(|usage| extension(15, &tlv(3, &[&usage]))).unwrap_or_default();
    let extensions = tlv(0xa3, &[&tlv(0x30, &[&identifier, &usage])]);
    with_extensions(key, number, &extensions)
}

/// A certificate without any extension.
pub(crate) fn certificate_v1(key: &PublicKey) -> Certificate {
    with_extensions(key, 99, &[])
}

fn with_extensions(key: &PublicKey, number: u8, extensions: &[u8]) -> Certificate {
    // ecdsa-with-SHA256.
    let algorithm: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    // CN=a test.
    let name = tlv(0x30, &[&tlv(0x31, &[&tlv(0x30, &[&[6, 3, 0x55, 4, 3], &tlv(0x0c, &[b"a test"])])])]);
    let validity = tlv(0x30, &[&tlv(0x17, &[b"260101000000Z"]), &tlv(0x17, &[b"270101000000Z"])]);
    let version: &[u8] = if extensions.is_empty() { &[] } else { &[0xa0, 3, 2, 1, 2] };
    let parts = [version, &[2, 1, number], algorithm, &name, &validity, &name, key.spki_der(), extensions];
    Certificate::from_der(&tlv(0x30, &[&tlv(0x30, &parts), algorithm, &[3, 2, 0, 0]])).unwrap()
}

/// One DER element.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    let header = match value.len() {
        0..0x80 => vec![tag, length[1]],
        0x80..0x100 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [header, value].concat()
}

/// The operating system's randomness, and a record of it. The content key is what is drawn first.
#[derive(Default)]
pub(crate) struct Recorded(pub(crate) Vec<Vec<u8>>);

impl Entropy for Recorded {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoEntropy> {
        SystemEntropy.fill(octets)?;
        self.0.push(octets.to_vec());
        Ok(())
    }
}

/// A key in a place that answers what it was told to.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    pub(crate) public_key: PublicKey,
    pub(crate) answer: Result<Vec<u8>, DecryptError>,
}

impl Decryptor for Elsewhere {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn decrypt_rsa(&self, _: RsaPadding, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        self.answer.clone().map(Zeroizing::new)
    }

    fn agree(&self, _: &PublicKey) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        self.answer.clone().map(Zeroizing::new)
    }
}

//! The public half of an object in a TPM, and its Name (TPM 2.0 Library, Part 2 §12.2.4, Part 1 §16).

use const_oid::db::rfc5912 as oid;
use der::{Encode, asn1::UintRef};
use rsa::pkcs1::RsaPublicKeyRef;

use super::{
    Malformed,
    command::ALG_NULL,
    wire::{Reader, Writer},
};
use crate::{
    digest::HashAlgorithm,
    key::{KeyType, PublicKey},
};

pub(super) const ALG_RSA: u16 = 0x0001;
pub(super) const ALG_AES: u16 = 0x0006;
pub(super) const ALG_RSASSA: u16 = 0x0014;
pub(super) const ALG_RSAES: u16 = 0x0015;
pub(super) const ALG_RSAPSS: u16 = 0x0016;
pub(super) const ALG_OAEP: u16 = 0x0017;
pub(super) const ALG_ECDSA: u16 = 0x0018;
pub(super) const ALG_ECC: u16 = 0x0023;
pub(super) const ALG_CFB: u16 = 0x0043;
const ALG_ECDAA: u16 = 0x001a;

/// What may be done with an object, and where it came from (TPMA_OBJECT).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attributes(pub u32);

impl Attributes {
    /// It can never leave this TPM.
    pub const FIXED_TPM: Self = Self(1 << 1);
    /// It can never get another parent.
    pub const FIXED_PARENT: Self = Self(1 << 4);
    /// The TPM made the private half.
    pub const SENSITIVE_DATA_ORIGIN: Self = Self(1 << 5);
    /// The password gives the right to use it.
    pub const USER_WITH_AUTH: Self = Self(1 << 6);
    /// Its policy alone gives the right to administer it.
    pub const ADMIN_WITH_POLICY: Self = Self(1 << 7);
    /// Wrong passwords do not lock the TPM.
    pub const NO_DICTIONARY_ATTACK: Self = Self(1 << 10);
    /// It works only on what the TPM itself has made: attestations, other keys.
    pub const RESTRICTED: Self = Self(1 << 16);
    /// It decrypts.
    pub const DECRYPT: Self = Self(1 << 17);
    /// It signs.
    pub const SIGN: Self = Self(1 << 18);

    /// Whether all of `others` are among these.
    #[must_use]
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

/// A key's public area (TPMT_PUBLIC) of a kind that is worked with: RSA or elliptic curves, with a Name of SHA-2.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicArea {
    octets: Vec<u8>,
    name_hash: HashAlgorithm,
    attributes: Attributes,
    policy: Vec<u8>,
    symmetric_bits: Option<u16>,
    scheme: Option<u16>,
    key: PublicKey,
}

impl PublicArea {
    /// Largest public area that is read, in octets. One with an RSA key of 4096 bits has some 600.
    pub const MAX: usize = 2048;

    /// Reads a TPMT_PUBLIC, without anything behind it.
    ///
    /// # Errors
    /// [`Malformed`] when it cannot be read, or is of a kind that is not worked with.
    pub fn from_octets(octets: &[u8]) -> Result<Self, Malformed> {
        if octets.len() > Self::MAX {
            return Err(Malformed);
        }
        let mut reader = Reader::new(octets);
        let kind = reader.u16()?;
        let name_hash = hash_from_id(reader.u16()?)?;
        let attributes = Attributes(reader.u32()?);
        let policy = reader.sized()?.to_vec();
        let symmetric_bits = symmetric(&mut reader)?;
        let scheme = scheme(&mut reader)?;
        let key = match kind {
            ALG_RSA => rsa_key(&mut reader)?,
            ALG_ECC => ecc_key(&mut reader)?,
            _ => return Err(Malformed),
        };
        reader.finish()?;
        Ok(Self { octets: octets.to_vec(), name_hash, attributes, policy, symmetric_bits, scheme, key })
    }

    /// Reads a TPM2B_PUBLIC: the same behind its length, as `tpm2_readpublic -f tpm2b_public` writes it.
    ///
    /// # Errors
    /// As [`PublicArea::from_octets`].
    pub fn from_sized(octets: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(octets);
        let area = Self::from_octets(reader.sized()?)?;
        reader.finish()?;
        Ok(area)
    }

    /// The exact octets of the TPMT_PUBLIC.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The Name: what is certified, and what a credential is made for. It commits to the key and to everything else in the
    /// public area.
    #[must_use]
    pub fn name(&self) -> Vec<u8> {
        let digest = self.name_hash.digest(&self.octets);
        [hash_id(self.name_hash).to_be_bytes().as_slice(), &digest].concat()
    }

    /// What may be done with it.
    #[must_use]
    pub const fn attributes(&self) -> Attributes {
        self.attributes
    }

    /// The digest of its policy; empty without one.
    #[must_use]
    pub fn policy(&self) -> &[u8] {
        &self.policy
    }

    /// The public key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The hash in its Name.
    pub(super) const fn name_hash(&self) -> HashAlgorithm {
        self.name_hash
    }

    /// Bits of the AES key, in CFB, that protects what is stored under it; for storage keys such as the EK.
    pub(super) const fn symmetric_bits(&self) -> Option<u16> {
        self.symmetric_bits
    }

    /// The one scheme that it may be used with.
    pub(super) const fn scheme(&self) -> Option<u16> {
        self.scheme
    }
}

impl std::fmt::Debug for PublicArea {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicArea({:?}, {:?})", self.attributes, self.key)
    }
}

/// The TPM_ALG_ID of a hash.
pub(super) const fn hash_id(hash: HashAlgorithm) -> u16 {
    match hash {
        HashAlgorithm::Sha256 => 0x000b,
        HashAlgorithm::Sha384 => 0x000c,
        HashAlgorithm::Sha512 => 0x000d,
    }
}

pub(super) const fn hash_from_id(id: u16) -> Result<HashAlgorithm, Malformed> {
    match id {
        0x000b => Ok(HashAlgorithm::Sha256),
        0x000c => Ok(HashAlgorithm::Sha384),
        0x000d => Ok(HashAlgorithm::Sha512),
        _ => Err(Malformed),
    }
}

fn symmetric(reader: &mut Reader<'_>) -> Result<Option<u16>, Malformed> {
    match reader.u16()? {
        ALG_NULL => Ok(None),
        ALG_AES => {
            let bits = reader.u16()?;
            // Part 1 §22.3: what a TPM protects for storage, it protects with CFB.
            if reader.u16()? != ALG_CFB || !matches!(bits, 128 | 256) {
                return Err(Malformed);
            }
            Ok(Some(bits))
        }
        _ => Err(Malformed),
    }
}

fn scheme(reader: &mut Reader<'_>) -> Result<Option<u16>, Malformed> {
    let id = reader.u16()?;
    match id {
        ALG_NULL => return Ok(None),
        ALG_RSAES => {}
        ALG_ECDAA => {
            reader.u32()?;
        }
        _ => {
            reader.u16()?;
        }
    }
    Ok(Some(id))
}

fn rsa_key(reader: &mut Reader<'_>) -> Result<PublicKey, Malformed> {
    let bits = reader.u16()?;
    // Zero stands for the usual one (Part 2 §12.2.3.5).
    let exponent = match reader.u32()? {
        0 => 65_537_u32,
        other => other,
    };
    let modulus = reader.sized()?;
    if modulus.len().checked_mul(8) != Some(usize::from(bits)) {
        return Err(Malformed);
    }
    let exponent = exponent.to_be_bytes();
    let key = RsaPublicKeyRef {
        modulus: UintRef::new(modulus).map_err(|_| Malformed)?,
        public_exponent: UintRef::new(&exponent).map_err(|_| Malformed)?,
    };
    let identifier = spki::AlgorithmIdentifierOwned { oid: oid::RSA_ENCRYPTION, parameters: Some(der::Any::null()) };
    PublicKey::from_parts(identifier, &key.to_der().map_err(|_| Malformed)?).map_err(|_| Malformed)
}

fn ecc_key(reader: &mut Reader<'_>) -> Result<PublicKey, Malformed> {
    let (curve, length) = match reader.u16()? {
        3 => (oid::SECP_256_R_1, 32),
        4 => (oid::SECP_384_R_1, 48),
        5 => (oid::SECP_521_R_1, 66),
        _ => return Err(Malformed),
    };
    // The key derivation that goes with the scheme; nobody here uses it.
    if reader.u16()? != ALG_NULL {
        reader.u16()?;
    }
    let point = [&[4][..], &padded(reader.sized()?, length)?, &padded(reader.sized()?, length)?].concat();
    let identifier =
        spki::AlgorithmIdentifierOwned { oid: oid::ID_EC_PUBLIC_KEY, parameters: Some(der::Any::from(&curve)) };
    PublicKey::from_parts(identifier, &point).map_err(|_| Malformed)
}

/// An integer as long as the field: some TPMs leave zeros at its beginning away.
pub(super) fn padded(integer: &[u8], length: usize) -> Result<Vec<u8>, Malformed> {
    let missing = length.checked_sub(integer.len()).ok_or(Malformed)?;
    Ok([vec![0; missing].as_slice(), integer].concat())
}

/// The two coordinates of a point that is not compressed, as a TPMS_ECC_POINT.
pub(super) fn point(octets: &[u8]) -> Result<Writer, Malformed> {
    let (form, coordinates) = octets.split_first().ok_or(Malformed)?;
    if *form != 4 {
        return Err(Malformed);
    }
    let (x, y) = coordinates.split_at_checked(coordinates.len() / 2).ok_or(Malformed)?;
    Ok(Writer::default().sized(x).sized(y))
}

/// Octets of the field of a key's curve; none for other keys.
pub(super) const fn field_length(key: KeyType) -> Option<usize> {
    match key {
        KeyType::P256 => Some(32),
        KeyType::P384 => Some(48),
        KeyType::P521 => Some(66),
        KeyType::Rsa | KeyType::RsaPss | KeyType::Ed25519 => None,
    }
}

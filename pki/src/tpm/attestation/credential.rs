//! TPM2_MakeCredential in software: a secret that only one TPM opens, and only if it holds a certain key
//! (TPM 2.0 Library, Part 1 §24).

use rsa::{Oaep, pkcs1::DecodeRsaPublicKey, traits::PaddingScheme};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::{
    super::{
        Attributes, Malformed, PublicArea,
        public::{field_length, padded, point},
        wire::{Reader, Writer},
    },
    AttestationError,
    derive::{encrypt_cfb, hmac, kdf_a, kdf_e},
};
use crate::{
    algorithm::MIN_RSA_BITS,
    digest::HashAlgorithm,
    key::{Entropy, KeyType, Rng},
};

/// What the TPM is given: a secret under a key that is derived from a seed, and the seed encrypted to the endorsement key.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    id_object: Vec<u8>,
    encrypted_secret: Vec<u8>,
}

impl Credential {
    /// Reads the two parts, as TPM2_ActivateCredential takes them.
    ///
    /// # Errors
    /// [`Malformed`] when one of them is not a length with so many octets behind it.
    pub fn from_parts(id_object: &[u8], encrypted_secret: &[u8]) -> Result<Self, Malformed> {
        for part in [id_object, encrypted_secret] {
            let mut reader = Reader::new(part);
            reader.sized()?;
            reader.finish()?;
        }
        Ok(Self { id_object: id_object.to_vec(), encrypted_secret: encrypted_secret.to_vec() })
    }

    /// The TPM2B_ID_OBJECT.
    #[must_use]
    pub fn id_object(&self) -> &[u8] {
        &self.id_object
    }

    /// The TPM2B_ENCRYPTED_SECRET.
    #[must_use]
    pub fn encrypted_secret(&self) -> &[u8] {
        &self.encrypted_secret
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({} octets)", self.id_object.len())
    }
}

/// Makes a credential of `secret` for the TPM with this endorsement key, if it has an object of this Name.
///
/// # Errors
/// [`AttestationError::NotAnEndorsementKey`], also when `secret` is longer than a digest of that key, and
/// [`AttestationError::NoEntropy`].
pub fn make_credential(
    endorsement: &PublicArea,
    name: &[u8],
    secret: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<Credential, AttestationError> {
    let unfit = |_: Malformed| AttestationError::NotAnEndorsementKey;
    let storage = Attributes::FIXED_TPM.and(Attributes::RESTRICTED).and(Attributes::DECRYPT);
    let bits = endorsement.symmetric_bits().ok_or(AttestationError::NotAnEndorsementKey)?;
    let hash = endorsement.name_hash();
    let digest = hash.digest(&[]).len();
    let has = endorsement.attributes();
    if !has.has(storage) || has.has(Attributes::SIGN) || endorsement.scheme().is_some() || secret.len() > digest {
        return Err(AttestationError::NotAnEndorsementKey);
    }
    let (seed, encrypted_secret) = match endorsement.key().key_type() {
        KeyType::Rsa => rsa_seed(endorsement, hash, digest, entropy)?,
        KeyType::P256 | KeyType::P384 | KeyType::P521 => ecc_seed(endorsement, hash, entropy)?,
        KeyType::RsaPss | KeyType::Ed25519 => return Err(AttestationError::NotAnEndorsementKey),
    };
    let encryption = kdf_a(hash, &seed, "STORAGE", name, &[], bits);
    let plaintext = Zeroizing::new(Writer::default().sized(secret).finish().map_err(unfit)?);
    let identity = encrypt_cfb(&encryption, &plaintext).ok_or(AttestationError::NotAnEndorsementKey)?;
    let digest_bits = u16::try_from(digest.saturating_mul(8)).unwrap_or(u16::MAX);
    let integrity = kdf_a(hash, &seed, "INTEGRITY", &[], &[], digest_bits);
    let outer = hmac(hash, &integrity, &[&identity, name].concat());
    let inner = Writer::default().sized(outer.as_ref()).raw(&identity);
    Ok(Credential {
        id_object: Writer::default().sized_of(inner).finish().map_err(unfit)?,
        encrypted_secret: Writer::default().sized(&encrypted_secret).finish().map_err(unfit)?,
    })
}

/// Part 1 appendix B.10.3: a seed as long as a digest, with OAEP under the label `IDENTITY`, which ends with a zero.
fn rsa_seed(
    endorsement: &PublicArea,
    hash: HashAlgorithm,
    length: usize,
    entropy: &mut dyn Entropy,
) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), AttestationError> {
    if endorsement.key().rsa_modulus_bits().is_none_or(|bits| !(MIN_RSA_BITS..=8192).contains(&bits)) {
        return Err(AttestationError::NotAnEndorsementKey);
    }
    let key = rsa::RsaPublicKey::from_pkcs1_der(endorsement.key().subject_public_key())
        .map_err(|_| AttestationError::NotAnEndorsementKey)?;
    let mut seed = Zeroizing::new(vec![0; length]);
    entropy.fill(&mut seed)?;
    let mut random = Rng(entropy);
    let label: &[u8] = b"IDENTITY\0";
    let encrypted = match hash {
        HashAlgorithm::Sha256 => Oaep::<Sha256>::new_with_label(label).encrypt(&mut random, &key, &seed),
        HashAlgorithm::Sha384 => Oaep::<Sha384>::new_with_label(label).encrypt(&mut random, &key, &seed),
        HashAlgorithm::Sha512 => Oaep::<Sha512>::new_with_label(label).encrypt(&mut random, &key, &seed),
    };
    Ok((seed, encrypted.map_err(|_| AttestationError::NotAnEndorsementKey)?))
}

/// Part 1 appendix C.6.4: a seed derived from an agreement with a key of the moment, whose public half is sent.
fn ecc_seed(
    endorsement: &PublicArea,
    hash: HashAlgorithm,
    entropy: &mut dyn Entropy,
) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), AttestationError> {
    let unfit = AttestationError::NotAnEndorsementKey;
    let length = field_length(endorsement.key().key_type()).ok_or(unfit)?;
    let agreed = endorsement.key().agree_ephemeral(entropy).map_err(|error| match error {
        crate::key::EncryptError::NoEntropy(none) => AttestationError::NoEntropy(none),
        _ => unfit,
    })?;
    let theirs = endorsement.key().subject_public_key();
    let x = |octets: &[u8]| octets.get(1..).and_then(|rest| rest.get(..length)).map(<[u8]>::to_vec).ok_or(unfit);
    let shared = padded(&agreed.secret, length).map(Zeroizing::new).map_err(|_| unfit)?;
    let seed = kdf_e(hash, &shared, "IDENTITY", &x(&agreed.ephemeral_point)?, &x(theirs)?);
    let ephemeral = point(&agreed.ephemeral_point).and_then(Writer::finish).map_err(|_| unfit)?;
    Ok((seed, ephemeral))
}

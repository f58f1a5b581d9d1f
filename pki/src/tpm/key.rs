//! A private key in a TPM, as whoever signs or decrypts sees it.

use zeroize::Zeroizing;

use super::{
    Attributes, Fault, PublicArea, Secret, Tpm, TpmAlgorithm, TpmError,
    command::{ALG_NULL, Command, Entity, HANDLE_NULL, Right},
    public::{
        ALG_ECDSA, ALG_OAEP, ALG_RSAES, ALG_RSAPSS, ALG_RSASSA, field_length, hash_from_id, hash_id, padded, point,
    },
    wire::{Malformed, Reader, Writer},
};
use crate::{
    algorithm::{PssParameters, SignatureAlgorithm, ecdsa_der_from_raw},
    digest::{HashAlgorithm, sha256},
    key::{
        DecryptError, Decryptor, KeyError, KeyType, OaepHash, Pace, PublicKey, RsaPadding, SignError, Signer,
        TpmKeyAddress, own_first,
    },
};

/// A key at a persistent handle.
///
/// The TPM is opened for each operation and left to others in between, as on `/dev/tpm0` only one may have it at a time.
#[derive(Clone, Debug)]
pub struct TpmKey {
    address: TpmKeyAddress,
    password: Secret,
    public: PublicArea,
    algorithm: SignatureAlgorithm,
}

impl TpmKey {
    /// Looks at the key.
    ///
    /// # Errors
    /// [`TpmError`]; [`Fault::NoSuchHandle`] in it when there is no key.
    pub fn open(address: &TpmKeyAddress, password: Secret) -> Result<Self, TpmError> {
        let public = Tpm::open(&address.tpm)?.loaded(address.handle)?.public;
        let algorithm = match public.key().key_type() {
            KeyType::P256 => SignatureAlgorithm::EcdsaSha256,
            KeyType::P384 => SignatureAlgorithm::EcdsaSha384,
            KeyType::P521 => SignatureAlgorithm::EcdsaSha512,
            KeyType::Rsa | KeyType::RsaPss | KeyType::Ed25519 => SignatureAlgorithm::RsaPkcs1Sha256,
        };
        Ok(Self { address: address.clone(), password, public, algorithm })
    }

    /// Whether it opens what is encrypted to it.
    #[must_use]
    pub const fn decrypts(&self) -> bool {
        self.public.attributes().has(Attributes::DECRYPT)
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> &TpmKeyAddress {
        &self.address
    }

    /// Its public area.
    #[must_use]
    pub const fn public_area(&self) -> &PublicArea {
        &self.public
    }

    /// Signs, and says in detail why not. The signature was verified: what a TPM makes with salts of its own length, or after
    /// its key was replaced, is no signature for anybody.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn try_sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, TpmError> {
        let hash = algorithm.hash();
        let scheme = match algorithm {
            SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::EcdsaSha384 | SignatureAlgorithm::EcdsaSha512 => {
                ALG_ECDSA
            }
            SignatureAlgorithm::RsaPkcs1Sha256
            | SignatureAlgorithm::RsaPkcs1Sha384
            | SignatureAlgorithm::RsaPkcs1Sha512 => ALG_RSASSA,
            SignatureAlgorithm::RsaPss(_) => ALG_RSAPSS,
            SignatureAlgorithm::Ed25519 => return Err(TpmError::Key(KeyError::Algorithm)),
        };
        // No ticket: the digest was not made by the TPM, which only restricted keys care about (Part 3 §20.2).
        let parameters = Writer::default().sized(&hash.digest(message)).u16(scheme).u16(hash_id(hash));
        let parameters = parameters.u16(TICKET_HASHCHECK).u32(HANDLE_NULL).sized(&[]);
        let response = self.ask(Command::SIGN, parameters)?;
        let signature = response.read(|reader| read_signature(reader, self.public.key().key_type()))?.octets;
        algorithm.verify(self.public.key(), message, &signature)?;
        Ok(signature)
    }

    fn ask(&self, command: Command, parameters: Writer) -> Result<super::command::Response, TpmError> {
        let mut tpm = Tpm::open(&self.address.tpm)?;
        let entity = Entity::named(self.address.handle.value(), self.public.name());
        tpm.run(command, &[entity], &[Right::Password(&self.password)], parameters)
    }

    fn rsa(&self, scheme: Writer, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        let parameters = Writer::default().sized(ciphertext).join(scheme).sized(&[]);
        self.ask(Command::RSA_DECRYPT, parameters)?
            .read(|reader: &mut Reader<'_>| Ok(Zeroizing::new(reader.sized()?.to_vec())))
    }

    /// Octets that depend on this private key and on the ciphertext, as long as a content key. The first half is a digest of the
    /// private operation on a constant, which nobody else can compute.
    fn rejected(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        let mut constant = vec![0x2a; ciphertext.len()];
        if let Some(first) = constant.first_mut() {
            *first = 0;
        }
        let private = self.rsa(Writer::default().u16(ALG_NULL), &constant)?;
        let secret = Zeroizing::new([&sha256(&private).0[..], ciphertext].concat());
        Ok(Zeroizing::new(sha256(&secret).0.to_vec()))
    }
}

const TICKET_HASHCHECK: u16 = 0x8024;

impl Signer for TpmKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &PublicKey {
        self.public.key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign_with(self.algorithm, message)
    }

    fn algorithms(&self) -> Vec<SignatureAlgorithm> {
        own_first(self.algorithm, self.public.key())
    }

    fn sign_with(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        if !self.algorithms().contains(&algorithm) {
            return Err(SignError::Algorithm);
        }
        self.try_sign(algorithm, message).map_err(|error| match error {
            TpmError::Silent { source, .. }
                if matches!(source.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                SignError::TimedOut
            }
            TpmError::Unreachable { .. } | TpmError::Silent { .. } => SignError::Unavailable,
            _ => SignError::Refused,
        })
    }

    fn pace(&self) -> Pace {
        Pace::Slow
    }
}

impl Decryptor for TpmKey {
    fn public_key(&self) -> &PublicKey {
        self.public.key()
    }

    fn decrypt_rsa(&self, padding: RsaPadding, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        if self.public.key().key_type() != KeyType::Rsa || !self.decrypts() {
            return Err(DecryptError::KeyMismatch);
        }
        let scheme = match padding {
            RsaPadding::Pkcs1 => Writer::default().u16(ALG_RSAES),
            // A TPM has one hash for both, and SHA-1 among them.
            RsaPadding::Oaep { hash, mask } if hash == mask => {
                let id = match hash {
                    OaepHash::Sha1 => 0x0004,
                    OaepHash::Sha256 => hash_id(HashAlgorithm::Sha256),
                    OaepHash::Sha384 => hash_id(HashAlgorithm::Sha384),
                    OaepHash::Sha512 => hash_id(HashAlgorithm::Sha512),
                };
                Writer::default().u16(ALG_OAEP).u16(id)
            }
            RsaPadding::Oaep { .. } => return Err(DecryptError::KeyMismatch),
        };
        // RFC 3218 §2.3.2: a wrong padding must look like a right one with another content, and take as long.
        let rejected = match padding {
            RsaPadding::Pkcs1 => Some(self.rejected(ciphertext).map_err(|_| DecryptError::Failed)?),
            RsaPadding::Oaep { .. } => None,
        };
        match (self.rsa(scheme, ciphertext), rejected) {
            (Err(error), Some(rejected)) if error.fault() == Some(Fault::Other) => Ok(rejected),
            (result, _) => result.map_err(|_| DecryptError::Failed),
        }
    }

    fn agree(&self, peer: &PublicKey) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        let key = self.public.key().key_type();
        let length = field_length(key).filter(|_| key == peer.key_type()).ok_or(DecryptError::KeyMismatch)?;
        let peer = point(peer.subject_public_key()).map_err(|_| DecryptError::Failed)?;
        // The TPM refuses a point that is not on the curve (Part 3 §14.5).
        let response =
            self.ask(Command::ECDH_ZGEN, Writer::default().sized_of(peer)).map_err(|_| DecryptError::Failed)?;
        let shared = response.read(|reader| {
            let mut point = Reader::new(reader.sized()?);
            padded(point.sized()?, length).map(Zeroizing::new)
        });
        shared.map_err(|_| DecryptError::Failed)
    }
}

/// A signature of a TPM (TPMT_SIGNATURE), in the form that certificates have.
pub(super) struct Signature {
    pub(super) algorithm: SignatureAlgorithm,
    pub(super) octets: Vec<u8>,
}

/// Reads one that a key of this kind made.
pub(super) fn read_signature(reader: &mut Reader<'_>, key: KeyType) -> Result<Signature, Malformed> {
    let scheme = reader.u16()?;
    let hash = hash_from_id(reader.u16()?)?;
    let algorithm = match (scheme, hash) {
        (ALG_ECDSA, HashAlgorithm::Sha256) => SignatureAlgorithm::EcdsaSha256,
        (ALG_ECDSA, HashAlgorithm::Sha384) => SignatureAlgorithm::EcdsaSha384,
        (ALG_ECDSA, HashAlgorithm::Sha512) => SignatureAlgorithm::EcdsaSha512,
        (ALG_RSASSA, HashAlgorithm::Sha256) => SignatureAlgorithm::RsaPkcs1Sha256,
        (ALG_RSASSA, HashAlgorithm::Sha384) => SignatureAlgorithm::RsaPkcs1Sha384,
        (ALG_RSASSA, HashAlgorithm::Sha512) => SignatureAlgorithm::RsaPkcs1Sha512,
        (ALG_RSAPSS, hash) => SignatureAlgorithm::RsaPss(PssParameters::new(hash)),
        _ => return Err(Malformed),
    };
    let octets = if scheme == ALG_ECDSA {
        let length = field_length(key).ok_or(Malformed)?;
        let raw = [padded(reader.sized()?, length)?, padded(reader.sized()?, length)?].concat();
        ecdsa_der_from_raw(&raw).map_err(|_| Malformed)?
    } else {
        reader.sized()?.to_vec()
    };
    Ok(Signature { algorithm, octets })
}

impl TpmAlgorithm {
    /// The kind of a key, when a TPM is asked for such.
    #[must_use]
    pub fn of(key: &PublicKey) -> Option<Self> {
        match key.key_type() {
            KeyType::P256 => Some(Self::P256),
            KeyType::P384 => Some(Self::P384),
            KeyType::Rsa if key.rsa_modulus_bits() == Some(2048) => Some(Self::Rsa2048),
            _ => None,
        }
    }
}

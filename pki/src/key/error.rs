//! Why a key cannot be read or made.

use const_oid::ObjectIdentifier;

use crate::algorithm::AlgorithmError;

/// A key could not be read or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are no key of a form that is read here.
    #[error(
        "not a readable key: expected PKCS#8, SEC 1, PKCS#1 or SubjectPublicKeyInfo with P-256, P-384, P-521, Ed25519 or RSA"
    )]
    Malformed,
    /// A key of a kind nobody here works with.
    #[error("keys of type {0} are not supported")]
    UnknownType(ObjectIdentifier),
    /// An elliptic curve nobody here works with.
    #[error("the elliptic curve {0} is not supported: expected P-256, P-384 or P-521")]
    UnknownCurve(ObjectIdentifier),
    /// A private key behind a passphrase, and none was given.
    #[error(
        "the private key is encrypted: name the file of its passphrase, or write the key without one with `sztp key decrypt`"
    )]
    Encrypted,
    /// A private key that was encrypted in a way that protects nothing.
    #[error(
        "the private key is encrypted in an old form that protects little: write it anew with \
         `openssl pkcs8 -topk8 -scrypt -in KEY -out NEW`"
    )]
    OldEncryption,
    /// The passphrase does not open the key.
    #[error("the passphrase does not open the private key: it is another one, or the file is damaged")]
    WrongPassphrase,
    /// The key is encrypted with something nobody here works with.
    #[error(
        "the private key is encrypted with {0}, which is not read: expected PBES2 with scrypt or PBKDF2 and AES-CBC"
    )]
    UnknownEncryption(ObjectIdentifier),
    /// To open the key would take more time or memory than any passphrase is worth.
    #[error(
        "to open the private key would take more than 10,000,000 rounds of PBKDF2 or 256 MiB for scrypt: write it anew with less"
    )]
    EncryptionTooCostly,
    /// An RSA modulus below 2048 bits; how many it has.
    #[error("the RSA key has {0} bits: at least 2048 are needed")]
    RsaTooShort(usize),
    /// An RSA key that is restricted to RSASSA-PSS parameters which are not worked with.
    #[error("the key is restricted to RSASSA-PSS parameters that are refused: {0}")]
    Restriction(#[from] AlgorithmError),
    /// A key that does not make signatures of the algorithm asked for.
    #[error("the key cannot sign with this algorithm")]
    Algorithm,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Entropy,
}

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
    /// A private key behind a password. Services start without a person who could type it.
    #[error(
        "the private key is encrypted: write it without a password with `openssl pkey -in KEY -out PLAIN`, mode 0600"
    )]
    Encrypted,
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

//! Why a signature is not accepted.

use const_oid::ObjectIdentifier;

/// Why a signature was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlgorithmError {
    /// An algorithm that nobody here knows.
    #[error("algorithm {0} is unknown")]
    Unknown(ObjectIdentifier),
    /// An algorithm that is known, and known to be broken or too short: MD2, MD4, MD5, SHA-1, SHA-224, DSA.
    #[error("algorithm {0} is too weak")]
    Weak(ObjectIdentifier),
    /// The parameters beside an algorithm are not what its specification says.
    #[error("the parameters of algorithm {0} are not as they must be")]
    Parameters(ObjectIdentifier),
    /// The digest named beside the signature is not the one the signature uses.
    #[error("the digest algorithm does not go with the signature algorithm")]
    DigestMismatch,
    /// The key cannot be used with this algorithm.
    #[error("the key is of another kind than the signature")]
    KeyMismatch,
    /// An RSA modulus below 2048 bits; how many it has.
    #[error("the RSA key has {0} bits: at least 2048 are needed")]
    RsaTooShort(usize),
    /// The signature does not verify.
    #[error("the signature does not verify")]
    BadSignature,
}

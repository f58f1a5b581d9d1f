//! Private keys that open what was encrypted to them.

use zeroize::Zeroizing;

use super::PublicKey;

/// A private key that can decrypt: in a file, an HSM or a TPM.
///
/// Whoever opens an artifact says what is to be done with the key and goes on with the result; it never sees the key.
/// A key answers one of the two questions, by its kind.
pub trait Decryptor: std::fmt::Debug + Send + Sync {
    /// The public half, by which a recipient is told from the others.
    fn public_key(&self) -> &PublicKey;

    /// RSA: the plaintext of `ciphertext`.
    ///
    /// With [`RsaPadding::Pkcs1`] a wrong padding is no error: the result is then some octets that depend on the key and
    /// the ciphertext, which fit nothing (implicit rejection). An error would tell an attacker about the plaintext
    /// (RFC 3218 §2.3.2).
    ///
    /// # Errors
    /// [`DecryptError`].
    fn decrypt_rsa(&self, padding: RsaPadding, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError>;

    /// Elliptic curves: the shared secret with `peer`, the x coordinate as long as the curve's field (SEC 1 §3.3.1).
    ///
    /// # Errors
    /// [`DecryptError`], also when the peer's point is not on this key's curve.
    fn agree(&self, peer: &PublicKey) -> Result<Zeroizing<Vec<u8>>, DecryptError>;
}

/// How an RSA plaintext is padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaPadding {
    /// RSAES-PKCS1-v1_5 (RFC 8017 §7.2).
    Pkcs1,
    /// RSAES-OAEP with an empty label (RFC 8017 §7.1).
    Oaep {
        /// Over the label.
        hash: OaepHash,
        /// In the mask generation function MGF1.
        mask: OaepHash,
    },
}

/// A hash inside OAEP. SHA-1, its default (RFC 8017 §A.2.1), is read and never made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OaepHash {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// The key did not decrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// A key of another kind was asked.
    #[error("a key of this kind cannot do that")]
    KeyMismatch,
    /// The ciphertext does not fit the key. Which step failed is not told (RFC 8572 §9.14).
    #[error("decryption failed")]
    Failed,
}

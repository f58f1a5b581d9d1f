//! Why an envelope is not opened.

use const_oid::ObjectIdentifier;

use super::MAX_RECIPIENTS;
use crate::cms::CmsError;

/// An algorithm that is not used here, shown by its name where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithm(pub ObjectIdentifier);

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = NAMES.iter().find(|(oid, _)| *oid == self.0).map(|(_, name)| *name);
        match name {
            Some(name) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

/// Algorithms that others make and that are refused here, and those that are refused in the wrong structure.
const NAMES: [(ObjectIdentifier, &str); 19] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.3.7"), "3DES-CBC"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.3.2"), "RC2-CBC"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.3.4"), "RC4"),
    (ObjectIdentifier::new_unwrap("1.3.14.3.2.7"), "DES-CBC"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.3.6"), "3DES key wrap"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.3.7"), "RC2 key wrap"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.3.5"), "ephemeral-static Diffie-Hellman"),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2"), "AES-128-CBC"),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22"), "AES-192-CBC"),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42"), "AES-256-CBC"),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.6"), "AES-128-GCM"),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.26"), "AES-192-GCM"),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.46"), "AES-256-GCM"),
    (ObjectIdentifier::new_unwrap("1.3.132.1.11.0"), "ECDH with the SHA-224 KDF"),
    (ObjectIdentifier::new_unwrap("1.3.133.16.840.63.0.3"), "cofactor ECDH with the SHA-1 KDF"),
    (ObjectIdentifier::new_unwrap("1.3.132.1.14.0"), "cofactor ECDH with the SHA-224 KDF"),
    (ObjectIdentifier::new_unwrap("1.3.132.1.14.1"), "cofactor ECDH with the SHA-256 KDF"),
    (ObjectIdentifier::new_unwrap("1.3.132.1.14.2"), "cofactor ECDH with the SHA-384 KDF"),
    (ObjectIdentifier::new_unwrap("1.3.132.1.14.3"), "cofactor ECDH with the SHA-512 KDF"),
];

/// An envelope was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The structure.
    #[error(transparent)]
    Cms(#[from] CmsError),
    /// AuthEnvelopedData where the caller does not allow it (ENC-09).
    #[error("AuthEnvelopedData is not accepted here: RFC 8572 names EnvelopedData alone")]
    AeadNotAllowed,
    /// The content cipher is weak, unknown or in the wrong structure.
    #[error("content encryption with {0} is not accepted")]
    ContentCipher(Algorithm),
    /// The content cipher's parameters: no initialisation vector, or one of another length.
    #[error("the parameters of the content encryption cannot be used")]
    CipherParameters,
    /// An authentication tag shorter than 16 octets; how many it has.
    #[error("an authentication tag of {0} octets is not accepted: 16 are needed")]
    ShortTag(u8),
    /// What protects the content key for this recipient is weak, unknown or not done here.
    #[error("key encryption with {0} is not accepted")]
    KeyEncryption(Algorithm),
    /// Its parameters cannot be read, or name something that is not done here, such as a label in OAEP.
    #[error("the parameters of the key encryption cannot be used")]
    KeyEncryptionParameters,
    /// Nobody, or more than [`MAX_RECIPIENTS`].
    #[error("{0} recipients, expected 1 to {MAX_RECIPIENTS}")]
    Recipients(usize),
    /// The originator names a certificate that is not in the structure (RFC 5652 §6.2.2).
    #[error("the originator's certificate is not included")]
    OriginatorUnknown,
    /// The originator's key cannot be read.
    #[error("the originator's key cannot be used")]
    OriginatorKey,
    /// The key is not that of the certificate it was given with.
    #[error("the key is not the certificate's")]
    KeyIsNotTheCertificates,
    /// This key, or the certificate, is not among the recipients.
    #[error("not encrypted to this key")]
    NotARecipient,
    /// An envelope that is said to hold an envelope (ENC-02).
    #[error("an envelope inside an envelope")]
    Nested,
    /// Decryption failed. Which step did is never told (RFC 8572 §9.14; ENC-12).
    #[error("decryption failed")]
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enc_10_refused_ciphers_are_called_by_their_name() {
        let shown = |oid| OpenError::ContentCipher(Algorithm(ObjectIdentifier::new_unwrap(oid))).to_string();
        assert_eq!(shown("1.2.840.113549.3.7"), "content encryption with 3DES-CBC is not accepted");
        assert_eq!(shown("1.2.3.4"), "content encryption with 1.2.3.4 is not accepted");
    }
}

//! The secret of a token.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use pki::{
    digest::{Digest, sha256},
    key::{Entropy, NoEntropy},
};

/// What a token's holder sends as `Authorization: Bearer …`: `sztp_` and 43 characters of base64url, which are 256
/// random bits. So many that the digest alone, without salt or slow hash, tells nothing (OWASP ASVS 2.4 speaks of
/// passwords, which these are not).
pub struct TokenSecret(String);

/// Tells scanners of source code and logs that this is a secret, and whose.
const PREFIX: &str = "sztp_";

impl TokenSecret {
    /// A new one.
    ///
    /// # Errors
    /// [`NoEntropy`] when there is no randomness to make it of.
    pub fn generate(entropy: &mut dyn Entropy) -> Result<Self, NoEntropy> {
        let mut octets = [0; 32];
        entropy.fill(&mut octets)?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(octets))))
    }

    /// The secret, to be shown to its holder once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Self::digest_of(&self.0)
    }

    /// What is stored of a secret that somebody presents, whatever it looks like.
    #[must_use]
    pub(super) fn digest_of(presented: &str) -> Digest {
        sha256(presented.as_bytes())
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret")
    }
}

#[cfg(test)]
mod tests {
    use pki::key::SystemEntropy;

    use super::*;

    #[test]
    fn a_secret_has_256_random_bits_and_does_not_show_itself() {
        let one = TokenSecret::generate(&mut SystemEntropy).unwrap();
        let other = TokenSecret::generate(&mut SystemEntropy).unwrap();
        assert_eq!(one.reveal().len(), 48);
        assert!(one.reveal().starts_with("sztp_") && one.reveal() != other.reveal());
        assert_eq!(one.digest(), TokenSecret::digest_of(one.reveal()));
        assert!(!format!("{one:?}").contains(&one.reveal()[5..]));
    }
}

//! A secret that only one TPM can tell.

use ring::hmac;

use super::{super::PublicArea, AttestationError, Claim, Credential, make_credential};
use crate::{
    digest::{Digest, sha256},
    key::{Entropy, PublicKey},
};

/// Octets of the secret: what a TPM with SHA-256 takes.
const SECRET: usize = 32;

/// A question that only the TPM with a certain endorsement key and the key of a [`Claim`] can answer. It is asked once: an
/// answer consumes it.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    claim: Claim,
    ek_digest: Digest,
    /// Of the secret, which need not be kept.
    answer: Digest,
}

impl Challenge {
    /// Makes a question, and the credential that carries it to the device.
    ///
    /// # Errors
    /// As [`make_credential`].
    pub fn make(
        claim: Claim,
        endorsement: &PublicArea,
        entropy: &mut dyn Entropy,
    ) -> Result<(Self, Credential), AttestationError> {
        let mut secret = zeroize::Zeroizing::new([0; SECRET]);
        entropy.fill(secret.as_mut())?;
        let credential = make_credential(endorsement, &claim.attestor().name(), secret.as_ref(), entropy)?;
        let ek_digest = endorsement.key().spki_sha256();
        Ok((Self { claim, ek_digest, answer: sha256(secret.as_ref()) }, credential))
    }

    /// What is sealed of it: the endorsement key's digest, that of the answer, the key, and the key that attests.
    pub(super) const fn parts(&self) -> (&Digest, &Digest, &PublicArea, &PublicArea) {
        (&self.ek_digest, &self.answer, self.claim.key(), self.claim.attestor())
    }

    /// The challenge of which these are the parts: only what was sealed becomes one again.
    pub(super) const fn from_parts(ek_digest: Digest, answer: Digest, key: PublicArea, attestor: PublicArea) -> Self {
        Self { claim: Claim::checked_before(key, attestor), ek_digest, answer }
    }

    /// The answer proves the claim.
    ///
    /// # Errors
    /// [`AttestationError::WrongAnswer`].
    pub fn accept(self, answer: &[u8]) -> Result<ProvedInTpm, AttestationError> {
        // Compared by HMACs under a key of its own, whose time says nothing about where they differ.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"answer");
        let expected = hmac::sign(&key, &self.answer.0);
        hmac::verify(&key, &sha256(answer).0, expected.as_ref()).map_err(|_| AttestationError::WrongAnswer)?;
        Ok(ProvedInTpm { ek_digest: self.ek_digest, key: self.claim.key().clone() })
    }
}

impl std::fmt::Debug for Challenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Challenge({:?}, endorsement key {})", self.claim.key(), self.ek_digest)
    }
}

/// It is proved that a key was made in the TPM with a certain endorsement key, and cannot leave it. Only
/// [`Challenge::accept`] makes this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedInTpm {
    ek_digest: Digest,
    key: PublicArea,
}

impl ProvedInTpm {
    /// SHA-256 over the endorsement key's SubjectPublicKeyInfo, as its maker's certificate has it too. Somebody has to
    /// vouch for it: an order, or that certificate.
    #[must_use]
    pub const fn ek_digest(&self) -> Digest {
        self.ek_digest
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        self.key.key()
    }

    /// The key's public area.
    #[must_use]
    pub const fn public_area(&self) -> &PublicArea {
        &self.key
    }
}

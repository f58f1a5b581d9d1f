//! What proves that a key lives in a certain TPM: for whoever issues certificates, without a TPM and without I/O.
//!
//! Three things together prove it, and [`ProvedInTpm`] is made of nothing else:
//!
//! 1. A key that attests says what the key is (TPM2_Certify): its Name, and so that the TPM made it and never lets it go. A
//!    [`Claim`] has checked that, and knows not yet in which TPM the key that attests is.
//! 2. A [`Credential`] is made for the key that attests and for an endorsement key (TPM2_MakeCredential, in software). Only the
//!    TPM that has both opens it.
//! 3. Whoever has the secret of the [`Challenge`] shows it. The endorsement key is named by its digest, for comparison with
//!    a production order or with the certificate of the TPM's maker; this comparison is the caller's.
//!
//! ```
//! use pki::{key::Entropy, tpm::{PublicArea, attestation::{Certification, Challenge, Claim, Credential, ProvedInTpm}}};
//! # fn answer_of_the_device(_: &Credential) -> Vec<u8> { Vec::new() }
//!
//! fn prove(
//!     certification: &Certification,
//!     endorsement: &PublicArea,
//!     nonce: &[u8],
//!     entropy: &mut dyn Entropy,
//! ) -> Result<ProvedInTpm, Box<dyn std::error::Error>> {
//!     let claim = Claim::check(certification, nonce)?;
//!     let (challenge, credential) = Challenge::make(claim, endorsement, entropy)?;
//!     Ok(challenge.accept(&answer_of_the_device(&credential))?)
//! }
//! ```
//!
//! The endorsement key that the device names proves nothing by itself: one made in software would open the credential as well.
//! The digest in [`ProvedInTpm`] has to be one that somebody vouches for.

mod challenge;
mod claim;
mod credential;
mod derive;
mod sealed;

use super::PublicArea;

pub use self::{
    challenge::{Challenge, ProvedInTpm},
    claim::Claim,
    credential::{Credential, make_credential},
    sealed::{ChallengeSeal, enrolment_qualifier},
};
use crate::key::NoEntropy;

/// What TPM2_Certify gives, with the public areas of both keys. Nothing in it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certification {
    /// The key that is certified.
    pub key: PublicArea,
    /// The key that attests.
    pub attestor: PublicArea,
    /// What it signed: a TPMS_ATTEST.
    pub statement: Vec<u8>,
    /// Its signature: a TPMT_SIGNATURE.
    pub signature: Vec<u8>,
}

/// Why it is not proved that a key lives in a TPM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttestationError {
    /// The statement or the signature cannot be read, or is of another kind.
    #[error("the attestation is no answer to TPM2_Certify")]
    Malformed,
    /// The statement was not made by a TPM: its magic number is missing.
    #[error("the statement was not made by a TPM")]
    NotByTpm,
    /// The signature over the statement does not verify.
    #[error("the signature of the key that attests does not verify")]
    Signature,
    /// It is about another key.
    #[error("the statement is about another key")]
    OtherKey,
    /// It answers another challenge.
    #[error("the statement answers another challenge")]
    OtherChallenge,
    /// The key that is certified can leave the TPM, or was not made in it.
    #[error("the key can leave its TPM, or was made outside of it")]
    NotBound,
    /// The key that attests could sign whatever it is given, or is not bound to its TPM.
    #[error("the key that attests is not one that signs only what its TPM says")]
    NotAnAttestor,
    /// The endorsement key is not one that decrypts only what is meant for its TPM, or of a kind that is not worked with.
    #[error("the endorsement key is not of a kind that can be used")]
    NotAnEndorsementKey,
    /// The answer to the credential is not its secret.
    #[error("the answer is not the secret of the credential: the keys are not in one TPM")]
    WrongAnswer,
    /// The challenge that came back was not made here, or not for this.
    #[error("the challenge was not made here, or for somebody or something else, or has expired")]
    Sealed,
    /// There is no randomness for a secret.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

impl AttestationError {
    /// What a person can do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Malformed | Self::NotByTpm => "Send what TPM2_Certify gave, unchanged.",
            Self::Signature => "Send the public area of the very key that attested.",
            Self::OtherKey => "Certify the key that the request is for.",
            Self::OtherChallenge => "Certify again, with the challenge of this request.",
            Self::NotBound => {
                "Make the key in the TPM: fixedTPM, fixedParent and sensitiveDataOrigin set, as `sztp-device identity create` does."
            }
            Self::NotAnAttestor => {
                "Attest with a restricted signing key with a password and without a policy, as `sztp-device identity create` does."
            }
            Self::NotAnEndorsementKey => "Name the endorsement key of the TCG's template L-1 (RSA) or L-2 (P-256).",
            Self::WrongAnswer => {
                "Look whether the endorsement key is this device's: a board may have been changed, or two lines mixed up."
            }
            Self::Sealed => "Begin again, and bring the new challenge back unchanged within its time.",
            Self::NoEntropy(_) => "Wait until the system has gathered randomness.",
        }
    }
}

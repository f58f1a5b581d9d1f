//! What a key that attests says about another one (TPM 2.0 Library, Part 2 §10.12).

use super::{
    super::{Attributes, PublicArea, key::read_signature, wire::Reader},
    AttestationError, Certification,
};
use crate::algorithm::MIN_RSA_BITS;

/// TPM_GENERATED_VALUE, with which everything begins that a TPM says by itself: a restricted key signs nothing else with it.
const GENERATED: u32 = 0xff54_4347;

/// TPM_ST_ATTEST_CERTIFY.
const CERTIFY: u16 = 0x8017;

/// What makes a key stay where it was made.
const BOUND: Attributes = Attributes::FIXED_TPM.and(Attributes::FIXED_PARENT).and(Attributes::SENSITIVE_DATA_ORIGIN);

/// Says that a key was made in the TPM of the key that attests, and stays there. In which TPM that is, is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    key: PublicArea,
    attestor: PublicArea,
}

impl Claim {
    /// Checks what a key that attests said, in answer to the challenge `qualifying`.
    ///
    /// # Errors
    /// [`AttestationError`].
    pub fn check(certification: &Certification, qualifying: &[u8]) -> Result<Self, AttestationError> {
        let Certification { key, attestor, statement, signature } = certification;
        // A key that is not restricted signs any octets that it is given, such as a statement of somebody's own making.
        let attests = BOUND.and(Attributes::RESTRICTED).and(Attributes::SIGN).and(Attributes::USER_WITH_AUTH);
        let has = attestor.attributes();
        // Without a policy, whoever uses it has to have its private half at hand: Part 1 §19.2.
        let only_by_password = !has.has(Attributes::ADMIN_WITH_POLICY) && attestor.policy().is_empty();
        if !has.has(attests) || has.has(Attributes::DECRYPT) || !only_by_password {
            return Err(AttestationError::NotAnAttestor);
        }
        let key_type = attestor.key().key_type();
        if attestor.key().rsa_modulus_bits().is_some_and(|bits| bits < MIN_RSA_BITS) {
            return Err(AttestationError::NotAnAttestor);
        }
        let mut reader = Reader::new(signature);
        let made = read_signature(&mut reader, key_type).map_err(|_| AttestationError::Malformed)?;
        reader.finish().map_err(|_| AttestationError::Malformed)?;
        made.algorithm.verify(attestor.key(), statement, &made.octets).map_err(|_| AttestationError::Signature)?;
        let said = Statement::read(statement)?;
        if said.name != key.name() {
            return Err(AttestationError::OtherKey);
        }
        if said.qualifying != qualifying {
            return Err(AttestationError::OtherChallenge);
        }
        if !key.attributes().has(BOUND) {
            return Err(AttestationError::NotBound);
        }
        Ok(Self { key: key.clone(), attestor: attestor.clone() })
    }

    /// The key that is claimed to be in a TPM.
    #[must_use]
    pub const fn key(&self) -> &PublicArea {
        &self.key
    }

    /// The key that says so.
    #[must_use]
    pub const fn attestor(&self) -> &PublicArea {
        &self.attestor
    }
}

/// What counts in a TPMS_ATTEST of TPM2_Certify.
struct Statement<'a> {
    qualifying: &'a [u8],
    name: &'a [u8],
}

impl<'a> Statement<'a> {
    fn read(octets: &'a [u8]) -> Result<Self, AttestationError> {
        let malformed = |_| AttestationError::Malformed;
        let mut reader = Reader::new(octets);
        if reader.u32().map_err(malformed)? != GENERATED {
            return Err(AttestationError::NotByTpm);
        }
        if reader.u16().map_err(malformed)? != CERTIFY {
            return Err(AttestationError::Malformed);
        }
        let mut read = || {
            let _qualified_signer = reader.sized()?;
            let qualifying = reader.sized()?;
            // Clock, count of resets and of restarts, whether the clock is to be believed; version of the firmware.
            let _clock_and_firmware = reader.take(8 + 4 + 4 + 1 + 8)?;
            let name = reader.sized()?;
            let _qualified_name = reader.sized()?;
            reader.finish()?;
            Ok(Self { qualifying, name })
        };
        read().map_err(|_: super::super::Malformed| AttestationError::Malformed)
    }
}

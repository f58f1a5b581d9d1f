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

    /// A claim that [`Claim::check`] gave, and that was sealed since.
    pub(super) const fn checked_before(key: PublicArea, attestor: PublicArea) -> Self {
        Self { key, attestor }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        key::{FileKey, Signer},
        tpm::wire::Writer,
    };

    const NOTHING: Attributes = Attributes(0);

    /// A public area with a key of software in it, as somebody may write one who has no TPM.
    fn area(key: &FileKey, attributes: Attributes, policy: &[u8], is_attestor: bool) -> PublicArea {
        let writer = Writer::default().u16(0x23).u16(0x0b).u32(attributes.0).sized(policy).u16(0x10);
        let writer = if is_attestor { writer.u16(0x18).u16(0x0b) } else { writer.u16(0x10) };
        let point = Signer::public_key(key).subject_public_key().to_vec();
        let octets = writer.u16(3).u16(0x10).sized(&point[1..33]).sized(&point[33..]).finish().unwrap();
        PublicArea::from_octets(&octets).unwrap()
    }

    fn statement(magic: u32, kind: u16, qualifying: &[u8], name: &[u8]) -> Vec<u8> {
        let writer = Writer::default().u32(magic).u16(kind).sized(b"signer").sized(qualifying).raw(&[0; 25]);
        writer.sized(name).sized(b"qualified").finish().unwrap()
    }

    struct Scene {
        attests: FileKey,
        certification: Certification,
    }

    impl Scene {
        fn new(attestor: Attributes, policy: &[u8], key: Attributes) -> Self {
            let (attests, certified) = (FileKey::generate_p256().unwrap(), FileKey::generate_p256().unwrap());
            let (attestor, key) = (area(&attests, attestor, policy, true), area(&certified, key, &[], false));
            let certification = Certification { key, attestor, statement: Vec::new(), signature: Vec::new() };
            let mut scene = Self { attests, certification };
            let name = scene.certification.key.name();
            scene.say(statement(GENERATED, CERTIFY, b"nonce", &name));
            scene
        }

        fn say(&mut self, statement: Vec<u8>) {
            use p256::ecdsa::DerSignature;
            let der = self.attests.sign(&statement).unwrap();
            let (r, s) =
                DerSignature::from_bytes(&der).and_then(p256::ecdsa::Signature::try_from).unwrap().split_bytes();
            self.certification.signature = Writer::default().u16(0x18).u16(0x0b).sized(&r).sized(&s).finish().unwrap();
            self.certification.statement = statement;
        }

        fn check(&self) -> Result<Claim, AttestationError> {
            Claim::check(&self.certification, b"nonce")
        }
    }

    fn attestor() -> Attributes {
        BOUND.and(Attributes::RESTRICTED).and(Attributes::SIGN).and(Attributes::USER_WITH_AUTH)
    }

    fn without(attributes: Attributes, one: Attributes) -> Attributes {
        Attributes(attributes.0 & !one.0)
    }

    #[test]
    fn a_key_that_attests_signs_only_what_its_tpm_says() {
        Scene::new(attestor(), &[], BOUND).check().unwrap();
        for missing in [
            Attributes::FIXED_TPM,
            Attributes::FIXED_PARENT,
            Attributes::SENSITIVE_DATA_ORIGIN,
            Attributes::RESTRICTED,
            Attributes::SIGN,
            Attributes::USER_WITH_AUTH,
        ] {
            let refused = Scene::new(without(attestor(), missing), &[], BOUND).check();
            assert_eq!(refused, Err(AttestationError::NotAnAttestor), "{missing:?}");
        }
        for extra in [Attributes::DECRYPT, Attributes::ADMIN_WITH_POLICY] {
            let refused = Scene::new(attestor().and(extra), &[], BOUND).check();
            assert_eq!(refused, Err(AttestationError::NotAnAttestor), "{extra:?}");
        }
        let refused = Scene::new(attestor(), &[7; 32], BOUND).check();
        assert_eq!(refused, Err(AttestationError::NotAnAttestor), "a policy that anybody may satisfy");
    }

    #[test]
    fn a_key_that_can_leave_its_tpm_or_came_from_outside_is_refused() {
        for missing in [Attributes::FIXED_TPM, Attributes::FIXED_PARENT, Attributes::SENSITIVE_DATA_ORIGIN, BOUND] {
            let refused = Scene::new(attestor(), &[], without(BOUND, missing)).check();
            assert_eq!(refused, Err(AttestationError::NotBound), "{missing:?}");
        }
        assert_eq!(without(BOUND, BOUND), NOTHING);
    }

    #[test]
    fn what_is_signed_has_to_be_a_certification_by_a_tpm() {
        let mut scene = Scene::new(attestor(), &[], BOUND);
        let name = scene.certification.key.name();
        for (said, expected) in [
            (statement(0xff54_4348, CERTIFY, b"nonce", &name), AttestationError::NotByTpm),
            // A quote.
            (statement(GENERATED, 0x8018, b"nonce", &name), AttestationError::Malformed),
            (statement(GENERATED, CERTIFY, b"nonce", &name)[..40].to_vec(), AttestationError::Malformed),
            ([statement(GENERATED, CERTIFY, b"nonce", &name), vec![0]].concat(), AttestationError::Malformed),
            (statement(GENERATED, CERTIFY, b"another", &name), AttestationError::OtherChallenge),
            (statement(GENERATED, CERTIFY, b"nonce", b"another"), AttestationError::OtherKey),
            (Vec::new(), AttestationError::Malformed),
        ] {
            scene.say(said);
            assert_eq!(scene.check(), Err(expected));
        }
    }

    proptest::proptest! {
        #[test]
        fn noise_is_no_attestation(octets in proptest::collection::vec(0_u8.., 0..200)) {
            let mut scene = Scene::new(attestor(), &[], BOUND);
            scene.certification.signature.clone_from(&octets);
            proptest::prop_assert!(scene.check().is_err());
            scene.say(octets.clone());
            proptest::prop_assert!(scene.check().is_err());
            // Reading never panics, and what is read is what was there.
            if let Ok(area) = PublicArea::from_octets(&octets) {
                proptest::prop_assert_eq!(area.octets(), &octets[..]);
            }
        }

        #[test]
        fn a_damaged_public_area_is_another_key_or_none(at in 0_usize..88, bit in 0_u8..8) {
            let mut scene = Scene::new(attestor(), &[], BOUND);
            let mut octets = scene.certification.key.octets().to_vec();
            octets[at % 86] ^= 1 << bit;
            if let Ok(other) = PublicArea::from_octets(&octets) {
                scene.certification.key = other;
                proptest::prop_assert_eq!(scene.check(), Err(AttestationError::OtherKey));
            }
        }
    }
}

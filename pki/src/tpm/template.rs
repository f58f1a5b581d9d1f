//! What keys are made from. A primary key is computed from the hierarchy's seed and its template, so the same template gives the
//! same key, as long as the seed is the same (TPM 2.0 Library, Part 1 §27.2, §24.1).

use std::{fmt, str::FromStr};

use super::{
    Attributes, Malformed, Secret,
    command::{ALG_NULL, ALG_SHA256},
    public::{ALG_AES, ALG_CFB, ALG_ECC, ALG_ECDSA, ALG_RSA, ALG_RSASSA},
    wire::Writer,
};

/// A hierarchy of keys, each with a seed of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hierarchy {
    /// The owner's: its seed is drawn anew when the TPM is cleared.
    Owner,
    /// The endorsement hierarchy, whose seed outlives a clear: a key in it comes back from its template.
    Endorsement,
    /// The firmware's. After the firmware has started the system, its password is commonly known to nobody.
    Platform,
}

impl Hierarchy {
    pub(super) const fn handle(self) -> u32 {
        match self {
            Self::Owner => 0x4000_0001,
            Self::Endorsement => 0x4000_000b,
            Self::Platform => 0x4000_000c,
        }
    }
}

/// Kinds of keys that a TPM is asked to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TpmAlgorithm {
    /// NIST P-256, which every TPM 2.0 has.
    #[default]
    P256,
    /// NIST P-384, which newer ones have.
    P384,
    /// RSA of 2048 bits.
    Rsa2048,
}

impl TpmAlgorithm {
    /// All of them.
    pub const ALL: &[Self] = &[Self::P256, Self::P384, Self::Rsa2048];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Rsa2048 => "rsa2048",
        }
    }
}

impl fmt::Display for TpmAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TpmAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.as_str() == text).ok_or(UnknownAlgorithm)
    }
}

/// A TPM is not asked for keys of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a TPM's key is of kind p256, p384 or rsa2048")]
pub struct UnknownAlgorithm;

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Usage {
    /// It signs: TLS and certification requests.
    Sign,
    /// It signs, and opens what was encrypted to it (RFC 8572 §5.1; ENC-05: both may be one key).
    SignAndDecrypt,
    /// It signs attestations of the TPM and nothing else ("attestation key").
    Attest,
}

/// What a key is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    algorithm: TpmAlgorithm,
    usage: Usage,
    label: String,
}

impl Template {
    /// Longest label, in octets: what every TPM takes as the coordinate of a point.
    pub const MAX_LABEL: usize = 32;

    /// A template. The label tells keys of one kind apart; the same label gives the same key again.
    ///
    /// # Errors
    /// [`LabelTooLong`].
    pub fn new(algorithm: TpmAlgorithm, usage: Usage, label: &str) -> Result<Self, LabelTooLong> {
        if label.len() > Self::MAX_LABEL {
            return Err(LabelTooLong);
        }
        Ok(Self { algorithm, usage, label: label.to_owned() })
    }

    /// The IDevID's key: it signs and decrypts, and its label is `IDEVID`.
    #[must_use]
    pub fn idevid(algorithm: TpmAlgorithm) -> Self {
        Self { algorithm, usage: Usage::SignAndDecrypt, label: "IDEVID".to_owned() }
    }

    /// A key that attests the IDevID's: its label is `IAK`.
    #[must_use]
    pub fn attestation(algorithm: TpmAlgorithm) -> Self {
        Self { algorithm, usage: Usage::Attest, label: "IAK".to_owned() }
    }

    /// The TPMT_PUBLIC that the TPM is given.
    ///
    /// A key without a password has nothing that guessing could find, and must not be locked with the others.
    pub(super) fn octets(&self, password: &Secret) -> Result<Vec<u8>, Malformed> {
        let made_here = Attributes::FIXED_TPM.and(Attributes::FIXED_PARENT).and(Attributes::SENSITIVE_DATA_ORIGIN);
        let used = made_here.and(Attributes::USER_WITH_AUTH).and(Attributes::SIGN);
        let used = if password.is_empty() { used.and(Attributes::NO_DICTIONARY_ATTACK) } else { used };
        let attributes = match self.usage {
            Usage::Sign => used,
            Usage::SignAndDecrypt => used.and(Attributes::DECRYPT),
            Usage::Attest => used.and(Attributes::RESTRICTED),
        };
        let is_rsa = self.algorithm == TpmAlgorithm::Rsa2048;
        let kind = if is_rsa { ALG_RSA } else { ALG_ECC };
        let writer = Writer::default().u16(kind).u16(ALG_SHA256).u32(attributes.0).sized(&[]).u16(ALG_NULL);
        let writer = match (self.usage, is_rsa) {
            // Part 2 §12.2.3.5, §12.2.3.6: a restricted key has one scheme, one that does both has none.
            (Usage::Attest, true) => writer.u16(ALG_RSASSA).u16(ALG_SHA256),
            (Usage::Attest, false) => writer.u16(ALG_ECDSA).u16(ALG_SHA256),
            _ => writer.u16(ALG_NULL),
        };
        let label = self.label.as_bytes();
        match self.algorithm {
            TpmAlgorithm::Rsa2048 => writer.u16(2048).u32(0).sized(label),
            TpmAlgorithm::P256 => writer.u16(3).u16(ALG_NULL).sized(label).sized(&[]),
            TpmAlgorithm::P384 => writer.u16(4).u16(ALG_NULL).sized(label).sized(&[]),
        }
        .finish()
    }
}

/// A label has more than [`Template::MAX_LABEL`] octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a label has at most {} octets", Template::MAX_LABEL)]
pub struct LabelTooLong;

/// The endorsement key of a TPM, by the two templates that the TCG gives for keys of low range (EK Credential Profile
/// §B.3.3, §B.3.4): they are the same in every TPM, and its maker's certificate speaks for the key that comes from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndorsementKind {
    /// RSA of 2048 bits (L-1).
    Rsa2048,
    /// NIST P-256 (L-2).
    P256,
}

impl EndorsementKind {
    /// Both, the one that more TPMs have a certificate for first.
    pub const ALL: &[Self] = &[Self::Rsa2048, Self::P256];

    /// Where its maker's certificate is in NV memory.
    #[must_use]
    pub const fn certificate_index(self) -> u32 {
        match self {
            Self::Rsa2048 => 0x01c0_0002,
            Self::P256 => 0x01c0_000a,
        }
    }

    pub(super) fn octets(self) -> Result<Vec<u8>, Malformed> {
        let attributes = Attributes::FIXED_TPM
            .and(Attributes::FIXED_PARENT)
            .and(Attributes::SENSITIVE_DATA_ORIGIN)
            .and(Attributes::ADMIN_WITH_POLICY)
            .and(Attributes::RESTRICTED)
            .and(Attributes::DECRYPT);
        let kind = if self == Self::Rsa2048 { ALG_RSA } else { ALG_ECC };
        let writer = Writer::default().u16(kind).u16(ALG_SHA256).u32(attributes.0).sized(&ENDORSEMENT_POLICY);
        let writer = writer.u16(ALG_AES).u16(128).u16(ALG_CFB).u16(ALG_NULL);
        match self {
            Self::Rsa2048 => writer.u16(2048).u32(0).sized(&[0; 256]),
            Self::P256 => writer.u16(3).u16(ALG_NULL).sized(&[0; 32]).sized(&[0; 32]),
        }
        .finish()
    }
}

/// PolicySecret of the endorsement hierarchy, with SHA-256 (EK Credential Profile §B.6.2).
const ENDORSEMENT_POLICY: [u8; 32] = [
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7,
    0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_have_names_and_labels_a_length() {
        for algorithm in TpmAlgorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(*algorithm));
        }
        assert_eq!("ed25519".parse::<TpmAlgorithm>(), Err(UnknownAlgorithm));
        assert!(Template::new(TpmAlgorithm::P256, Usage::Sign, &"x".repeat(32)).is_ok());
        assert_eq!(Template::new(TpmAlgorithm::P256, Usage::Sign, &"x".repeat(33)), Err(LabelTooLong));
    }

    #[test]
    fn templates_of_different_keys_differ() {
        let mut seen = std::collections::BTreeSet::new();
        for algorithm in TpmAlgorithm::ALL {
            for usage in [Usage::Sign, Usage::SignAndDecrypt, Usage::Attest] {
                for label in ["", "a", "b"] {
                    assert!(
                        seen.insert(Template::new(*algorithm, usage, label).unwrap().octets(&Secret::empty()).unwrap())
                    );
                }
            }
        }
        for kind in EndorsementKind::ALL {
            assert!(seen.insert(kind.octets().unwrap()));
        }
    }
}

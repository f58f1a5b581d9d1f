//! The kinds of keys that are made.

use std::{fmt, str::FromStr};

use super::{KeyType, PublicKey};

/// What a new key is to be. The names are those of `sztp key create --algorithm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeySpec {
    /// NIST P-256: what everything can work with.
    #[default]
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// RSA with a modulus of 2048 bits: for devices that know nothing else.
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
    /// Ed25519: for the audit log and its witnesses.
    Ed25519,
}

impl KeySpec {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::P256, Self::P384, Self::P521, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::Ed25519];

    /// Which kind a key is of; `None` for RSA of other lengths, or for PSS alone.
    #[must_use]
    pub fn of(key: &PublicKey) -> Option<Self> {
        match (key.key_type(), key.rsa_modulus_bits()) {
            (KeyType::P256, _) => Some(Self::P256),
            (KeyType::P384, _) => Some(Self::P384),
            (KeyType::P521, _) => Some(Self::P521),
            (KeyType::Ed25519, _) => Some(Self::Ed25519),
            (KeyType::Rsa, Some(bits)) => Self::ALL.into_iter().find(|it| it.rsa_bits() == Some(bits)),
            (KeyType::Rsa | KeyType::RsaPss, _) => None,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::P521 => "p521",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::Ed25519 => "ed25519",
        }
    }

    /// How many bits an RSA modulus has; none for other kinds.
    #[must_use]
    pub const fn rsa_bits(self) -> Option<usize> {
        match self {
            Self::Rsa2048 => Some(2048),
            Self::Rsa3072 => Some(3072),
            Self::Rsa4096 => Some(4096),
            Self::P256 | Self::P384 | Self::P521 | Self::Ed25519 => None,
        }
    }
}

impl fmt::Display for KeySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeySpec {
    type Err = UnknownKeySpec;

    fn from_str(text: &str) -> Result<Self, UnknownKeySpec> {
        Self::ALL.into_iter().find(|spec| spec.name() == text).ok_or(UnknownKeySpec)
    }
}

/// No such kind of key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such kind of key: p256, p384, p521, rsa2048, rsa3072, rsa4096 and ed25519 are made")]
pub struct UnknownKeySpec;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_name_and_the_refusal_lists_them() {
        for spec in KeySpec::ALL {
            assert_eq!(spec.to_string().parse(), Ok(spec));
            assert!(UnknownKeySpec.to_string().contains(spec.name()));
        }
        assert_eq!("P-256".parse::<KeySpec>(), Err(UnknownKeySpec));
    }
}

//! Certificates in a TPM, by name: `tpm2-nv:0x01c90000`.

use std::{fmt, str::FromStr};

use crate::key::{TpmAddress, TpmAddressError};

/// Certificates in the NV memory of a TPM: `tpm2-nv:0x01c90000`, or `tpm2-nv:0x01c90000?tpm=ADDRESS` in another TPM than the
/// machine's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NvAddress {
    /// Which TPM.
    pub tpm: TpmAddress,
    /// The index, `0x01000000` to `0x01ffffff`.
    pub index: u32,
}

impl NvAddress {
    /// How the text of one begins.
    pub const SCHEME: &str = "tpm2-nv:";

    /// Where the TCG puts the IDevID certificate (TPM 2.0 Keys for Device Identity and Attestation).
    pub const IDEVID: u32 = 0x01c9_0000;
}

impl FromStr for NvAddress {
    type Err = NvAddressError;

    fn from_str(text: &str) -> Result<Self, NvAddressError> {
        let wrong = || NvAddressError::Index { found: text.to_owned() };
        let (index, tpm) = TpmAddress::split(text.strip_prefix(Self::SCHEME).ok_or_else(wrong)?)?;
        let digits = index.strip_prefix("0x").filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let index = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let index = index.filter(|index| index >> 24 == 0x01).ok_or_else(wrong)?;
        Ok(Self { tpm, index })
    }
}

impl fmt::Display for NvAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:#010x}", Self::SCHEME, self.index)?;
        match &self.tpm {
            TpmAddress::Machine => Ok(()),
            other => write!(f, "?tpm={other}"),
        }
    }
}

/// A text names nothing in the NV memory of a TPM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NvAddressError {
    /// No such index.
    #[error(
        "expected `tpm2-nv:` and an index from 0x01000000 to 0x01ffffff, not `{found}`; the IDevID's is 0x01c90000"
    )]
    Index {
        /// What was found instead.
        found: String,
    },
    /// No such TPM.
    #[error(transparent)]
    Address(#[from] TpmAddressError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read_and_shown() {
        for text in ["tpm2-nv:0x01c90000", "tpm2-nv:0x01ffffff?tpm=/run/data", "tpm2-nv:0x01000000?tpm=[::1]:1"] {
            assert_eq!(text.parse::<NvAddress>().unwrap().to_string(), text);
        }
        let wrong = ["tpm2:0x01c90000", "tpm2-nv:0x81000000", "tpm2-nv:01c90000", "tpm2-nv:0x", "tpm2-nv:0x+1c90000"];
        for text in wrong {
            assert!(matches!(text.parse::<NvAddress>(), Err(NvAddressError::Index { .. })), "{text}");
        }
        assert!(matches!("tpm2-nv:0x01c90000?tpm=x".parse::<NvAddress>(), Err(NvAddressError::Address(_))));
    }
}

//! Keys that a TPM keeps under a handle.

use std::{fmt, str::FromStr};

/// The handle of a key that a TPM keeps over a restart (TPM 2.0 Part 2 §7.4: 0x81000000 to 0x81FFFFFF).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TpmHandle(u32);

impl TpmHandle {
    /// Takes a handle, if it is a persistent one.
    #[must_use]
    pub const fn new(handle: u32) -> Option<Self> {
        if handle >> 24 == 0x81 { Some(Self(handle)) } else { None }
    }

    /// As the TPM's commands want it.
    #[must_use]
    pub const fn value(self) -> u32 {
        self.0
    }
}

impl FromStr for TpmHandle {
    type Err = TpmHandleError;

    fn from_str(text: &str) -> Result<Self, TpmHandleError> {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or_default();
        // `from_str_radix` takes a sign.
        let handle = match digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            true => u32::from_str_radix(digits, 16).ok(),
            false => None,
        };
        handle.and_then(Self::new).ok_or_else(|| TpmHandleError { found: text.to_owned() })
    }
}

impl fmt::Display for TpmHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

/// Not the handle of a key that a TPM keeps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`tpm2:` wants the persistent handle of a key, 0x81000000 to 0x81ffffff, and not `{found}`; \
     `tpm2_getcap handles-persistent` lists those of a TPM"
)]
pub struct TpmHandleError {
    /// What was found instead.
    pub found: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_persistent_handles_are_taken() {
        assert_eq!("0x81000001".parse::<TpmHandle>().unwrap().value(), 0x8100_0001);
        assert_eq!("0X81FFFFFF".parse::<TpmHandle>().unwrap().to_string(), "0x81ffffff");
        for wrong in ["", "0x", "81000001", "0x80000001", "0x82000000", "0x+1000001", "0x8100000100", "0x81 00001"] {
            let error = wrong.parse::<TpmHandle>().unwrap_err();
            assert!(error.to_string().contains(&format!("not `{wrong}`")), "{error}");
        }
    }
}

//! Keys that a TPM keeps under a handle.

use std::{fmt, path::PathBuf, str::FromStr};

/// Where a TPM 2.0 is. Its text is a path or `host:port`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum TpmAddress {
    /// The machine's own: `/dev/tpmrm0`, where the kernel shares it out, or else `/dev/tpm0`.
    #[default]
    Machine,
    /// A character device, or the Unix socket of an emulator's data channel.
    Path(PathBuf),
    /// The data channel of an emulator: `host:port`.
    Tcp(String),
}

impl TpmAddress {
    /// Divides `HANDLE?tpm=ADDRESS`, of which the second part may be missing.
    ///
    /// # Errors
    /// [`TpmAddressError`] when the address is neither a path nor `host:port`.
    pub fn split(text: &str) -> Result<(&str, Self), TpmAddressError> {
        match text.split_once("?tpm=") {
            None => Ok((text, Self::Machine)),
            Some((handle, path)) if path.contains('/') => Ok((handle, Self::Path(path.into()))),
            Some((handle, tcp)) if tcp.contains(':') => Ok((handle, Self::Tcp(tcp.to_owned()))),
            Some((_, other)) => Err(TpmAddressError { found: other.to_owned() }),
        }
    }
}

impl fmt::Display for TpmAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine => f.write_str("/dev/tpmrm0"),
            Self::Path(path) => path.display().fmt(f),
            Self::Tcp(address) => f.write_str(address),
        }
    }
}

/// Neither a path nor `host:port`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`?tpm=` wants the path of a device or a socket, or host:port of an emulator, and not `{found}`")]
pub struct TpmAddressError {
    /// What was found instead.
    pub found: String,
}

/// A key in a TPM: `0x81020000`, or `0x81020000?tpm=ADDRESS` in another TPM than the machine's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TpmKeyAddress {
    /// Which TPM.
    pub tpm: TpmAddress,
    /// Which key.
    pub handle: TpmHandle,
}

impl FromStr for TpmKeyAddress {
    type Err = TpmKeyAddressError;

    fn from_str(text: &str) -> Result<Self, TpmKeyAddressError> {
        let (handle, tpm) = TpmAddress::split(text)?;
        Ok(Self { tpm, handle: handle.parse()? })
    }
}

impl fmt::Display for TpmKeyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)?;
        match &self.tpm {
            TpmAddress::Machine => Ok(()),
            other => write!(f, "?tpm={other}"),
        }
    }
}

/// A text names no key of a TPM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TpmKeyAddressError {
    /// No such handle.
    #[error(transparent)]
    Handle(#[from] TpmHandleError),
    /// No such TPM.
    #[error(transparent)]
    Address(#[from] TpmAddressError),
}

/// The handle of a key that a TPM keeps over a restart (TPM 2.0 Part 2 §7.4: 0x81000000 to 0x81FFFFFF).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TpmHandle(u32);

impl TpmHandle {
    /// Where the TCG puts the IDevID's key (TPM 2.0 Keys for Device Identity and Attestation).
    pub const IDEVID: Self = Self(0x8102_0000);

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

    #[test]
    fn a_key_may_be_in_another_tpm_than_the_machines() {
        let read = |text: &str| text.parse::<TpmKeyAddress>();
        for text in
            ["0x81020000", "0x81000001?tpm=/run/tpm?tpm=x", "0x81000001?tpm=127.0.0.1:2321", "0x81ffffff?tpm=./t"]
        {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        assert_eq!(read("0x81020000").unwrap().handle, TpmHandle::IDEVID);
        for wrong in ["0x81020000?tpm=", "0x81020000?tpm=here"] {
            assert!(matches!(read(wrong), Err(TpmKeyAddressError::Address(_))), "{wrong}");
        }
        assert!(matches!(read("81020000?tpm=/dev/tpm1"), Err(TpmKeyAddressError::Handle(_))));
    }
}

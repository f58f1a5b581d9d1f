//! Where a TPM is, and what in it is meant: `tpm2:0x81020000`, `tpm2-nv:0x01c90000`.

use std::{fmt, path::PathBuf, str::FromStr};

/// Where a TPM is.
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

impl fmt::Display for TpmAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine => f.write_str("/dev/tpmrm0"),
            Self::Path(path) => path.display().fmt(f),
            Self::Tcp(address) => f.write_str(address),
        }
    }
}

/// A key in a TPM: `tpm2:0x81020000`, or `tpm2:0x81020000?tpm=ADDRESS` in another TPM than the machine's.
///
/// The address is the rest of the text: a path, or `host:port` of an emulator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyAddress {
    /// Which TPM.
    pub tpm: TpmAddress,
    /// The persistent handle, `0x81000000` to `0x81ffffff`.
    pub handle: u32,
}

impl KeyAddress {
    /// How the text of one begins.
    pub const SCHEME: &str = "tpm2:";

    /// Where the TCG puts the IDevID's key (TPM 2.0 Keys for Device Identity and Attestation §8.1).
    pub const IDEVID: u32 = 0x8102_0000;
}

impl FromStr for KeyAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (tpm, handle) = parse(text, Self::SCHEME)?;
        if handle >> 24 != 0x81 {
            return Err(AddressError::NotPersistent);
        }
        Ok(Self { tpm, handle })
    }
}

impl fmt::Display for KeyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, Self::SCHEME, self.handle, &self.tpm)
    }
}

/// Certificates in the NV memory of a TPM: `tpm2-nv:0x01c90000`, with `?tpm=ADDRESS` as in [`KeyAddress`].
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

    /// Where the TCG puts the IDevID certificate (TPM 2.0 Keys for Device Identity and Attestation §8.1).
    pub const IDEVID: u32 = 0x01c9_0000;
}

impl FromStr for NvAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (tpm, index) = parse(text, Self::SCHEME)?;
        if index >> 24 != 0x01 {
            return Err(AddressError::NotNv);
        }
        Ok(Self { tpm, index })
    }
}

impl fmt::Display for NvAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, Self::SCHEME, self.index, &self.tpm)
    }
}

fn show(f: &mut fmt::Formatter<'_>, scheme: &str, handle: u32, tpm: &TpmAddress) -> fmt::Result {
    write!(f, "{scheme}{handle:#010x}")?;
    match tpm {
        TpmAddress::Machine => Ok(()),
        other => write!(f, "?tpm={other}"),
    }
}

fn parse(text: &str, scheme: &'static str) -> Result<(TpmAddress, u32), AddressError> {
    let rest = text.strip_prefix(scheme).ok_or(AddressError::Scheme { scheme })?;
    let (handle, tpm) = match rest.split_once("?tpm=") {
        None => (rest, TpmAddress::Machine),
        Some((_, "")) => return Err(AddressError::Address),
        Some((handle, path)) if path.contains('/') => (handle, TpmAddress::Path(path.into())),
        Some((handle, tcp)) if tcp.contains(':') => (handle, TpmAddress::Tcp(tcp.to_owned())),
        Some(_) => return Err(AddressError::Address),
    };
    let digits = handle.strip_prefix("0x").filter(|digits| digits.len() <= 8 && !digits.starts_with('+'));
    let handle = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or(AddressError::Handle)?;
    Ok((tpm, handle))
}

/// Why a text names nothing in a TPM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It begins otherwise.
    #[error("expected `{scheme}0x…`")]
    Scheme {
        /// How it must begin.
        scheme: &'static str,
    },
    /// No handle in hexadecimal digits.
    #[error("expected a handle such as 0x81020000")]
    Handle,
    /// A handle of something that a restart forgets, or that is no key.
    #[error("a key that stays has a handle from 0x81000000 to 0x81ffffff")]
    NotPersistent,
    /// A handle that is no NV index.
    #[error("an NV index lies between 0x01000000 and 0x01ffffff")]
    NotNv,
    /// No path and no `host:port`.
    #[error("expected a path or host:port after `?tpm=`")]
    Address,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for text in [
            "tpm2:0x81020000",
            "tpm2:0x81000001?tpm=/run/swtpm/data",
            "tpm2:0x81000001?tpm=127.0.0.1:2321",
            "tpm2:0x81ffffff?tpm=./data",
        ] {
            assert_eq!(text.parse::<KeyAddress>().unwrap().to_string(), text);
        }
        assert_eq!("tpm2-nv:0x1C90000".parse::<NvAddress>().unwrap().to_string(), "tpm2-nv:0x01c90000");
        let key: KeyAddress = "tpm2:0x81000001?tpm=/a?tpm=b".parse().unwrap();
        assert_eq!(key.tpm, TpmAddress::Path("/a?tpm=b".into()));
    }

    #[test]
    fn what_names_nothing_is_refused_with_the_reason() {
        for (text, error) in [
            ("tpm2-nv:0x01c90000", AddressError::Scheme { scheme: "tpm2:" }),
            ("tpm2:81020000", AddressError::Handle),
            ("tpm2:0x", AddressError::Handle),
            ("tpm2:0x+1020000", AddressError::Handle),
            ("tpm2:0x081020000", AddressError::Handle),
            ("tpm2:0x80000000", AddressError::NotPersistent),
            ("tpm2:0x81020000?tpm=", AddressError::Address),
            ("tpm2:0x81020000?tpm=here", AddressError::Address),
        ] {
            assert_eq!(text.parse::<KeyAddress>(), Err(error), "{text}");
        }
        assert_eq!("tpm2-nv:0x81000000".parse::<NvAddress>(), Err(AddressError::NotNv));
    }
}

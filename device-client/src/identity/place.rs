//! Where a device's certificates are kept.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use pki::{
    certificate::Certificate,
    tpm::{NvAddress, NvAddressError},
};

use super::{IdentityFileError, certificates};

/// Where the IDevID certificate and its intermediates are. Its text is a path, or `tpm2-nv:0x01c90000`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificatePlace {
    /// A file, PEM or DER.
    File(PathBuf),
    /// The NV memory of a TPM.
    Nv(NvAddress),
}

impl CertificatePlace {
    /// The same place, a relative path being one of `folder`.
    #[must_use]
    pub fn relative_to(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(folder.join(path)),
            nv @ Self::Nv(_) => nv,
        }
    }

    /// What is there.
    ///
    /// # Errors
    /// [`IdentityFileError`], which names the place.
    pub fn read(&self) -> Result<Vec<Certificate>, IdentityFileError> {
        match self {
            Self::File(path) => certificates(path),
            Self::Nv(address) => {
                let tpm = |source| IdentityFileError::Nv { address: address.clone(), source: Box::new(source) };
                address
                    .certificates()
                    .map_err(tpm)?
                    .ok_or_else(|| IdentityFileError::Absent { address: address.clone() })
            }
        }
    }
}

impl FromStr for CertificatePlace {
    type Err = NvAddressError;

    fn from_str(text: &str) -> Result<Self, NvAddressError> {
        if text.starts_with(NvAddress::SCHEME) { text.parse().map(Self::Nv) } else { Ok(Self::File(text.into())) }
    }
}

impl From<PathBuf> for CertificatePlace {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl fmt::Display for CertificatePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Nv(address) => address.fmt(f),
        }
    }
}

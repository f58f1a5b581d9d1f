//! Keeping the certificate that was issued for the device's key.

use std::path::{Path, PathBuf};

use pki::{
    certificate::Certificate,
    identity::{IdentityError, SerialNumber},
    key::{OpenError, Signer},
    tpm::{NvOwner, Tpm, TpmError},
};

use super::{CertificatePlace, IdentityFileError, IdentityPlaces, MakeError, make::secret};
use crate::storage::{Disk, LinuxDisk};

/// A certificate is in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installed {
    /// The serial number in it.
    pub serial_number: SerialNumber,
    /// How many certificates: the device's own, and intermediates.
    pub certificates: usize,
}

/// Checks that a chain speaks for the device's key, and keeps it. This can be done again after a cut of power at any moment.
///
/// In a TPM, `belongs_to` says whether a TPM clear removes it, and the password in `owner_password_file` gives the right.
///
/// # Errors
/// [`InstallError`]; nothing is changed then.
pub fn install(
    places: &IdentityPlaces,
    chain: &[Certificate],
    belongs_to: NvOwner,
    owner_password_file: Option<&Path>,
) -> Result<Installed, InstallError> {
    let key = places.open_key()?;
    let first = chain.first().filter(|first| first.public_key() == Signer::public_key(&key));
    let Some(first) = first else {
        let issued_for_it = chain.iter().any(|it| it.public_key() == Signer::public_key(&key));
        return Err(if issued_for_it {
            InstallError::Order
        } else {
            InstallError::OtherKey { key: places.key.to_string() }
        });
    };
    let serial_number = SerialNumber::from_certificate(first)?;
    // RFC 8446 §4.4.2: each is certified by the one after it.
    if !issued_in_order(chain) {
        return Err(InstallError::Chain);
    }
    match &places.certificate {
        CertificatePlace::File(path) => {
            let text: String = chain.iter().map(Certificate::to_pem).collect();
            LinuxDisk
                .replace(path, text.as_bytes())
                .map_err(|source| InstallError::File { path: path.clone(), source })?;
        }
        CertificatePlace::Nv(address) => {
            let owner = secret(owner_password_file)?;
            Tpm::open(&address.tpm)?.keep_certificates(address.index, chain, belongs_to, &owner)?;
        }
    }
    if places.certificate.read()? != chain {
        return Err(InstallError::NotKept { place: places.certificate.clone() });
    }
    Ok(Installed { serial_number, certificates: chain.len() })
}

pub(super) fn issued_in_order(chain: &[Certificate]) -> bool {
    chain.windows(2).all(|pair| match pair {
        [child, issuer] => child.issuer() == issuer.subject() && child.verify_signature(issuer.public_key()).is_ok(),
        _ => false,
    })
}

/// A certificate was not installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// It speaks for another key.
    #[error(
        "the certificate was issued for another key than {key}: install the one that came for this device's request"
    )]
    OtherKey {
        /// Where the device's key is.
        key: String,
    },
    /// The device's own is not the first.
    #[error("the device's own certificate has to stand first, its intermediates after it")]
    Order,
    /// One is not issued by the next.
    #[error("each certificate has to be issued by the one after it: leave out what does not belong to the chain")]
    Chain,
    /// It does not name the device.
    #[error("{0}: have it issued with the device's serial number in its subject (2.5.4.5)")]
    SerialNumber(#[from] IdentityError),
    /// The key cannot be had.
    #[error(transparent)]
    Key(#[from] OpenError),
    /// The file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The TPM did not keep it.
    #[error("{source}. {}", source.remedy())]
    Tpm {
        /// Why.
        #[from]
        source: TpmError,
    },
    /// A password cannot be read.
    #[error(transparent)]
    Password(#[from] MakeError),
    /// It cannot be read again.
    #[error(transparent)]
    Read(#[from] IdentityFileError),
    /// What is read is not what was written.
    #[error("{place} does not hold what was written to it: its memory is worn out or somebody else writes to it")]
    NotKept {
        /// Where.
        place: CertificatePlace,
    },
}

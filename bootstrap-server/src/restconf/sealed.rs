//! For one device's eyes only: what it gets, encrypted to the certificate that it shows (RFC 8572 §3.4; ENC-13, SEC-16).

use conveyed_info::{
    BootstrappingData,
    cms::{SealError, SealOptions},
    make::MakeError,
};
use pki::{
    certificate::{Certificate, CertificateError},
    key::{EncryptError, SystemEntropy},
};

/// Encrypts each artifact of a signed grouping to `device`, the certificate that it shows in TLS. An envelope is another one
/// each time, also around the same artifact.
///
/// # Errors
/// [`Unsealed`], and then there is nothing to be sent: what was to be encrypted is never sent as it is.
pub(super) fn to_device(data: &BootstrappingData, device: Option<&[u8]>) -> Result<BootstrappingData, Unsealed> {
    let BootstrappingData::Signed { conveyed_information, owner_certificate, ownership_voucher } = data else {
        return Err(Unsealed::NotSigned);
    };
    let recipients = [Certificate::from_der(device.ok_or(Unsealed::NoCertificate)?)?];
    let (options, mut entropy) = (SealOptions::default(), SystemEntropy);
    Ok(BootstrappingData::Signed {
        conveyed_information: conveyed_information.encrypted_to(&recipients, options, &mut entropy)?,
        owner_certificate: owner_certificate.encrypted_to(&recipients, options, &mut entropy)?,
        ownership_voucher: ownership_voucher.encrypted_to(&recipients, options, &mut entropy)?,
    })
}

/// Why nothing was encrypted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum Unsealed {
    /// ENC-02: signed first, encrypted second.
    #[error("it is not signed")]
    NotSigned,
    /// The device did not show a certificate.
    #[error("the device showed no certificate")]
    NoCertificate,
    /// The device's certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// An envelope was not made.
    #[error(transparent)]
    Make(#[from] MakeError),
}

impl Unsealed {
    /// Whether that is for the device's certificate, and will be so the next time.
    pub(super) const fn is_the_device(&self) -> bool {
        match self {
            // ENC-06, ENC-07: a KeyUsage that does not allow it, a key that receives nothing.
            Self::NoCertificate
            | Self::Certificate(_)
            | Self::Make(MakeError::Seal(SealError::KeyUsage(_) | SealError::KeyType(_))) => true,
            Self::Make(MakeError::Seal(SealError::Key(error))) => !matches!(error, EncryptError::NoEntropy(_)),
            Self::NotSigned | Self::Make(_) => false,
        }
    }
}

//! Voucher requests as a registrar puts them together (RFC 8995 §5.5): the owner's side.

use pki::{certificate::Certificate, identity::SerialNumber, time::Timestamp};

use super::{Freshness, Nonce, VoucherRequestDocument, idevid_issuer};
use crate::{
    DocumentError, OwnershipVoucher, SignedVoucherRequest,
    cms::{CmsError, SignedData},
    profile::InputProfile,
};

impl VoucherRequestDocument {
    /// Asks for a voucher for a device that authenticated with `idevid`. The serial number is the one that was read from
    /// that certificate, by its manufacturer's rule: never what the device says elsewhere (RFC 8995 §5.5; MAS-03).
    #[must_use]
    pub fn for_device(
        serial_number: SerialNumber,
        idevid: &Certificate,
        nonce: Option<Nonce>,
        created_on: Timestamp,
    ) -> Self {
        Self {
            freshness: nonce.map_or(Freshness::Unlimited, Freshness::Nonce),
            // BIS-08: tells devices of one serial number apart.
            idevid_issuer: idevid_issuer(idevid),
            ..Self::new(serial_number, created_on)
        }
    }

    /// Puts the request that the device signed inside, and asks for its nonce (RFC 8995 §5.5; MAS-06). Devices of RFC 8572
    /// sign none. The serial number stays what it is.
    ///
    /// # Errors
    /// [`AskingError`] when `idevid` did not sign it, or it cannot be read.
    pub fn around(
        self,
        prior: &SignedVoucherRequest,
        idevid: &Certificate,
        profile: InputProfile,
    ) -> Result<Self, AskingError> {
        let signed = SignedData::from_der(prior.der())?;
        let signer = signed.verify_signer_as(idevid)?;
        let inner = Self::from_json_with(signer.content, profile)?.value;
        let freshness = inner.nonce().map_or(Freshness::Unlimited, |nonce| Freshness::Nonce(nonce.clone()));
        Ok(Self { freshness, prior_signed_voucher_request: Some(prior.der().to_vec()), ..self })
    }

    /// Asks that this voucher be renewed (RFC 8995 §5.5.1; BIS-10).
    #[must_use]
    pub fn renewing(self, voucher: &OwnershipVoucher) -> Self {
        let prior_signed_voucher_request = Some(voucher.der().to_vec());
        Self { freshness: Freshness::Unlimited, prior_signed_voucher_request, ..self }
    }
}

/// A device's request that a registrar cannot pass on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskingError {
    /// The structure or the signature.
    #[error("the device's voucher request: {0}")]
    Cms(#[from] CmsError),
    /// The document.
    #[error("the device's voucher request: {0}")]
    Document(#[from] DocumentError),
}

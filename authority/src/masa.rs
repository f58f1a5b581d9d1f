//! The MASA: the manufacturer's service that says who owns a device (RFC 8366, RFC 8572 §1.2).

use conveyed_info::{
    OwnershipVoucher,
    make::{self, MakeError},
    voucher::{Assertion, Freshness, Nonce, Voucher},
};
use pki::{certificate::Certificate, identity::SerialNumber, key::Signer, time::Timestamp};

/// How long a voucher without nonce and without a date lives, in seconds: 90 days.
const DEFAULT_LIFETIME: i64 = 90 * 24 * 60 * 60;

/// Issues vouchers with one key.
pub struct Masa {
    signer: Box<dyn Signer>,
    chain: Vec<Certificate>,
}

/// What a voucher is to say.
#[derive(Clone, Debug)]
pub struct VoucherRequest {
    /// The device.
    pub serial_number: SerialNumber,
    /// The certificate that speaks for the device's owner.
    pub pinned_domain_cert: Certificate,
    /// The device's IDevID, when its serial number alone does not name it (VCH-09).
    pub idevid: Option<Certificate>,
    /// How the voucher is bound in time.
    pub validity: Validity,
}

/// How a voucher is bound in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validity {
    /// For the one request that sent this nonce.
    Nonce(Nonce),
    /// Until this moment; `None` means 90 days. Clipped to the pinned certificate's expiry.
    Until(Option<Timestamp>),
    /// For ever. Must be asked for by name: such a voucher can never be called back.
    Unlimited,
}

impl Masa {
    /// Takes the MASA's key and its certificate chain, the signer's first.
    ///
    /// # Errors
    /// [`MasaError::KeyMismatch`] when the key is not that of the first certificate.
    pub fn new(signer: Box<dyn Signer>, chain: Vec<Certificate>) -> Result<Self, MasaError> {
        match chain.first() {
            Some(own) if own.public_key() == signer.public_key() => Ok(Self { signer, chain }),
            _ => Err(MasaError::KeyMismatch),
        }
    }

    /// Issues a voucher with the assertion `verified`.
    ///
    /// # Errors
    /// [`MasaError::PinnedExpired`] when there is no time left to be valid in, [`MasaError::NoIssuer`],
    /// [`MasaError::Make`] when signing fails.
    pub fn issue(&self, request: &VoucherRequest, now: Timestamp) -> Result<OwnershipVoucher, MasaError> {
        let pinned = &request.pinned_domain_cert;
        let freshness = match &request.validity {
            Validity::Nonce(nonce) => Freshness::Nonce(nonce.clone()),
            Validity::Unlimited => Freshness::Unlimited,
            Validity::Until(until) => {
                let until = until.unwrap_or_else(|| now.plus_seconds(DEFAULT_LIFETIME));
                // RFC 8366 §5.3 (VCH-05): not beyond the expiry of the pinned certificate.
                let expires_on = until.min(pinned.not_after());
                if expires_on <= now {
                    return Err(MasaError::PinnedExpired { expires_on, now });
                }
                Freshness::ExpiresOn { expires_on, last_renewal_date: None }
            }
        };
        let idevid_issuer = match &request.idevid {
            None => None,
            Some(idevid) => {
                // VCH-11: the full extnValue content, as RFC 8366's successor fixes it.
                let value = idevid.extensions().authority_key_identifier_value.clone();
                Some(value.ok_or(MasaError::NoIssuer)?)
            }
        };
        let voucher = Voucher {
            created_on: now,
            freshness,
            assertion: Assertion::Verified,
            serial_number: request.serial_number.clone(),
            idevid_issuer,
            pinned_domain_cert: pinned.clone(),
            domain_cert_revocation_checks: Some(false),
        };
        Ok(make::ownership_voucher(&voucher, self.signer.as_ref(), &self.chain)?)
    }

    /// The signer's certificate and those above it; the last one is the anchor that devices need.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }
}

impl std::fmt::Debug for Masa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Masa").field("chain", &self.chain).finish_non_exhaustive()
    }
}

/// A voucher could not be issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MasaError {
    /// Key and certificate do not belong together.
    #[error("the MASA's key is not the one in its certificate")]
    KeyMismatch,
    /// The voucher would have expired before it began.
    #[error("the voucher would expire on {expires_on}, and it is {now}: renew the pinned certificate first")]
    PinnedExpired {
        /// The latest expiry possible.
        expires_on: Timestamp,
        /// The present.
        now: Timestamp,
    },
    /// The IDevID names no issuer key.
    #[error("the IDevID certificate has no authority key identifier to name its issuer by")]
    NoIssuer,
    /// The artifact could not be made.
    #[error(transparent)]
    Make(#[from] MakeError),
}

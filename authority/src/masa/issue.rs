//! The key of a MASA, and what is signed with it.

use conveyed_info::{
    OwnershipVoucher,
    make::{self, MakeError},
    voucher::{Assertion, Freshness, Nonce, Voucher, idevid_issuer},
};
use pki::{certificate::Certificate, identity::SerialNumber, key::Signer, time::Timestamp};

use super::{approval::Grant, press::Press};

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

impl VoucherRequest {
    /// The document, as it is at `now`.
    ///
    /// # Errors
    /// [`MasaError::PinnedExpired`] when there is no time left to be valid in, [`MasaError::NoIssuer`].
    pub fn voucher(&self, now: Timestamp) -> Result<Voucher, MasaError> {
        let pinned = &self.pinned_domain_cert;
        let freshness = match &self.validity {
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
        let issuer_of = |idevid| idevid_issuer(idevid).ok_or(MasaError::NoIssuer);
        let idevid_issuer = self.idevid.as_ref().map(issuer_of).transpose()?;
        Ok(Voucher {
            created_on: Some(now),
            freshness,
            assertion: Assertion::Verified,
            serial_number: self.serial_number.clone(),
            idevid_issuer,
            pinned_domain_cert: pinned.clone(),
            domain_cert_revocation_checks: Some(false),
        })
    }
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

    /// Issues a voucher with the assertion `verified`, for whoever has the key and knows what they do.
    ///
    /// # Errors
    /// [`MasaError::PinnedExpired`] when there is no time left to be valid in, [`MasaError::NoIssuer`],
    /// [`MasaError::Make`] when signing fails.
    pub fn issue(&self, request: &VoucherRequest, now: Timestamp) -> Result<OwnershipVoucher, MasaError> {
        Ok(make::ownership_voucher(&request.voucher(now)?, self.signer.as_ref(), &self.chain)?)
    }

    /// Signs what was decided.
    ///
    /// # Errors
    /// [`MasaError::Make`] when signing fails.
    pub fn sign(&self, grant: &Grant) -> Result<OwnershipVoucher, MasaError> {
        Ok(make::ownership_voucher(grant.voucher(), self.signer.as_ref(), &self.chain)?)
    }

    /// Signs a voucher, for whoever has the key and has judged.
    ///
    /// # Errors
    /// [`MasaError::Make`] when signing fails.
    pub fn sign_voucher(&self, voucher: &Voucher) -> Result<OwnershipVoucher, MasaError> {
        Ok(make::ownership_voucher(voucher, self.signer.as_ref(), &self.chain)?)
    }

    /// A press for many vouchers that differ in their serial numbers alone.
    ///
    /// # Errors
    /// As [`Masa::issue`], of the first of them.
    pub fn press(&self, first: &VoucherRequest, now: Timestamp) -> Result<Press<'_>, MasaError> {
        Press::new(self.signer.as_ref(), &self.chain, &first.voucher(now)?)
    }

    /// A press for many vouchers like this one.
    ///
    /// # Errors
    /// [`MasaError::Make`] for a voucher with a nonce, which is not for many.
    pub fn press_like(&self, first: &Voucher) -> Result<Press<'_>, MasaError> {
        Press::new(self.signer.as_ref(), &self.chain, first)
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

#[cfg(test)]
mod tests {
    use conveyed_info::cms::SignedData;

    use super::*;
    use crate::{ManufacturerParty, OwnerParty};

    fn now() -> Timestamp {
        Timestamp::from_unix(1_790_000_000)
    }

    fn request(pinned: &Certificate, validity: Validity) -> VoucherRequest {
        let serial_number = SerialNumber::new("SN-0001").unwrap();
        VoucherRequest { serial_number, pinned_domain_cert: pinned.clone(), idevid: None, validity }
    }

    fn document(artifact: &OwnershipVoucher) -> Voucher {
        let signed = SignedData::from_der(artifact.der()).unwrap();
        Voucher::from_json(signed.verify_signer().unwrap().content).unwrap()
    }

    #[test]
    fn vch_05_a_voucher_never_outlives_what_it_pins() {
        let maker = ManufacturerParty::new("Maker", now()).unwrap();
        let owner = OwnerParty::new("Owner", &[], now()).unwrap();
        // The owner certificate lives two years; somebody asks for ten.
        let pinned = owner.chain.first().unwrap();
        let asked = Validity::Until(Some(now().plus_seconds(10 * 365 * 24 * 60 * 60)));
        let issued = document(&maker.masa().issue(&request(pinned, asked), now()).unwrap());
        let clipped = Freshness::ExpiresOn { expires_on: pinned.not_after(), last_renewal_date: None };
        assert_eq!(issued.freshness, clipped);
        let late = pinned.not_after().plus_seconds(1);
        let refused = maker.masa().issue(&request(pinned, Validity::Until(None)), late);
        assert!(matches!(refused, Err(MasaError::PinnedExpired { .. })));
    }

    #[test]
    fn a_voucher_without_a_wish_lives_ninety_days() {
        let maker = ManufacturerParty::new("Maker", now()).unwrap();
        let owner = OwnerParty::new("Owner", &[], now()).unwrap();
        let issued =
            document(&maker.masa().issue(&request(owner.pinned().unwrap(), Validity::Until(None)), now()).unwrap());
        let expires_on = now().plus_seconds(90 * 24 * 60 * 60);
        assert_eq!(issued.freshness, Freshness::ExpiresOn { expires_on, last_renewal_date: None });
    }

    #[test]
    fn vch_11_the_issuer_is_named_by_the_extensions_value() {
        let maker = ManufacturerParty::new("Maker", now()).unwrap();
        let owner = OwnerParty::new("Owner", &[], now()).unwrap();
        let (_, chain) = maker.device("Model", &SerialNumber::new("SN-0001").unwrap(), now()).unwrap();
        let idevid = chain.first().unwrap();
        let mut wanted = request(owner.pinned().unwrap(), Validity::Unlimited);
        wanted.idevid = Some(idevid.clone());
        let issued = document(&maker.masa().issue(&wanted, now()).unwrap());
        // A SEQUENCE whose first element is [0] keyIdentifier (RFC 5280 §4.2.1.1).
        let value = issued.idevid_issuer.unwrap();
        assert_eq!(value[..2], [0x30, u8::try_from(value.len() - 2).unwrap()]);
        assert_eq!(value[2], 0x80);
        assert!(value.ends_with(idevid.extensions().authority_key_identifier.as_deref().unwrap()));
    }

    #[test]
    fn vch_18_the_signers_chain_is_embedded_up_to_the_root() {
        let maker = ManufacturerParty::new("Maker", now()).unwrap();
        let owner = OwnerParty::new("Owner", &[], now()).unwrap();
        let wanted = request(owner.pinned().unwrap(), Validity::Unlimited);
        let signed = SignedData::from_der(maker.masa().issue(&wanted, now()).unwrap().der()).unwrap();
        assert!(maker.masa().chain().iter().all(|it| signed.certificates().contains(it)));
    }
}

//! Renewal: the same voucher with new dates (RFC 8366 §6.1; VCH-21). What is not renewed dies, which is how vouchers are
//! revoked.

use conveyed_info::voucher::{Freshness, Voucher};
use pki::time::Timestamp;

use super::{
    device::{DeviceClock, KnownDevice},
    domain::{Owner, OwnerName},
    policy::{Bound, MasaPolicy},
};

/// Renews a voucher that this MASA signed: everything stays as it was but the dates, and it lives for as long again.
///
/// `owner` is who asks, or on whose behalf it is done; `evidence_until` is until when everything known of that owner's
/// certificates holds ([`conveyed_info::verify::RegistrarRequest::evidence_until`]).
///
/// # Errors
/// [`RenewalError`].
pub fn renew(
    previous: &Voucher,
    device: &KnownDevice,
    owner: &Owner,
    policy: &MasaPolicy,
    evidence_until: Option<Timestamp>,
    now: Timestamp,
) -> Result<Voucher, RenewalError> {
    let (old, last_renewal_date) = match &previous.freshness {
        Freshness::ExpiresOn { expires_on, last_renewal_date } => (*expires_on, *last_renewal_date),
        Freshness::Nonce(_) => return Err(RenewalError::Nonced),
        Freshness::Unlimited => return Err(RenewalError::NeverExpires),
    };
    if previous.serial_number != device.serial_number
        || previous.idevid_issuer.as_deref() != device.line.serial_numbers.idevid_issuer()
    {
        return Err(RenewalError::OtherDevice);
    }
    // RFC 8366 §7.1 (VCH-23).
    if device.line.clock == DeviceClock::Absent {
        return Err(RenewalError::Clockless);
    }
    // RFC 8995 §5.5.1: the same registrar, which is to say the same domain; and the device is nobody else's since.
    if !owner.is_pinned_by(&previous.pinned_domain_cert) {
        return Err(RenewalError::PinsAnother { owner: owner.name.clone() });
    }
    if device.ownership.owner().is_some_and(|recorded| *recorded != owner.name) {
        return Err(RenewalError::PinsAnother { owner: owner.name.clone() });
    }
    // RFC 8366 §5.3: until when the MASA promised to renew.
    if let Some(last) = last_renewal_date.filter(|last| *last < now) {
        return Err(RenewalError::TooLate { last, now });
    }
    let lived = previous.created_on.map_or(policy.lifetime, |created| old.unix().saturating_sub(created.unix()));
    let pinned_until = previous.pinned_domain_cert.not_after();
    let bound = evidence_until.filter(|_| policy.bound == Bound::Evidence).unwrap_or(Timestamp::INFINITY);
    // RFC 8366 §5.3 (VCH-05); RFC 8995 §5.6 (MAS-08).
    let expires_on = now.plus_seconds(lived).min(pinned_until).min(bound);
    if expires_on <= now {
        return Err(RenewalError::NoTimeLeft { expires_on, now });
    }
    let freshness = Freshness::ExpiresOn { expires_on, last_renewal_date };
    Ok(Voucher { created_on: Some(now), freshness, ..previous.clone() })
}

/// A voucher is not renewed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenewalError {
    /// It holds a nonce: it was good for one request.
    #[error("the voucher holds a nonce, and is good for the one request that held it")]
    Nonced,
    /// It never expires.
    #[error("the voucher never expires")]
    NeverExpires,
    /// It is for another device than the one on record.
    #[error("the voucher is for another device")]
    OtherDevice,
    /// The device has no clock to see a date pass by.
    #[error("the device has no clock, so that no voucher may expire for it")]
    Clockless,
    /// It does not pin who owns the device now.
    #[error("the voucher does not pin {owner}, or the device is not theirs any more")]
    PinsAnother {
        /// On whose behalf it was to be renewed.
        owner: OwnerName,
    },
    /// Its last renewal date has passed.
    #[error("the voucher could be renewed until {last}, and it is {now}")]
    TooLate {
        /// Until when.
        last: Timestamp,
        /// The present.
        now: Timestamp,
    },
    /// The renewed one would have expired already.
    #[error("the renewed voucher would expire on {expires_on}, and it is {now}")]
    NoTimeLeft {
        /// When.
        expires_on: Timestamp,
        /// The present.
        now: Timestamp,
    },
}

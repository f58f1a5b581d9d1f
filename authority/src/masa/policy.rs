//! What a manufacturer decides about vouchers once, for all requests.

/// The rules of one MASA. The default lets nobody have a voucher who is not on record as the owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasaPolicy {
    /// Who may have a voucher for which device.
    pub claims: Claims,
    /// Whether vouchers without a nonce are issued at all.
    pub nonceless: Nonceless,
    /// What devices get that have no clock, when nobody sends their nonce.
    pub clockless: Clockless,
    /// How long a voucher without a nonce lives, in seconds. RFC 8995 §5.6 thinks of twenty minutes where devices wait; who
    /// delivers vouchers with devices wants months. (MAS-08)
    pub lifetime: i64,
    /// What else ends a voucher's life.
    pub bound: Bound,
    /// For how long after its making a voucher may be renewed, in seconds; written into it as `last-renewal-date`. `None`
    /// promises nothing, and renews as long as the owner stays the same.
    pub renewable: Option<i64>,
    /// What vouchers say in `domain-cert-revocation-checks`; `None` leaves it out (RFC 8366 §5.3; VCH-13).
    pub revocation_checks: Option<bool>,
    /// Oldest request that is answered, in seconds.
    pub request_age: i64,
    /// Whether a person must agree to each voucher.
    pub approvals: Approvals,
    /// When to ask again, in seconds, while a person has not agreed yet: at most 60 (RFC 8995 §5.6; MAS-11).
    pub retry_after: u32,
}

impl MasaPolicy {
    const DAY: i64 = 24 * 60 * 60;

    /// How far a request may come from the future, in seconds: clocks differ.
    pub(super) const CLOCK_SKEW: i64 = 300;

    /// When to ask again, within the bounds of RFC 8995 §5.6 (MAS-11).
    #[must_use]
    pub fn bounded_retry(&self) -> u32 {
        self.retry_after.clamp(1, conveyed_info::voucher::MAX_RETRY_AFTER)
    }
}

impl Default for MasaPolicy {
    fn default() -> Self {
        Self {
            claims: Claims::RecordedOwner,
            nonceless: Nonceless::Issued,
            clockless: Clockless::NonceOnly,
            lifetime: 90 * Self::DAY,
            bound: Bound::Evidence,
            renewable: None,
            revocation_checks: Some(false),
            request_age: Self::DAY,
            approvals: Approvals::None,
            retry_after: 30,
        }
    }
}

/// Who may have a voucher for which device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Claims {
    /// The owner on record. The voucher asserts `verified`.
    #[default]
    RecordedOwner,
    /// That one; and of a device that was never sold, any owner that the manufacturer knows. It does not become the owner by
    /// that, and its voucher asserts `logged`, or `proximity` where the device said so (RFC 8995 §5.5).
    AnyKnownOwner,
}

/// Whether vouchers without a nonce are issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nonceless {
    /// To registrars that authenticated (RFC 8995 §5.5.4; MAS-05).
    #[default]
    Issued,
    /// To nobody.
    Refused,
}

/// What a device without a clock gets when nobody sends its nonce. An expiring voucher is never it (RFC 8366 §7.1; VCH-23).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clockless {
    /// Nothing.
    #[default]
    NonceOnly,
    /// One voucher for its lifetime (RFC 8366 §9.1; VCH-26). It can never be called back.
    Unlimited,
}

/// What ends the life of a voucher without a nonce, beside the policy's lifetime and the pinned certificate's expiry (VCH-05).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    /// The first end of what was learnt about the registrar: its certificates, the revocation lists (RFC 8995 §5.6; MAS-08).
    #[default]
    Evidence,
    /// Nothing. For vouchers that are delivered with devices and lie on a shelf for longer than a revocation list lives.
    Nothing,
}

/// Whether a person must agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approvals {
    /// Nobody need be asked.
    #[default]
    None,
    /// Somebody who did not ask for the voucher.
    SecondPerson,
}

//! A voucher as somebody judges it who is not its device: an owner who receives it, an operator who stores it.

use pki::{certificate::Certificate, identity::SerialNumber, revocation::Evidence, time::Clock};
use verdict::{Refusal, Trace};

use super::{
    Decryption, read_voucher,
    voucher::{self, Authentic, SignerContext},
};
use crate::{
    OwnershipVoucher, Unverified, Verified,
    profile::InputProfile,
    voucher::{Freshness, Voucher},
};

/// What is known to somebody who verifies a voucher without being its device.
#[derive(Clone, Copy, Debug)]
pub struct HolderContext<'a> {
    /// The anchors that voucher signers must chain to.
    pub voucher_anchors: &'a [Certificate],
    /// The serial number of the device that the voucher is meant for, if it is known.
    pub serial_number: Option<&'a SerialNumber>,
    /// The IDevID certificate of that device, if it is at hand.
    pub idevid: Option<&'a Certificate>,
    /// Against which clock dates are judged.
    pub clock: Clock,
    /// The key that opens a voucher that is encrypted.
    pub decryption: Option<Decryption<'a>>,
    /// How far the voucher's document may depart from its module.
    pub profile: InputProfile,
    /// Revocation lists and OCSP responses that were fetched, beside what is stapled.
    pub revocation: &'a Evidence,
}

/// Verifies a voucher's form, signature, signer and dates, and, where they are known, for which device it is. Whether the
/// nonce and the assertion will do, only the device can say, and the trace notes that they were not judged.
///
/// # Errors
/// [`Refusal`], as [`super::verify`].
pub fn verify_voucher_as_holder(
    voucher: Unverified<OwnershipVoucher>,
    context: &HolderContext<'_>,
) -> Result<Verified<Voucher>, Refusal> {
    const SECTION: &str = "RFC 8572 §5.4";
    let voucher = voucher.into_inner();
    let mut trace = Trace::new();
    let clear = read_voucher(&voucher, context.decryption, &mut trace)?;
    let (signed, trace) = clear.signed_data(trace)?;
    let inputs = [clear.input()];
    let signers = SignerContext {
        anchors: context.voucher_anchors,
        idevid: context.idevid,
        clock: context.clock,
        profile: context.profile,
        revocation: context.revocation,
    };
    let (Authentic { voucher, .. }, trace) = voucher::authenticate(&signed, &signers, trace, &inputs)?;
    let mut trace = voucher::check_dates(&voucher, context.clock, trace, &inputs)?;
    trace.skipped("voucher-assertion", SECTION, format!("{}: the device's policy judges it", voucher.assertion));
    match context.serial_number {
        Some(expected) => trace = voucher::check_serial_number(&voucher, expected, trace, &inputs)?,
        None => trace.skipped("voucher-serial-number", SECTION, format!("for {}", voucher.serial_number)),
    }
    match (context.idevid, &voucher.idevid_issuer) {
        (None, Some(_)) => {
            trace.skipped(
                "voucher-idevid-issuer",
                SECTION,
                "named, and no IDevID certificate at hand to compare it with",
            );
        }
        (idevid, _) => trace = voucher::check_issuer(&voucher, idevid, trace, &inputs)?,
    }
    let nonce = match &voucher.freshness {
        Freshness::Nonce(_) => "good for the request that held this nonce, and for no other",
        Freshness::ExpiresOn { .. } | Freshness::Unlimited => "not fresh: the voucher is bound to no nonce",
    };
    trace.skipped("voucher-nonce", "RFC 8366 §5.3", nonce);
    Ok(Verified::new(voucher, trace))
}

//! Vouchers are judged before they are stored: one that devices would refuse is refused here, where somebody can mend it.

mod choice;
mod coverage;
mod service;
mod source;
mod spelling;
mod summary;

pub use choice::{Choice, choose, pins};
pub use coverage::{Awaited, Coverage, Problem, Yardstick, measure};
pub use service::{MasaAddress, MasaAddressInvalid, MasaService, Target};
pub use source::{SourceFailed, VoucherSource, Wanted};
pub use spelling::spellings;
pub use summary::{Bound, Summary};

use conveyed_info::{
    OwnershipVoucher, Unverified, Verified,
    cms::{ContentInfo, SignedData},
    profile::InputProfile,
    verify::{HolderContext, verify_voucher_as_holder},
    voucher::{Freshness, Nonce, Voucher},
};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    path::{self, Policy, Purpose},
    revocation::Evidence,
    time::{Clock, Timestamp},
};
use verdict::{Input, ReasonCode, Refusal, Trace};

use super::{DeviceId, Manufacturer, ManufacturerName};

/// What is known when a voucher comes in.
#[derive(Clone, Copy, Debug)]
pub struct Receipt<'a> {
    /// Everybody whose vouchers are taken.
    pub manufacturers: &'a [Manufacturer],
    /// Whose voucher it is said to be.
    pub manufacturer: Option<&'a ManufacturerName>,
    /// For which device it is said to be.
    pub serial_number: Option<&'a SerialNumber>,
    /// The owner certificate and those behind it, as they are served.
    pub owner: &'a [Certificate],
    /// The present.
    pub now: Timestamp,
}

/// A voucher that can be stored.
#[derive(Clone, Debug)]
pub struct Vouched {
    /// The device that it is for.
    pub device: DeviceId,
    /// What it says.
    pub voucher: Voucher,
    /// The checks that were made.
    pub trace: Trace,
}

/// Judges a voucher: it is signed under a voucher anchor of one manufacturer, is for the device it is said to be for, and
/// pins a certificate to which the owner's chains (RFC 8572 §5.4 step 1, and step 2 as far as it can be judged beforehand).
///
/// # Errors
/// [`Refusal`], with the checks up to the one that failed. Where no manufacturer was named and none fits, it is that of the
/// manufacturer that came furthest.
pub fn judge(artifact: &OwnershipVoucher, receipt: &Receipt<'_>) -> Result<Vouched, Refusal> {
    let clock = Clock::Trusted(receipt.now);
    let (mut furthest, mut found) = (None::<Refusal>, None::<(&Manufacturer, Verified<Voucher>)>);
    for manufacturer in receipt.manufacturers {
        if receipt.manufacturer.is_some_and(|named| *named != manufacturer.name) {
            continue;
        }
        let context = HolderContext {
            voucher_anchors: &manufacturer.voucher_anchors,
            serial_number: receipt.serial_number,
            idevid: None,
            clock,
            decryption: None,
            profile: InputProfile::Strict,
            revocation: Evidence::none(),
        };
        match verify_voucher_as_holder(Unverified::new(artifact.clone()), &context) {
            Ok(verified) => {
                if let Some((other, _)) = &found {
                    // Which device it is for cannot be told, and guessing would give one maker's voucher to another.
                    let detail =
                        format!("{} and {} both vouch for its signer: name one", other.name, manufacturer.name);
                    return Err(Refusal::new(ReasonCode::VoucherSignerUntrusted, detail));
                }
                found = Some((manufacturer, verified));
            }
            Err(refusal) => {
                let checks = |it: &Refusal| it.trace.checks().len();
                if furthest.as_ref().is_none_or(|it| checks(it) < checks(&refusal)) {
                    furthest = Some(refusal);
                }
            }
        }
    }
    let Some((manufacturer, verified)) = found else {
        return Err(furthest.unwrap_or_else(|| {
            let known: Vec<_> = receipt.manufacturers.iter().map(|it| it.name.as_str()).collect();
            let detail = format!("no such manufacturer here; there are: {}", known.join(", "));
            Refusal::new(ReasonCode::VoucherSignerUntrusted, detail)
        }));
    };
    let (voucher, trace) = verified.into_parts();
    let trace = pins_owner(&voucher, receipt.owner, clock, trace)?;
    let device = DeviceId { manufacturer: manufacturer.name.clone(), serial_number: voucher.serial_number.clone() };
    Ok(Vouched { device, voucher, trace })
}

/// Whether a device that sent `nonce`, or none, can follow this voucher (RFC 8366 §5.3; SRV-08): one that holds a nonce is for
/// the request that held it. Of one that cannot be read here, an encrypted one say, the device is the judge.
#[must_use]
pub fn answers(artifact: &OwnershipVoucher, nonce: Option<&Nonce>) -> bool {
    match bound_to(artifact) {
        Some(held) => nonce == Some(&held),
        None => true,
    }
}

/// The nonce that a voucher holds.
fn bound_to(artifact: &OwnershipVoucher) -> Option<Nonce> {
    match contents(artifact)?.freshness {
        Freshness::Nonce(nonce) => Some(nonce),
        Freshness::ExpiresOn { .. } | Freshness::Unlimited => None,
    }
}

/// What a voucher says that was verified before it was stored. Its signature is not looked at again.
#[must_use]
pub fn contents(artifact: &OwnershipVoucher) -> Option<Voucher> {
    let info = ContentInfo::from_der(artifact.der()).ok()?;
    let signed = SignedData::from_content_info(&info).ok()?;
    Voucher::from_json(signed.unverified_content()?).ok()
}

/// RFC 8572 §5.4 step 2a: the device will validate our owner certificate to the one that is pinned.
fn pins_owner(voucher: &Voucher, owner: &[Certificate], clock: Clock, mut trace: Trace) -> Result<Trace, Refusal> {
    const CHECK: &str = "voucher-pins-owner";
    let inputs = [Input { name: "pinned-domain-cert", sha256: voucher.pinned_domain_cert.sha256() }];
    let anchors = std::slice::from_ref(&voucher.pinned_domain_cert);
    let Some((own, intermediates)) = owner.split_first() else {
        trace.skipped(CHECK, "RFC 8572 §5.4", "no owner certificate is at hand");
        return Ok(trace);
    };
    match path::validate(own, intermediates, anchors, &Policy::new(clock, Purpose::Signing)) {
        Ok(_) => {
            trace.passed(CHECK, "RFC 8572 §5.4", &inputs);
            Ok(trace)
        }
        Err(error) => {
            let detail = format!("the voucher pins {}; {error}", voucher.pinned_domain_cert.subject());
            Err(trace.refused(CHECK, ReasonCode::OwnerNotPinned, &inputs, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use authority::{ManufacturerParty, OwnerParty};

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_system(std::time::SystemTime::now())
    }

    fn manufacturer(name: &str, party: &ManufacturerParty) -> Manufacturer {
        Manufacturer {
            voucher_anchors: party.voucher_anchors().to_vec(),
            ..Manufacturer::new(ManufacturerName::new(name).unwrap(), party.device_anchors().to_vec())
        }
    }

    #[test]
    fn a_voucher_is_stored_only_if_the_device_would_follow_it() {
        // SEC-18, SRV-08: judged as its holder can, and stored as it is.
        let (maker, other) =
            (ManufacturerParty::new("Maker", now()).unwrap(), ManufacturerParty::new("X", now()).unwrap());
        let names = ["127.0.0.1".to_owned()];
        let [owner, stranger] = ["Owner", "Stranger"].map(|name| OwnerParty::new(name, &names, now()).unwrap());
        let serial = SerialNumber::new("SN-1").unwrap();
        let pinning = |party: &OwnerParty| maker.voucher(&serial, party.pinned().unwrap(), now()).unwrap();
        let known = [manufacturer("other", &other), manufacturer("maker", &maker)];
        let receipt =
            Receipt { manufacturers: &known, manufacturer: None, serial_number: None, owner: &owner.chain, now: now() };
        let reason = |voucher: &OwnershipVoucher, receipt: &Receipt<'_>| judge(voucher, receipt).unwrap_err().reason;

        let vouched = judge(&pinning(&owner), &receipt).unwrap();
        assert_eq!(vouched.device.to_string(), "maker/SN-1");
        assert!(vouched.trace.checks().iter().any(|check| check.check == "voucher-pins-owner"));
        assert_eq!(reason(&pinning(&stranger), &receipt), ReasonCode::OwnerNotPinned);
        let another = SerialNumber::new("SN-2").unwrap();
        let named = Receipt { serial_number: Some(&another), ..receipt };
        assert_eq!(reason(&pinning(&owner), &named), ReasonCode::VoucherSerialMismatch);
        let named = Receipt { manufacturer: Some(&known[0].name), ..receipt };
        assert_eq!(reason(&pinning(&owner), &named), ReasonCode::VoucherSignerUntrusted);
        let twice = [manufacturer("maker", &maker), manufacturer("twin", &maker)];
        let refusal = judge(&pinning(&owner), &Receipt { manufacturers: &twice, ..receipt }).unwrap_err();
        assert!(refusal.detail.contains("maker and twin"), "{}", refusal.detail);
        assert_eq!(reason(&OwnershipVoucher::from_der([0x30, 0]).unwrap(), &receipt), ReasonCode::ArtifactMalformed);
        assert!(judge(&pinning(&owner), &Receipt { manufacturers: &[], ..receipt }).is_err());
    }
}

//! A voucher as somebody judges it who is not its device.

use conveyed_info::{
    OwnershipVoucher, Unverified, Verified,
    verify::{HolderContext, verify_voucher_as_holder},
    voucher::{Assertion, Freshness, Voucher},
};
use pki::identity::SerialNumber;
use verdict::{Outcome, ReasonCode, Refusal, Trace};

use crate::support::{World, nonce, now};

/// What the holder knows of the device.
#[derive(Clone, Copy)]
enum Knows<'a> {
    Nothing,
    SerialNumber(&'a SerialNumber),
    Idevid,
}

fn judge(world: &World, knows: Knows<'_>) -> Result<Verified<Voucher>, Refusal> {
    let context = HolderContext {
        voucher_anchors: &world.anchors,
        serial_number: match knows {
            Knows::SerialNumber(serial_number) => Some(serial_number),
            Knows::Nothing | Knows::Idevid => None,
        },
        idevid: matches!(knows, Knows::Idevid).then_some(&world.idevid.certificate),
        clock: world.clock,
        decryption: None,
        profile: world.profile,
        revocation: &world.fetched,
    };
    let voucher = OwnershipVoucher::from_der(world.signed_voucher()).unwrap();
    verify_voucher_as_holder(Unverified::new(voucher), &context)
}

fn skipped(trace: &Trace) -> Vec<&'static str> {
    trace.checks().iter().filter(|it| it.outcome == Outcome::Skipped).map(|it| it.check).collect()
}

#[test]
fn what_only_the_device_can_judge_is_skipped_and_said_to_be() {
    // A device would refuse this one for its nonce, its assertion and its issuer.
    let mut world = World::new();
    world.voucher.freshness = Freshness::Nonce(nonce(7));
    world.voucher.assertion = Assertion::Logged;
    world.voucher.idevid_issuer = Some(b"another".to_vec());
    let verified = judge(&world, Knows::Nothing).unwrap();
    let skipped = skipped(verified.trace());
    for check in ["voucher-assertion", "voucher-serial-number", "voucher-idevid-issuer", "voucher-nonce"] {
        assert!(skipped.contains(&check), "{check}: {skipped:?}");
    }
    assert_eq!(verified.value(), &world.voucher);
}

#[test]
fn cli_35_cli_36_what_is_known_of_the_device_is_judged() {
    let mut world = World::new();
    let (own, other) = (world.serial_number.clone(), SerialNumber::new("SN-0002").unwrap());
    judge(&world, Knows::SerialNumber(&own)).unwrap();
    let refusal = judge(&world, Knows::SerialNumber(&other)).unwrap_err();
    assert_eq!(refusal.reason, ReasonCode::VoucherSerialMismatch);
    judge(&world, Knows::Idevid).unwrap();
    world.voucher.idevid_issuer = Some(b"another".to_vec());
    assert_eq!(judge(&world, Knows::Idevid).unwrap_err().reason, ReasonCode::VoucherIssuerMismatch);
}

#[test]
fn cli_32_cli_33_signer_and_dates_are_judged_as_a_device_does() {
    let mut world = World::new();
    world.voucher.freshness = Freshness::ExpiresOn { expires_on: now(), last_renewal_date: None };
    assert_eq!(judge(&world, Knows::Nothing).unwrap_err().reason, ReasonCode::VoucherExpired);
    let mut world = World::new();
    world.anchors = vec![world.owner_ca.certificate.clone()];
    assert_eq!(judge(&world, Knows::Nothing).unwrap_err().reason, ReasonCode::VoucherSignerUntrusted);
}

//! Renewal, and that it ends when the device changes hands (RFC 8366 §6.1; RFC 8995 §5.5.1).

use authority::masa::{Bound, KnownDevice, Owner, Ownership, RenewalError, renew};
use conveyed_info::voucher::{Freshness, Voucher, VoucherRequestDocument};
use verdict::ReasonCode;

use crate::{
    clockless,
    support::{DAY, World, device, granted, name, nonced, nonceless, now, refused},
};

fn world() -> World {
    let mut world = World::new();
    world.policy.bound = Bound::Nothing;
    world.policy.renewable = Some(365 * DAY);
    world
}

/// The request for the renewal of what was issued at `now()`.
fn asks(world: &World) -> (VoucherRequestDocument, Voucher) {
    let (artifact, voucher) = world.signed(&granted(world.ask(&world.one, &nonceless())));
    let prior_signed_voucher_request = Some(artifact.der().to_vec());
    (VoucherRequestDocument { prior_signed_voucher_request, created_on: None, ..nonceless() }, voucher)
}

#[test]
fn vch_21_bis_10_a_renewed_voucher_differs_in_its_dates_alone() {
    let mut world = world();
    let (ask, old) = asks(&world);
    world.now = now().plus_seconds(100 * DAY);
    // What new vouchers are like by now.
    world.policy.revocation_checks = Some(true);
    world.policy.lifetime = DAY;
    let (_, renewed) = world.signed(&granted(world.ask(&world.one, &ask)));
    let expires_on = world.now.plus_seconds(90 * DAY);
    let last_renewal_date = Some(now().plus_seconds(365 * DAY));
    let freshness = Freshness::ExpiresOn { expires_on, last_renewal_date };
    assert_eq!(renewed, Voucher { created_on: Some(world.now), freshness, ..old });
    // With a nonce it is a new one, whatever stands inside.
    let nonced = VoucherRequestDocument { freshness: nonced().freshness, ..ask };
    assert_eq!(granted(world.ask(&world.one, &nonced)).voucher().freshness, nonced.freshness);
}

#[test]
fn vch_21_what_is_not_renewed_dies() {
    let mut world = world();
    let (ask, _) = asks(&world);
    // After the last renewal date.
    world.now = now().plus_seconds(365 * DAY + 1);
    assert_eq!(refused(world.ask(&world.one, &ask)), (ReasonCode::VoucherNotRenewable, 403));
    world.now = now().plus_seconds(DAY);
    granted(world.ask(&world.one, &ask));
    // After a transfer, neither by the old owner nor by the new one.
    world.devices = vec![device("SN-1", Ownership::Owned { by: name("two"), since: world.now })];
    assert_eq!(refused(world.ask(&world.one, &ask)), (ReasonCode::OwnershipElsewhere, 403));
    assert_eq!(refused(world.ask(&world.two, &ask)), (ReasonCode::VoucherNotRenewable, 403));
    // On its way, nobody's.
    world.devices = vec![device("SN-1", Ownership::Released { from: name("one"), to: name("two"), at: world.now })];
    assert_eq!(refused(world.ask(&world.one, &ask)), (ReasonCode::OwnershipInTransfer, 403));
}

#[test]
fn vch_21_what_cannot_be_renewed_says_why() {
    let world = world();
    let (_, old) = asks(&world);
    let (owner, device) = (world.one.owner("one"), &world.devices[0]);
    let try_with = |voucher: &Voucher, owner: &Owner, device: &KnownDevice| {
        renew(voucher, device, owner, &world.policy, None, now())
    };
    let with = |freshness: Freshness| Voucher { freshness, ..old.clone() };
    assert!(try_with(&old, &owner, device).is_ok());
    assert_eq!(try_with(&with(nonced().freshness), &owner, device), Err(RenewalError::Nonced));
    assert_eq!(try_with(&with(Freshness::Unlimited), &owner, device), Err(RenewalError::NeverExpires));
    assert_eq!(try_with(&old, &owner, &clockless("one")), Err(RenewalError::Clockless));
    let another = Voucher { idevid_issuer: Some(vec![7; 20]), ..old.clone() };
    assert_eq!(try_with(&another, &owner, device), Err(RenewalError::OtherDevice));
    // The owner's domain certificate was replaced.
    let moved = world.two.owner("one");
    assert_eq!(try_with(&old, &moved, device), Err(RenewalError::PinsAnother { owner: name("one") }));
    // VCH-05: never beyond what is pinned.
    let far = world.one.root.not_after().plus_seconds(-10);
    let last = renew(&old, device, &owner, &Default::default(), None, far);
    assert!(matches!(last, Err(RenewalError::TooLate { .. })));
    let endless = with(Freshness::ExpiresOn { expires_on: now().plus_seconds(DAY), last_renewal_date: None });
    let renewed = renew(&endless, device, &owner, &Default::default(), None, far).unwrap();
    let expires_on = far.plus_seconds(10);
    assert_eq!(renewed.freshness, Freshness::ExpiresOn { expires_on, last_renewal_date: None });
}

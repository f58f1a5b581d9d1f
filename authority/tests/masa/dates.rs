//! How vouchers are bound in time.

use authority::masa::{Bound, Clockless, Nonceless, Owners};
use conveyed_info::voucher::{Freshness, VoucherRequestDocument};
use pki::time::Timestamp;
use verdict::ReasonCode;

use crate::{
    clockless,
    support::{DAY, Site, World, granted, nonce, nonced, nonceless, now, refused},
};

fn until(days: i64) -> Freshness {
    Freshness::ExpiresOn { expires_on: now().plus_seconds(days * DAY), last_renewal_date: None }
}

fn issued(world: &World, document: &VoucherRequestDocument) -> Freshness {
    granted(world.ask(&world.one, document)).voucher().freshness.clone()
}

#[test]
fn mas_08_without_a_nonce_the_earliest_end_counts() {
    let mut world = World::new();
    // Policy says ninety days, the registrar's certificate thirty.
    assert_eq!(issued(&world, &nonceless()), until(30));
    world.policy.lifetime = 20 * 60;
    let twenty_minutes = Freshness::ExpiresOn { expires_on: now().plus_seconds(20 * 60), last_renewal_date: None };
    assert_eq!(issued(&world, &nonceless()), twenty_minutes);
    world.policy.lifetime = 90 * DAY;
    world.policy.bound = Bound::Nothing;
    assert_eq!(issued(&world, &nonceless()), until(90));
    // A wish for less is granted, one for more is not.
    for (wish, days) in [(10, 10), (1000, 90)] {
        assert_eq!(issued(&world, &VoucherRequestDocument { freshness: until(wish), ..nonceless() }), until(days));
    }
    let past = VoucherRequestDocument { freshness: until(-1), ..nonceless() };
    assert_eq!(refused(world.ask(&world.one, &past)), (ReasonCode::CertificateExpired, 403));
}

#[test]
fn vch_05_a_voucher_ends_with_what_it_pins() {
    let mut world = World::new();
    world.one = Site::new("One", 40);
    world.owners = Owners::new(vec![world.one.owner("one")]).unwrap();
    world.policy.bound = Bound::Nothing;
    assert_eq!(issued(&world, &nonceless()), until(40));
    world.now = now().plus_seconds(41 * DAY);
    let fresh = |document: VoucherRequestDocument| VoucherRequestDocument { created_on: None, ..document };
    for document in [fresh(nonced()), fresh(nonceless())] {
        assert_eq!(refused(world.ask(&world.one, &document)), (ReasonCode::CertificateExpired, 403));
    }
}

#[test]
fn vch_23_vch_26_a_device_without_a_clock_never_gets_one_that_expires() {
    let mut world = World::new();
    world.devices = vec![clockless("one")];
    let asks = [nonceless(), VoucherRequestDocument { freshness: until(10), ..nonceless() }];
    for document in &asks {
        assert_eq!(refused(world.ask(&world.one, document)), (ReasonCode::VoucherKindRefused, 403));
    }
    world.policy.clockless = Clockless::Unlimited;
    for document in &asks {
        assert_eq!(issued(&world, document), Freshness::Unlimited);
    }
    assert_eq!(issued(&world, &nonced()), Freshness::Nonce(nonce()));
}

#[test]
fn a_masa_may_issue_for_nonces_only() {
    let mut world = World::new();
    world.policy.nonceless = Nonceless::Refused;
    assert_eq!(refused(world.ask(&world.one, &nonceless())), (ReasonCode::VoucherKindRefused, 403));
    assert_eq!(issued(&world, &nonced()), Freshness::Nonce(nonce()));
}

#[test]
fn vch_16_a_last_renewal_date_stands_beside_an_expiry_alone() {
    let mut world = World::new();
    world.policy.bound = Bound::Nothing;
    world.policy.renewable = Some(365 * DAY);
    let last = |freshness: Freshness| match freshness {
        Freshness::ExpiresOn { last_renewal_date, .. } => last_renewal_date,
        Freshness::Nonce(_) | Freshness::Unlimited => None::<Timestamp>,
    };
    assert_eq!(last(issued(&world, &nonceless())), Some(now().plus_seconds(365 * DAY)));
    assert_eq!(last(issued(&world, &nonced())), None);
    // A promise that ends before the voucher does is none.
    world.policy.renewable = Some(10 * DAY);
    assert_eq!(last(issued(&world, &nonceless())), None);
}

#[test]
fn vch_13_what_policy_says_about_revocation_checks_stands_in_the_voucher() {
    let mut world = World::new();
    for checks in [None, Some(true), Some(false)] {
        world.policy.revocation_checks = checks;
        let (_, voucher) = world.signed(&granted(world.ask(&world.one, &nonced())));
        assert_eq!(voucher.domain_cert_revocation_checks, checks);
    }
}

//! A MASA decides about requests of registrars (RFC 8995 §5.5, §5.6; RFC 8366).

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod dates;
mod renewal;
mod support;

use authority::masa::{
    Approvals, Authentication, Claims, Decision, DeviceClock, KnownDevice, Ownership, Proposer, SerialNumbers,
};
use conveyed_info::{
    make,
    voucher::{Assertion, Freshness, VoucherRequestDocument, idevid_issuer},
};
use verdict::ReasonCode;

use self::support::{World, device, granted, name, nonce, nonced, nonceless, now, person, refused, serial_number};

#[test]
fn mas_06_the_owner_on_record_gets_a_voucher_with_the_nonce() {
    let world = World::new();
    let grant = granted(world.ask(&world.one, &nonced()));
    let (_, voucher) = world.signed(&grant);
    assert_eq!(voucher.freshness, Freshness::Nonce(nonce()));
    assert_eq!((voucher.assertion, voucher.serial_number), (Assertion::Verified, serial_number("SN-1")));
    assert_eq!(voucher.pinned_domain_cert, world.one.root);
    // BIS-08, VCH-13: nothing that is not needed; what policy says about revocation.
    assert_eq!((voucher.idevid_issuer, voucher.domain_cert_revocation_checks), (None, Some(false)));
    assert_eq!(grant.owner(), Some(&name("one")));
    // The trace tells all of it, from the signature on.
    let checks: Vec<_> = grant.trace().checks().iter().map(|it| it.check).collect();
    assert_eq!((checks.first(), checks.last()), (Some(&"voucher-request-form"), Some(&"voucher-freshness")));
}

#[test]
fn whoever_asks_first_does_not_get_what_is_anothers_or_nobodys() {
    let mut world = World::new();
    let [unsold, released] = [Ownership::Unsold, Ownership::Released { from: name("one"), to: name("two"), at: now() }];
    for claims in [Claims::RecordedOwner, Claims::AnyKnownOwner] {
        world.policy.claims = claims;
        world.devices = vec![device("SN-1", Ownership::Owned { by: name("one"), since: now() })];
        assert_eq!(refused(world.ask(&world.two, &nonced())), (ReasonCode::OwnershipElsewhere, 403));
        world.devices = vec![device("SN-1", released.clone())];
        for site in [&world.one, &world.two] {
            assert_eq!(refused(world.ask(site, &nonced())), (ReasonCode::OwnershipInTransfer, 403));
        }
        world.devices = Vec::new();
        assert_eq!(refused(world.ask(&world.one, &nonced())), (ReasonCode::SerialNumberUnknown, 404));
    }
    world.devices = vec![device("SN-1", unsold)];
    world.policy.claims = Claims::RecordedOwner;
    assert_eq!(refused(world.ask(&world.one, &nonced())), (ReasonCode::OwnershipUnrecorded, 403));
    // Where policy lets every known owner, the voucher does not say that ownership was verified.
    world.policy.claims = Claims::AnyKnownOwner;
    assert_eq!(*granted(world.ask(&world.two, &nonced())).voucher().assertion.as_str(), *"logged");
}

#[test]
fn a_device_that_names_its_registrar_gets_proximity_where_nothing_is_on_record() {
    let mut world = World::new();
    let (key, chain) = world.maker.device("Model", &serial_number("SN-1"), now()).unwrap();
    let by_device = VoucherRequestDocument { proximity_registrar_cert: Some(world.one.chain[0].clone()), ..nonced() };
    let prior = make::voucher_request(&by_device, &key, &chain).unwrap();
    let around = VoucherRequestDocument { prior_signed_voucher_request: Some(prior.der().to_vec()), ..nonced() };
    assert_eq!(granted(world.ask(&world.one, &around)).voucher().assertion, Assertion::Verified);
    world.devices = vec![device("SN-1", Ownership::Unsold)];
    world.policy.claims = Claims::AnyKnownOwner;
    assert_eq!(granted(world.ask(&world.one, &around)).voucher().assertion, Assertion::Proximity);
    // What a registrar writes about it does not count.
    let wished = VoucherRequestDocument { assertion: Some(Assertion::Verified), ..nonced() };
    assert_eq!(granted(world.ask(&world.one, &wished)).voucher().assertion, Assertion::Logged);
}

#[test]
fn mas_05_without_a_nonce_only_for_a_registrar_that_authenticated() {
    let world = World::new();
    let anonymous = |document| world.ask_as(&world.one, &document, Authentication::Anonymous);
    assert_eq!(refused(anonymous(nonceless())), (ReasonCode::RegistrarUnauthenticated, 403));
    granted(anonymous(nonced()));
    granted(world.ask(&world.one, &nonceless()));
    // Another owner sends on what was signed elsewhere.
    for document in [nonced(), nonceless()] {
        let decision = world.ask_as(&world.one, &document, Authentication::Tls(&world.two.tls()));
        assert_eq!(refused(decision), (ReasonCode::RegistrarUnauthenticated, 403));
    }
}

#[test]
fn mas_07_a_stale_request_is_refused() {
    let world = World::new();
    for (age, good) in [(0, true), (86_400, true), (86_401, false), (-300, true), (-301, false)] {
        let document = VoucherRequestDocument { created_on: Some(now().plus_seconds(-age)), ..nonced() };
        match world.ask(&world.one, &document) {
            Decision::Issue(_) => assert!(good, "{age}"),
            other => {
                assert_eq!(refused(other), (ReasonCode::VoucherRequestStale, 403));
                assert!(!good, "{age}");
            }
        }
    }
    granted(world.ask(&world.one, &VoucherRequestDocument { created_on: None, ..nonced() }));
}

#[test]
fn vch_09_two_lines_with_one_serial_number_are_told_apart() {
    let mut world = World::new();
    let (_, chain) = world.maker.device("Model", &serial_number("SN-1"), now()).unwrap();
    let issuer = idevid_issuer(&chain[0]).unwrap();
    let other_issuer = [&[0x30, 0x16, 0x80, 0x14][..], &[9; 20]].concat();
    let line = |issuer: &[u8], owner: &str| {
        let mut device = device("SN-1", Ownership::Owned { by: name(owner), since: now() });
        device.line.serial_numbers = SerialNumbers::Shared { idevid_issuer: issuer.to_vec() };
        device
    };
    world.devices = vec![line(&issuer, "one"), line(&other_issuer, "two")];
    assert_eq!(refused(world.ask(&world.one, &nonced())), (ReasonCode::SerialNumberAmbiguous, 400));
    let named = VoucherRequestDocument { idevid_issuer: Some(issuer.clone()), ..nonced() };
    let (_, voucher) = world.signed(&granted(world.ask(&world.one, &named)));
    assert_eq!(voucher.idevid_issuer, Some(issuer));
    // The other one's device.
    assert_eq!(refused(world.ask(&world.two, &named)), (ReasonCode::OwnershipElsewhere, 403));
    let neither = VoucherRequestDocument { idevid_issuer: Some(vec![1; 20]), ..nonced() };
    assert_eq!(refused(world.ask(&world.one, &neither)), (ReasonCode::SerialNumberUnknown, 404));
}

#[test]
fn a_second_person_agrees_before_anything_is_issued() {
    let mut world = World::new();
    world.policy.approvals = Approvals::SecondPerson;
    world.policy.retry_after = 3600;
    let Decision::Pending { proposal, retry_after } = world.ask(&world.one, &nonced()) else {
        panic!("somebody must agree")
    };
    // MAS-11.
    assert_eq!(retry_after, 60);
    assert_eq!(*proposal.by(), Proposer::Registrar(name("one")));
    let approval = proposal.approve(person("anna"), now()).unwrap();
    world.approval = Some(approval.clone());
    let grant = granted(world.ask(&world.one, &nonced()));
    assert_eq!(grant.claim(), approval.claim);
    // Not for anything else, and not for ever.
    assert!(matches!(world.ask(&world.one, &nonceless()), Decision::Pending { .. }));
    world.approval = Some(authority::masa::Approval { at: now().plus_seconds(-86_401), ..approval });
    assert!(matches!(world.ask(&world.one, &nonced()), Decision::Pending { .. }));
}

#[test]
fn an_owner_that_is_not_known_any_more_gets_nothing() {
    let world = World::new();
    let request = world.verified(world.one.sign(&nonced()));
    let none = authority::masa::Owners::default();
    let known = authority::masa::Known {
        owners: &none,
        devices: &world.devices,
        authentication: Authentication::Anonymous,
        approval: None,
        policy: &world.policy,
        now: now(),
    };
    assert_eq!(refused(authority::masa::judge(request, &known)), (ReasonCode::RegistrarUntrusted, 403));
}

fn clockless(owner: &str) -> KnownDevice {
    let mut device = device("SN-1", Ownership::Owned { by: name(owner), since: now() });
    device.line.clock = DeviceClock::Absent;
    device
}

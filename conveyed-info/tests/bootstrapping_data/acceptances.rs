//! What the engine accepts, what it makes of it, and what it says about checks it did not make.

use conveyed_info::{
    Encoding,
    cms::{ContentType, bare},
    information::{BootstrapServer, Information, RedirectInformation, TrustAnchor},
    verify::{Accepted, Source},
    voucher::{Assertion, Freshness},
};
use der::{Encode, asn1::OctetString};
use pki::time::Clock;
use rcgen::date_time_ymd;
use verdict::{Outcome, Trace};

use crate::support::{Naming, Party, Structure, World, bag_in_order, ca, end_entity, nonce, now};

fn names(trace: &Trace) -> Vec<(&'static str, Outcome)> {
    trace.checks().iter().map(|check| (check.check, check.outcome)).collect()
}

/// A redirect to one server, with the CA of `world`'s owner as its trust anchor.
fn redirect(world: &World) -> Information {
    let anchor = TrustAnchor::new(std::slice::from_ref(&world.owner_ca.certificate)).unwrap();
    let server = BootstrapServer { address: "sztp.example.net".into(), port: 8443, trust_anchor: Some(anchor) };
    RedirectInformation::new(vec![server]).unwrap().into()
}

fn is_the_onboarding_of(world: &World, accepted: &Accepted) -> bool {
    matches!((accepted, &world.information), (Accepted::Onboarding(a), Information::Onboarding(b)) if a == b)
}

#[test]
fn signed_data_that_is_in_order_leaves_a_trace_of_every_check() {
    let world = World::new();
    let verified = world.verify().unwrap();
    assert!(is_the_onboarding_of(&world, verified.value()));
    let expected = [
        ("voucher-signature", Outcome::Passed),
        ("voucher-signer", Outcome::Passed),
        ("voucher-signer-revocation", Outcome::Skipped),
        ("voucher-document", Outcome::Passed),
        ("voucher-dates", Outcome::Passed),
        ("voucher-assertion", Outcome::Passed),
        ("voucher-serial-number", Outcome::Passed),
        ("voucher-idevid-issuer", Outcome::Skipped),
        ("voucher-nonce", Outcome::Skipped),
        ("owner-certificate-path", Outcome::Passed),
        ("owner-certificate-revocation", Outcome::Skipped),
        ("conveyed-information-signature", Outcome::Passed),
        ("conveyed-information-document", Outcome::Passed),
        ("conveyed-information-freshness", Outcome::Skipped),
    ];
    assert_eq!(names(verified.trace()), expected);
    let explained = verified.trace().checks().iter().all(|it| it.outcome == Outcome::Passed || it.note.is_some());
    assert!(explained, "every skipped check says why");
    assert!(verified.trace().checks().iter().all(|it| it.section.starts_with("RFC ")));
}

#[test]
fn sec_18_older_information_counts_and_the_trace_says_that_it_is_not_fresh() {
    let mut world = World::new();
    world.nonce = Some(nonce(1));
    world.voucher.freshness = Freshness::Nonce(nonce(1));
    let verified = world.verify().unwrap();
    let check = verified.trace().checks().last().unwrap();
    assert_eq!((check.check, check.outcome), ("conveyed-information-freshness", Outcome::Skipped));
    assert!(check.note.as_deref().unwrap().starts_with("not-fresh"), "a nonce binds the voucher alone");
}

#[test]
fn sec_03_a_voucher_from_before_the_bound_counts_and_is_noted() {
    let mut world = World::new();
    let note = |world: &World| {
        let verified = world.verify().unwrap();
        verified.trace().checks().iter().find(|it| it.check == "voucher-dates").unwrap().note.clone().unwrap()
    };
    world.clock = Clock::Untrusted { at_least: now() };
    assert!(note(&world).ends_with("created on 2026-05-31T23:59:00Z, before that bound"), "{}", note(&world));
    world.clock = Clock::Untrusted { at_least: now().plus_seconds(-60) };
    assert!(note(&world).ends_with("dates are not judged"), "{}", note(&world));
}

#[test]
fn art_19_art_15_the_order_and_the_rest_of_the_bag_say_nothing() {
    let mut world = World::new();
    let intermediate = world.owner_ca.issue(ca("intermediate"));
    world.owner = intermediate.issue(end_entity("owner"));
    // DER sorts a SET by length first: one other end entity comes before the owner, one behind.
    let [shorter, longer] = ["a", "a longer name"].map(|name| intermediate.issue(end_entity(name)).certificate);
    let owner = world.owner.certificate.clone();
    let mut bag = [&owner, &intermediate.certificate, &shorter, &longer, &world.owner_ca.certificate];
    let mut orders = Vec::new();
    for _ in 0..bag.len() {
        bag.rotate_left(1);
        orders.push(bag_in_order(&bag));
        bag.swap(0, 1);
        orders.push(bag_in_order(&bag));
        bag.swap(0, 1);
    }
    for order in orders {
        world.instead.owner_certificate = Some(order);
        assert!(is_the_onboarding_of(&world, world.verify().unwrap().value()));
    }
}

#[test]
fn art_25_the_pinned_certificate_may_be_the_owner_certificate_itself() {
    let mut world = World::new();
    world.owner = Party::root(end_entity("self-signed owner"));
    world.voucher.pinned_domain_cert = world.owner.certificate.clone();
    world.bag = vec![world.owner.certificate.clone()];
    let path = |world: &World| world.verify().map(|it| is_the_onboarding_of(world, it.value()));
    assert_eq!(path(&world), Ok(true));
    // VCH-12: pinned although a CA issued it.
    world.owner = world.owner_ca.issue(end_entity("leaf"));
    world.voucher.pinned_domain_cert = world.owner.certificate.clone();
    world.bag = vec![world.owner.certificate.clone()];
    assert_eq!(path(&world), Ok(true));
}

#[test]
fn cli_36_vch_11_an_issuer_is_matched_in_all_three_forms() {
    let mut world = World::new();
    let extensions = world.idevid.certificate.extensions().clone();
    let value = extensions.authority_key_identifier_value.unwrap();
    let wrapped = OctetString::new(value.clone()).unwrap().to_der().unwrap();
    for form in [value, extensions.authority_key_identifier.unwrap(), wrapped] {
        world.voucher.idevid_issuer = Some(form);
        let verified = world.verify().unwrap();
        assert!(names(verified.trace()).contains(&("voucher-idevid-issuer", Outcome::Passed)));
    }
}

#[test]
fn cli_24_a_voucher_with_the_nonce_that_was_sent() {
    let mut world = World::new();
    world.voucher.freshness = Freshness::Nonce(nonce(1));
    world.nonce = Some(nonce(1));
    let verified = world.verify().unwrap();
    assert!(names(verified.trace()).contains(&("voucher-nonce", Outcome::Passed)));
    // A nonce was sent and the voucher has none: older but valid, and the trace says so.
    world.voucher.freshness = Freshness::Unlimited;
    let verified = world.verify().unwrap();
    let check = verified.trace().checks().iter().find(|it| it.check == "voucher-nonce").unwrap();
    assert!(check.outcome == Outcome::Skipped && check.note.as_deref().unwrap().starts_with("not fresh"));
}

#[test]
fn cli_34_the_policy_decides_which_assertions_do() {
    let mut world = World::new();
    world.assertions = vec![Assertion::Verified, Assertion::Logged];
    world.voucher.assertion = Assertion::Logged;
    world.verify().unwrap();
}

#[test]
fn dev_14_sec_01_without_a_trusted_clock_dates_are_skipped_and_the_trace_says_so() {
    let mut world = World::new();
    let mut expired = end_entity("owner");
    expired.not_after = date_time_ymd(2020, 1, 1);
    world.owner = world.owner_ca.issue(expired);
    world.bag = vec![world.owner.certificate.clone()];
    world.voucher.created_on = Some(now().plus_seconds(3600));
    world.voucher.freshness = Freshness::ExpiresOn { expires_on: now().plus_seconds(-3600), last_renewal_date: None };
    world.voucher.domain_cert_revocation_checks = Some(true);
    world.clock = Clock::Untrusted { at_least: now() };
    let verified = world.verify().unwrap();
    for name in ["voucher-dates", "owner-certificate-revocation"] {
        let check = verified.trace().checks().iter().find(|it| it.check == name).unwrap();
        assert_eq!(check.outcome, Outcome::Skipped, "{name}");
        assert!(check.note.as_deref().unwrap().contains("clock untrusted"), "{name}");
    }
}

#[test]
fn vch_16_a_past_renewal_date_means_nothing_to_a_device() {
    let mut world = World::new();
    let (expires_on, last_renewal_date) = (now().plus_seconds(60), Some(now().plus_seconds(-60)));
    world.voucher.freshness = Freshness::ExpiresOn { expires_on, last_renewal_date };
    world.verify().unwrap();
}

#[test]
fn vch_13_revocation_checks_that_must_not_be_made_are_not() {
    let mut world = World::new();
    world.voucher.domain_cert_revocation_checks = Some(false);
    let verified = world.verify().unwrap();
    assert!(names(verified.trace()).contains(&("owner-certificate-revocation", Outcome::Skipped)));
}

#[test]
fn art_05_art_20_art_29_other_legal_forms_of_signed_data() {
    let mut world = World::new();
    let (voucher, information) = (world.voucher.to_json(), world.information.encode(Encoding::Json));
    let naming = [Naming::IssuerAndSerialNumber, Naming::KeyIdentifier];
    let types =
        [(ContentType::AnimaJsonVoucher, ContentType::ConveyedInfoJson), (ContentType::Data, ContentType::Data)];
    for naming in naming {
        for (of_voucher, of_information) in types {
            world.instead.ownership_voucher =
                Some(Structure { naming, ..Structure::new(of_voucher, &voucher, &world.masa) }.encode());
            world.instead.conveyed_information =
                Some(Structure { naming, ..Structure::new(of_information, &information, &world.owner) }.encode());
            assert!(is_the_onboarding_of(&world, world.verify().unwrap().value()));
        }
    }
    // ART-26: id-data, and only id-data, may go without signed attributes.
    let bare_signature = Structure { attributes: None, ..Structure::new(ContentType::Data, &voucher, &world.masa) };
    world.instead.ownership_voucher = Some(bare_signature.encode());
    world.verify().unwrap();
}

#[test]
fn the_signer_may_leave_its_certificate_out_of_the_conveyed_information() {
    // It comes in the owner certificate artifact anyway.
    let mut world = World::new();
    let document = world.information.encode(Encoding::Json);
    let lean =
        Structure { certificates: vec![], ..Structure::new(ContentType::ConveyedInfoJson, &document, &world.owner) };
    world.instead.conveyed_information = Some(lean.encode());
    world.verify().unwrap();
}

#[test]
fn a_signer_inside_the_owner_certificate_artifact_is_ignored() {
    // wire-level habit of one maker: the bag is signed by somebody.
    let mut world = World::new();
    let stranger = Party::root(end_entity("somebody"));
    let mut signed_bag = Structure::new(ContentType::Data, b"", &stranger);
    signed_bag.certificates.push(&world.owner.certificate);
    world.instead.owner_certificate = Some(signed_bag.encode());
    world.verify().unwrap();
}

#[test]
fn a_signed_redirect_is_trusted_with_its_anchors() {
    let mut world = World::new();
    world.information = redirect(&world);
    let verified = world.verify().unwrap();
    let Accepted::TrustedRedirect(redirect) = verified.value() else { panic!("{verified:?}") };
    let anchor = redirect.servers()[0].trust_anchor.as_ref().unwrap();
    assert_eq!(anchor.lowest(), Some(&world.owner_ca.certificate));
}

#[test]
fn cli_45_an_unsigned_redirect_is_worth_what_its_source_is() {
    let mut world = World::new();
    let der = bare(ContentType::ConveyedInfoJson, &redirect(&world).encode(Encoding::Json)).unwrap();
    let verified = world.verify_alone(der.clone()).unwrap();
    let Accepted::ProvisionalRedirect(provisional) = verified.value() else { panic!("{verified:?}") };
    assert_eq!((provisional.servers()[0].address.as_str(), provisional.servers()[0].port), ("sztp.example.net", 8443));
    assert_eq!(provisional.servers()[0].trust_anchor, None);

    world.source = Source::TrustedServer;
    let verified = world.verify_alone(der).unwrap();
    let Accepted::TrustedRedirect(trusted) = verified.value() else { panic!("{verified:?}") };
    assert!(trusted.servers()[0].trust_anchor.is_some());
}

#[test]
fn cli_15_cli_16_unsigned_onboarding_information_from_a_trusted_server() {
    // ART-03, ART-08: under its own content type or id-data.
    let mut world = World::new();
    world.source = Source::TrustedServer;
    for content_type in [ContentType::ConveyedInfoJson, ContentType::Data] {
        let der = bare(content_type, &world.information.encode(Encoding::Json)).unwrap();
        let verified = world.verify_alone(der).unwrap();
        assert!(is_the_onboarding_of(&world, verified.value()));
        let expected = [("conveyed-information-document", Outcome::Passed), ("unsigned-data-source", Outcome::Passed)];
        assert_eq!(names(verified.trace()), expected);
    }
}

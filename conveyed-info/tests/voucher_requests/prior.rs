//! What a registrar's request is built upon: the device's own request, or a voucher to be renewed.

use conveyed_info::{
    make,
    verify::{Prior, Proximity},
    voucher::{Assertion, Freshness, Voucher, VoucherRequestDocument},
};
use verdict::ReasonCode;

use crate::support::{Party, World, nonce, now, serial_number};

#[test]
fn mas_03_the_serial_number_is_that_of_the_devices_certificate() {
    let world = World::new();
    let good = world.device.sign(&world.document()).unwrap();
    let verified = world.judge(&world.around(&good)).unwrap();
    let Prior::Device { idevid, proximity } = verified.value().prior() else { panic!("the device signed it") };
    assert_eq!((idevid, *proximity), (world.device.certificate(), Proximity::NotClaimed));

    let other = world.devices.device("SN-2");
    let says_sn_2 = VoucherRequestDocument { serial_number: serial_number("SN-2"), ..world.document() };
    for (signer, document) in [
        // Another device writes the serial number that is asked for.
        (&other, &world.document()),
        // The right device writes another one.
        (&world.device, &says_sn_2),
        // A certificate without any.
        (&world.devices.certify("Nobody", |_| ()), &world.document()),
    ] {
        let refused = world.judge(&world.around(&signer.sign(document).unwrap())).unwrap_err();
        assert_eq!(refused.reason, ReasonCode::PriorRequestMismatch, "{refused}");
    }
    let foreign = Party::ca("Devices").device("SN-1");
    let refused = world.judge(&world.around(&foreign.sign(&world.document()).unwrap())).unwrap_err();
    assert_eq!(refused.reason, ReasonCode::IdevidUntrusted);
}

#[test]
fn mas_06_the_nonce_is_the_devices() {
    let world = World::new();
    let with = |freshness: Freshness| VoucherRequestDocument { freshness, ..world.document() };
    for inner in [with(Freshness::Nonce(nonce(8))), with(Freshness::Unlimited)] {
        let refused = world.judge(&world.around(&world.device.sign(&inner).unwrap())).unwrap_err();
        assert_eq!(refused.reason, ReasonCode::PriorRequestMismatch, "{refused}");
        assert!(refused.detail.contains("nonce"), "{refused}");
    }
    // RFC 8995 §5.5.6: a registrar may ask for a voucher without one.
    let prior = world.device.sign(&world.document()).unwrap();
    let nonceless = with(Freshness::Unlimited);
    let nonceless = VoucherRequestDocument { prior_signed_voucher_request: Some(prior.der().to_vec()), ..nonceless };
    let verified = world.judge(&world.registrar.sign(&nonceless).unwrap()).unwrap();
    assert_eq!(verified.value().document().nonce(), None);
}

#[test]
fn a_device_that_spoke_with_another_registrar_is_not_spoken_for() {
    let world = World::new();
    let named = |certificate: Option<&Party>| {
        let proximity_registrar_cert = certificate.map(|it| it.certificate().clone());
        let assertion = Some(Assertion::Proximity);
        let document = VoucherRequestDocument { proximity_registrar_cert, assertion, ..world.document() };
        world.judge(&world.around(&world.device.sign(&document).unwrap()))
    };
    let server = world.domain.certify("TLS server of the domain", |_| ());
    for good in [&world.registrar, &server] {
        let verified = named(Some(good)).unwrap();
        assert!(matches!(verified.value().prior(), Prior::Device { proximity: Proximity::Proven, .. }));
    }
    let between = Party::ca("Somebody between").registrar("Registrar");
    assert_eq!(named(Some(&between)).unwrap_err().reason, ReasonCode::PriorRequestMismatch);
}

#[test]
fn bis_10_a_voucher_of_this_masa_may_stand_in_the_place_of_a_request() {
    let world = World::new();
    let voucher = Voucher {
        created_on: Some(now().plus_seconds(-7200)),
        // Expired: that is what is to be mended.
        freshness: Freshness::ExpiresOn { expires_on: now().plus_seconds(-3600), last_renewal_date: None },
        assertion: Assertion::Verified,
        serial_number: serial_number("SN-1"),
        idevid_issuer: None,
        pinned_domain_cert: world.domain.certificate().clone(),
        domain_cert_revocation_checks: None,
    };
    let ask = |signer: &Party, voucher: &Voucher| {
        let prior = make::ownership_voucher(voucher, &signer.key, &signer.chain).unwrap();
        let prior_signed_voucher_request = Some(prior.der().to_vec());
        let document = VoucherRequestDocument { prior_signed_voucher_request, ..world.document() };
        world.judge(&world.registrar.sign(&document).unwrap())
    };
    let verified = ask(&world.masa, &voucher).unwrap();
    assert!(matches!(verified.value().prior(), Prior::Voucher(prior) if *prior == voucher));
    let other = Voucher { serial_number: serial_number("SN-2"), ..voucher.clone() };
    assert_eq!(ask(&world.masa, &other).unwrap_err().reason, ReasonCode::PriorRequestMismatch);
    // A registrar's own making.
    assert_eq!(ask(&world.registrar, &voucher).unwrap_err().reason, ReasonCode::VoucherSignerUntrusted);
}

#[test]
fn what_is_no_request_inside_is_refused() {
    let world = World::new();
    for junk in [&b""[..], b"\x30\x03\x02\x01\x01", &[0xa0; 200]] {
        let document = VoucherRequestDocument { prior_signed_voucher_request: Some(junk.to_vec()), ..world.document() };
        let refused = world.judge(&world.registrar.sign(&document).unwrap()).unwrap_err();
        assert_eq!(refused.reason, ReasonCode::VoucherRequestMalformed);
    }
}

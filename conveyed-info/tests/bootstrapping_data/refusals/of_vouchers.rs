//! Refusals of the ownership voucher: RFC 8572 §5.4, step 1.

use const_oid::db::rfc5911;
use conveyed_info::{
    cms::{ContentType, bare},
    voucher::{Assertion, Freshness, Voucher},
};
use pki::{digest::HashAlgorithm, identity::SerialNumber, time::Clock};
use rcgen::{KeyUsagePurpose, date_time_ymd};
use verdict::ReasonCode;

use super::{Case, assert_refused, last_octet_flipped, run, with_weak_algorithm};
use crate::support::{Party, Structure, World, attribute, ca, end_entity, nonce, now};

/// Signs the voucher in another way.
fn odd_voucher(world: &mut World, change: fn(&mut Structure<'_>)) {
    let document = world.voucher.to_json();
    let mut structure = Structure::new(ContentType::AnimaJsonVoucher, &document, &world.masa);
    change(&mut structure);
    let der = structure.encode();
    world.instead.ownership_voucher = Some(der);
}

#[test]
fn of_the_vouchers_form() {
    // CLI-32, VCH-17.
    const CHECK: &str = "voucher-form";
    run(&[
        Case(
            "not DER",
            |world| world.instead.ownership_voucher = Some(b"voucher".to_vec()),
            ReasonCode::ArtifactMalformed,
            CHECK,
        ),
        Case(
            "ART-01: an octet behind the end",
            |world| world.instead.ownership_voucher = Some([world.signed_voucher(), vec![0]].concat()),
            ReasonCode::ArtifactMalformed,
            CHECK,
        ),
        Case(
            "a bare document",
            |world| {
                let der = bare(ContentType::AnimaJsonVoucher, &world.voucher.to_json());
                world.instead.ownership_voucher = der.ok();
            },
            ReasonCode::ContentTypeUnexpected,
            CHECK,
        ),
        Case(
            "ART-20: the content type of conveyed information",
            |world| {
                let der = world.masa.sign(ContentType::ConveyedInfoJson, &world.voucher.to_json());
                world.instead.ownership_voucher = Some(der);
            },
            ReasonCode::ContentTypeUnexpected,
            CHECK,
        ),
    ]);
}

#[test]
fn of_the_vouchers_signature() {
    const CHECK: &str = "voucher-signature";
    run(&[
        Case(
            "VCH-17: no signer",
            |world| odd_voucher(world, |structure| structure.signers.clear()),
            ReasonCode::ArtifactMalformed,
            CHECK,
        ),
        Case(
            "two signers",
            |world| {
                let (document, second) = (world.voucher.to_json(), world.masa_root.issue(end_entity("second masa")));
                let mut structure = Structure::new(ContentType::AnimaJsonVoucher, &document, &world.masa);
                structure.signers.push(&second);
                structure.certificates.push(&second.certificate);
                let der = structure.encode();
                world.instead.ownership_voucher = Some(der);
            },
            ReasonCode::ArtifactMalformed,
            CHECK,
        ),
        Case(
            "the signer's certificate is not included",
            |world| odd_voucher(world, |structure| structure.certificates.clear()),
            ReasonCode::VoucherSignerUntrusted,
            CHECK,
        ),
        Case(
            "no content",
            |world| odd_voucher(world, |structure| structure.content = None),
            ReasonCode::ArtifactMalformed,
            CHECK,
        ),
        Case(
            "ART-26: no signed attributes",
            |world| odd_voucher(world, |structure| structure.attributes = None),
            ReasonCode::SignedAttributesInvalid,
            CHECK,
        ),
        Case(
            "ART-27: the content-type attribute names another type",
            |world| {
                odd_voucher(world, |structure| {
                    let named = attribute(rfc5911::ID_CONTENT_TYPE, &ContentType::Data.oid());
                    structure.attributes.as_mut().unwrap()[0] = named;
                });
            },
            ReasonCode::SignedAttributesInvalid,
            CHECK,
        ),
        Case(
            "ART-27: the digest is that of another document",
            |world| odd_voucher(world, |structure| structure.content = Some(b"{}")),
            ReasonCode::SignedAttributesInvalid,
            CHECK,
        ),
        Case(
            "ART-27: no message-digest attribute",
            |world| odd_voucher(world, |structure| structure.attributes.as_mut().unwrap().truncate(1)),
            ReasonCode::SignedAttributesInvalid,
            CHECK,
        ),
        Case(
            "ART-30: the digest does not go with the signature",
            |world| odd_voucher(world, |structure| structure.digest = HashAlgorithm::Sha384),
            ReasonCode::AlgorithmNotAllowed,
            CHECK,
        ),
        Case(
            "the signature is changed",
            |world| world.instead.ownership_voucher = Some(last_octet_flipped(world.signed_voucher())),
            ReasonCode::VoucherSignatureInvalid,
            CHECK,
        ),
    ]);
}

#[test]
fn of_the_vouchers_signer() {
    const CHECK: &str = "voucher-signer";
    run(&[
        Case(
            "ART-30: certified with SHA-224",
            |world| world.masa.certificate = with_weak_algorithm(&world.masa.certificate),
            ReasonCode::AlgorithmNotAllowed,
            CHECK,
        ),
        Case(
            "CLI-32: another manufacturer's MASA",
            |world| world.masa = Party::root(ca("masa root")).issue(end_entity("masa")),
            ReasonCode::VoucherSignerUntrusted,
            CHECK,
        ),
        Case("DEV-07: no anchors", |world| world.anchors.clear(), ReasonCode::VoucherSignerUntrusted, CHECK),
        Case(
            "the owner signs a voucher for itself",
            |world| world.masa = world.owner_ca.issue(end_entity("masa")),
            ReasonCode::VoucherSignerUntrusted,
            CHECK,
        ),
        Case(
            "a certificate that is not for signing",
            |world| {
                let mut params = end_entity("masa");
                params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
                world.masa = world.masa_root.issue(params);
            },
            ReasonCode::VoucherSignerUntrusted,
            CHECK,
        ),
        Case(
            "DEV-14: an expired certificate",
            |world| {
                let mut params = end_entity("masa");
                params.not_after = date_time_ymd(2026, 5, 1);
                world.masa = world.masa_root.issue(params);
            },
            ReasonCode::CertificateExpired,
            CHECK,
        ),
    ]);
}

#[test]
fn of_what_the_voucher_says() {
    run(&[
        Case(
            "not a voucher",
            |world| world.instead.ownership_voucher = Some(world.masa.sign(ContentType::AnimaJsonVoucher, b"{}")),
            ReasonCode::VoucherInvalid,
            "voucher-document",
        ),
        Case(
            "CLI-33: created in the future",
            |world| world.voucher.created_on = Some(now().plus_seconds(1)),
            ReasonCode::VoucherNotYetValid,
            "voucher-dates",
        ),
        Case(
            "CLI-33, VCH-04: expired this very second",
            |world| {
                world.voucher.freshness = Freshness::ExpiresOn { expires_on: now(), last_renewal_date: None };
            },
            ReasonCode::VoucherExpired,
            "voucher-dates",
        ),
        Case(
            "CLI-34, VCH-06: only logged",
            |world| world.voucher.assertion = Assertion::Logged,
            ReasonCode::VoucherAssertionRefused,
            "voucher-assertion",
        ),
        Case(
            "CLI-34: no assertion is accepted",
            |world| world.assertions.clear(),
            ReasonCode::VoucherAssertionRefused,
            "voucher-assertion",
        ),
        Case(
            "CLI-35, VCH-07: another device",
            |world| world.voucher.serial_number = SerialNumber::new("SN-0002").unwrap(),
            ReasonCode::VoucherSerialMismatch,
            "voucher-serial-number",
        ),
        Case(
            "CLI-35: the same letters in another case",
            |world| world.voucher.serial_number = SerialNumber::new("sn-0001").unwrap(),
            ReasonCode::VoucherSerialMismatch,
            "voucher-serial-number",
        ),
        Case(
            "CLI-36, VCH-10: another issuer",
            |world| world.voucher.idevid_issuer = Some(vec![7; 20]),
            ReasonCode::VoucherIssuerMismatch,
            "voucher-idevid-issuer",
        ),
        Case(
            "CLI-36: an empty issuer",
            |world| world.voucher.idevid_issuer = Some(Vec::new()),
            ReasonCode::VoucherIssuerMismatch,
            "voucher-idevid-issuer",
        ),
        Case(
            "CLI-24, VCH-15: a nonce, and none was sent",
            |world| world.voucher.freshness = Freshness::Nonce(nonce(1)),
            ReasonCode::VoucherNonceMismatch,
            "voucher-nonce",
        ),
        Case(
            "CLI-24, VCH-15: the nonce of another run",
            |world| {
                world.voucher.freshness = Freshness::Nonce(nonce(1));
                world.nonce = Some(nonce(2));
            },
            ReasonCode::VoucherNonceMismatch,
            "voucher-nonce",
        ),
    ]);
}

#[test]
fn bis_02_an_assertion_of_a_later_revision_is_refused_by_every_policy() {
    let mut world = World::new();
    world.assertions = Assertion::KNOWN.to_vec();
    let document = String::from_utf8(world.voucher.to_json()).unwrap().replace("\"verified\"", "\"agent-proximity\"");
    world.voucher = Voucher::from_json(document.as_bytes()).unwrap();
    let refusal = world.verify().unwrap_err();
    assert_refused("BIS-02", &refusal, ReasonCode::VoucherAssertionRefused, "voucher-assertion");
    assert!(refusal.detail.contains("agent-proximity"), "{refusal}");
}

#[test]
fn bis_09_a_voucher_in_another_signed_form_is_called_by_its_name() {
    for (artifact, name) in
        [(&b"eyJhbGciOiJFUzI1NiJ9.eyJpZXRm.AbC-_"[..], "JWS"), (b"\xd2\x84\x43\xa1\x01\x26", "COSE")]
    {
        let mut world = World::new();
        world.instead.ownership_voucher = Some(artifact.to_vec());
        let refusal = world.verify().unwrap_err();
        assert_refused("BIS-09", &refusal, ReasonCode::ArtifactMalformed, "voucher-form");
        assert!(refusal.detail.contains(name), "{refusal}");
    }
}

#[test]
fn the_refusal_of_a_date_shows_both_clocks() {
    let mut world = World::new();
    world.clock = Clock::Trusted(now().plus_seconds(120));
    let refusal = world.verify().unwrap_err();
    let both = ["2026-06-01T00:01:00Z", "2026-06-01T00:02:00Z"].iter().all(|clock| refusal.detail.contains(clock));
    assert!(both, "{refusal}");
}

#[test]
fn a_refusal_names_its_inputs_by_their_digests() {
    let mut world = World::new();
    world.voucher.assertion = Assertion::Proximity;
    let der = world.signed_voucher();
    world.instead.ownership_voucher = Some(der.clone());
    let refusal = world.verify().unwrap_err();
    let last = refusal.trace.checks().last().unwrap();
    assert_eq!(last.inputs.len(), 1);
    assert_eq!((last.inputs[0].name, last.inputs[0].sha256), ("ownership-voucher", pki::digest::sha256(&der)));
}

#[test]
fn of_a_voucher_that_another_device_of_the_maker_signed() {
    // One root over devices and MASA: every device would be a MASA for every other.
    run(&[
        Case(
            "by what issued this device's own identity",
            |world| {
                world.idevid = world.masa_root.issue(end_entity("device"));
                let other = world.masa_root.issue(end_entity("another device"));
                let der = other.sign(ContentType::AnimaJsonVoucher, &world.voucher.to_json());
                world.instead.ownership_voucher = Some(der);
            },
            ReasonCode::VoucherSignerUntrusted,
            "voucher-signer",
        ),
        Case(
            "by a device of another line",
            |world| {
                let mut params = end_entity("another device");
                params.distinguished_name.push(rcgen::DnType::from_oid(&[2, 5, 4, 5]), "SN-0002");
                let other = world.masa_root.issue(params);
                let der = other.sign(ContentType::AnimaJsonVoucher, &world.voucher.to_json());
                world.instead.ownership_voucher = Some(der);
            },
            ReasonCode::VoucherSignerUntrusted,
            "voucher-signer",
        ),
    ]);
}

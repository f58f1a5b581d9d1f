//! The voucher document in JSON: what the YANG module of RFC 8366 §5.3 allows, and what it does not.

use std::sync::LazyLock;

use conveyed_info::{
    DocumentError,
    voucher::{Assertion, Freshness, Nonce, Voucher, idevid_issuer},
};
use serde_json::{Value, json};

use crate::support::{Party, World, end_entity};

static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// A voucher with the mandatory members only, after `change`.
fn read(change: impl FnOnce(&mut Value)) -> Result<Voucher, DocumentError> {
    let voucher = Voucher { freshness: Freshness::Unlimited, ..WORLD.voucher.clone() };
    let mut document: Value = serde_json::from_slice(&voucher.to_json()).unwrap();
    change(&mut document["ietf-voucher:voucher"]);
    let read = Voucher::from_json(document.to_string().as_bytes());
    if let Ok(voucher) = &read {
        assert_eq!(Voucher::from_json(&voucher.to_json()).as_ref(), Ok(voucher), "what we write we read");
    }
    read
}

/// A voucher with these members changed or added.
fn with(members: Value) -> Result<Voucher, DocumentError> {
    read(|voucher| {
        for (name, value) in members.as_object().unwrap() {
            voucher[name.as_str()] = value.clone();
        }
    })
}

fn without(member: &str) -> Result<Voucher, DocumentError> {
    read(|voucher| drop(voucher.as_object_mut().unwrap().remove(member)))
}

/// One test for each voucher that must be refused.
macro_rules! refused {
    ($($name:ident: $result:expr => $error:ident at $member:literal;)*) => {
        $(#[test]
        fn $name() {
            let error = $result.unwrap_err();
            let shown = error.to_string();
            let expected = concat!("ietf-voucher:voucher/", $member);
            assert!(matches!(error, DocumentError::$error { path, .. } if path == expected), "{shown}");
        })*
    };
}

refused! {
    vch_01_without_created_on: without("created-on") => MissingMember at "created-on";
    vch_01_without_assertion: without("assertion") => MissingMember at "assertion";
    vch_01_without_serial_number: without("serial-number") => MissingMember at "serial-number";
    vch_01_without_pinned_domain_cert: without("pinned-domain-cert") => MissingMember at "pinned-domain-cert";
    vch_02_a_date_without_an_offset: with(json!({"created-on": "2026-06-01T00:00:00"})) => InvalidValue at "created-on";
    vch_02_a_date_in_small_letters: with(json!({"created-on": "2026-06-01t00:00:00z"})) => InvalidValue at "created-on";
    vch_02_a_date_with_a_blank: with(json!({"created-on": "2026-06-01 00:00:00Z"})) => InvalidValue at "created-on";
    vch_02_a_date_and_a_time_with_a_hyphen_between_them: with(json!({"created-on": "2026-06-01-00:00:00Z"}))
        => InvalidValue at "created-on";
    vch_02_a_date_and_a_time_with_a_z_between_them: with(json!({"created-on": "2026-06-01Z00:00:00Z"}))
        => InvalidValue at "created-on";
    rcf_24_a_nonce_under_a_name_that_others_read: with(json!({"ietf-voucher:nonce": "AAAAAAAAAAAAAAAAAAAAAA=="}))
        => UnknownMember at "ietf-voucher:nonce";
    rcf_24_an_expiry_beside_the_same_with_a_prefix:
        with(json!({"expires-on": "2027-06-01T00:00:00Z", "ietf-voucher:expires-on": "2026-06-01T00:00:00Z"}))
        => UnknownMember at "ietf-voucher:expires-on";
    vch_02_a_date_that_is_none: with(json!({"created-on": "2026-02-30T00:00:00Z"})) => InvalidValue at "created-on";
    vch_03_nonce_and_expires_on: with(json!({"nonce": "AAAAAAAAAAAAAAAAAAAAAA==", "expires-on": "2026-06-01T00:00:00Z"}))
        => Conflict at "nonce";
    an_assertion_that_is_no_name: with(json!({"assertion": "Verified!"})) => InvalidValue at "assertion";
    an_empty_assertion: with(json!({"assertion": ""})) => InvalidValue at "assertion";
    an_empty_serial_number: with(json!({"serial-number": ""})) => InvalidValue at "serial-number";
    vch_08_a_list_of_serial_numbers: with(json!({"serial-number": ["SN-0001"]})) => InvalidValue at "serial-number";
    vch_12_a_pin_that_is_no_certificate: with(json!({"pinned-domain-cert": "AAAA"})) => InvalidValue at "pinned-domain-cert";
    vch_13_a_boolean_in_quotes: with(json!({"domain-cert-revocation-checks": "false"}))
        => InvalidValue at "domain-cert-revocation-checks";
    vch_14_a_nonce_of_7_octets: with(json!({"nonce": "AAAAAAAAAA=="})) => InvalidValue at "nonce";
    vch_14_a_nonce_of_33_octets: with(json!({"nonce": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}))
        => InvalidValue at "nonce";
    vch_14_an_empty_nonce: with(json!({"nonce": ""})) => InvalidValue at "nonce";
    rcf_25_a_nonce_without_padding: with(json!({"nonce": "AAAAAAAAAAAAAAAAAAAAAA"})) => InvalidValue at "nonce";
    vch_16_a_renewal_date_alone: with(json!({"last-renewal-date": "2026-06-01T00:00:00Z"})) => MissingMember at "expires-on";
    vch_16_a_renewal_date_beside_a_nonce:
        with(json!({"nonce": "AAAAAAAAAAAAAAAAAAAAAA==", "last-renewal-date": "2026-06-01T00:00:00Z"}))
        => MissingMember at "expires-on";
    bis_03_a_pinned_key_alone: read(|voucher| {
        drop(voucher.as_object_mut().unwrap().remove("pinned-domain-cert"));
        voucher["pinned-domain-pubk"] = json!("AAAA");
    }) => InvalidValue at "pinned-domain-pubk";
    bis_03_a_pinned_digest_alone: read(|voucher| {
        drop(voucher.as_object_mut().unwrap().remove("pinned-domain-cert"));
        voucher["pinned-domain-pubk-sha256"] = json!("AAAA");
    }) => InvalidValue at "pinned-domain-pubk-sha256";
}

#[test]
fn the_container_has_its_modules_name_and_stands_alone() {
    let voucher: Value = serde_json::from_slice(&WORLD.voucher.to_json()).unwrap();
    let inner = &voucher["ietf-voucher:voucher"];
    let refused = |document: Value| Voucher::from_json(document.to_string().as_bytes()).unwrap_err();
    assert!(matches!(refused(json!({"voucher": inner})), DocumentError::UnknownMember { .. }));
    assert!(matches!(refused(json!({})), DocumentError::MissingMember { .. }));
    assert!(matches!(refused(json!({"ietf-voucher:voucher": inner, "b": 1})), DocumentError::UnknownMember { .. }));
    assert!(matches!(refused(json!({"ietf-voucher:voucher": []})), DocumentError::InvalidValue { .. }));
}

/// A name is the same however its characters are escaped (RFC 8259 §8.3).
#[test]
fn a_member_twice_in_two_spellings_is_malformed() {
    let text = String::from_utf8(WORLD.voucher.to_json()).unwrap();
    let twice = text.replacen(r#""serial-number""#, r#""s\u0065rial-number":"SN-0002","serial-number""#, 1);
    assert_ne!(twice, text);
    let error = Voucher::from_json(twice.as_bytes()).unwrap_err();
    assert!(matches!(&error, DocumentError::Malformed { detail, .. } if detail.contains("twice")), "{error}");
}

#[test]
fn vch_14_nonces_of_8_to_32_octets() {
    for (text, length) in [("AAAAAAAAAAA=", 8), ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 32)] {
        let Freshness::Nonce(nonce) = with(json!({"nonce": text})).unwrap().freshness else { panic!("no nonce") };
        assert_eq!(nonce.octets().len(), length);
    }
    assert_eq!(with(json!({})).unwrap().freshness, Freshness::Unlimited);
}

#[test]
fn cli_23_nonces_in_requests_have_16_to_32_octets() {
    for (length, fits) in [(0, false), (8, false), (15, false), (16, true), (32, true), (33, false)] {
        assert_eq!(Nonce::for_request(vec![0; length]).is_some(), fits, "{length}");
    }
}

#[test]
fn vch_02_dates_with_offset_or_z_and_fractions() {
    let voucher = with(json!({
        "created-on": "2026-05-31T20:00:00-04:00",
        "expires-on": "2026-06-01T00:00:01.75Z",
        "last-renewal-date": "2027-06-01T02:00:00+02:00",
    }))
    .unwrap();
    assert_eq!(voucher.created_on.unwrap().to_string(), "2026-06-01T00:00:00Z");
    let Freshness::ExpiresOn { expires_on, last_renewal_date } = voucher.freshness else { panic!("no date") };
    assert_eq!(expires_on.to_string(), "2026-06-01T00:00:01Z");
    assert_eq!(last_renewal_date.unwrap().to_string(), "2027-06-01T00:00:00Z");
}

#[test]
fn the_end_of_time_does_not_panic() {
    let voucher = with(json!({"expires-on": "9999-12-31T23:59:59-12:00"})).unwrap();
    let Freshness::ExpiresOn { expires_on, .. } = voucher.freshness else { panic!("no date") };
    assert_eq!(expires_on, pki::time::Timestamp::INFINITY);
}

#[test]
fn vch_06_three_assertions() {
    for (text, assertion) in
        [("verified", Assertion::Verified), ("logged", Assertion::Logged), ("proximity", Assertion::Proximity)]
    {
        assert_eq!(with(json!({"assertion": text})).unwrap().assertion, assertion);
        assert_eq!(assertion.as_str(), text);
    }
}

#[test]
fn vch_13_revocation_checks_are_true_false_or_absent() {
    for (value, expected) in [(json!({}), None), (json!(true), Some(true)), (json!(false), Some(false))] {
        let members = if value.is_boolean() { json!({"domain-cert-revocation-checks": value}) } else { value };
        assert_eq!(with(members).unwrap().domain_cert_revocation_checks, expected);
    }
}

#[test]
fn bis_05_bis_06_members_of_the_successor_are_tolerated() {
    let plain = with(json!({})).unwrap();
    let voucher = with(json!({
        "est-domain": "https://est.example",
        "pinned-domain-pubk": "AAAA",
        "extensions": ["ietf-voucher-test"],
        "extension:ietf-voucher-test": {"leaf": [1, {"deep": null}]},
    }));
    assert_eq!(voucher.unwrap(), plain);
}

#[test]
fn vch_11_the_issuer_of_a_device_is_its_certificates_extension() {
    let idevid = &WORLD.idevid.certificate;
    let value = idevid_issuer(idevid).unwrap();
    // A SEQUENCE whose first element is [0] keyIdentifier (RFC 5280 §4.2.1.1).
    assert_eq!((value[0], usize::from(value[1]), value[2]), (0x30, value.len() - 2, 0x80));
    assert!(value.ends_with(idevid.extensions().authority_key_identifier.as_deref().unwrap()));
    let mut params = end_entity("device");
    params.use_authority_key_identifier_extension = false;
    assert_eq!(idevid_issuer(&Party::root(params).certificate), None);
}

#[test]
fn a_pinned_certificate_and_an_issuer_keep_their_bytes() {
    let voucher = with(json!({"idevid-issuer": "MBaAFAABAgMEBQYHCAkKCwwNDg8QERIT"})).unwrap();
    assert_eq!(voucher.idevid_issuer.unwrap()[..4], [0x30, 0x16, 0x80, 0x14]);
    let reread = Voucher::from_json(&WORLD.voucher.to_json()).unwrap();
    assert_eq!(reread.pinned_domain_cert.der(), WORLD.owner_ca.certificate.der());
}

//! Leniencies: what each of them passes over, that strict readers refuse the same, and that every use of one is told.

use std::sync::LazyLock;

use conveyed_info::{
    DocumentError, Encoding,
    make::MakeError,
    profile::{InputProfile, Leniency, Lenient},
    rpc::{BootstrappingRequest, ProgressReport, ProgressType, TrustAnchorCert},
    voucher::{Assertion, Freshness, Voucher},
};
use serde_json::{Value, json};

use crate::support::World;

static WORLD: LazyLock<World> = LazyLock::new(World::new);

fn request(members: &Value, profile: InputProfile) -> Result<Lenient<BootstrappingRequest>, DocumentError> {
    let body = json!({"ietf-sztp-bootstrap-server:input": members}).to_string();
    BootstrappingRequest::decode_with(body.as_bytes(), Encoding::Json, profile)
}

fn report(members: &Value, profile: InputProfile) -> Result<Lenient<ProgressReport>, DocumentError> {
    let body = json!({"ietf-sztp-bootstrap-server:input": members}).to_string();
    ProgressReport::decode_with(body.as_bytes(), Encoding::Json, profile)
}

fn voucher(members: &Value, profile: InputProfile) -> Result<Lenient<Voucher>, DocumentError> {
    let plain = Voucher { freshness: Freshness::Unlimited, ..WORLD.voucher.clone() };
    let mut document: Value = serde_json::from_slice(&plain.to_json()).unwrap();
    for (name, value) in members.as_object().unwrap() {
        let voucher = document["ietf-voucher:voucher"].as_object_mut().unwrap();
        match value {
            Value::Null => drop(voucher.remove(name)),
            value => drop(voucher.insert(name.clone(), value.clone())),
        }
    }
    Voucher::from_json_with(document.to_string().as_bytes(), profile)
}

/// Only the profiles that have the leniency read it, and they say so.
fn needs<T>(leniency: Leniency, read: impl Fn(InputProfile) -> Result<Lenient<T>, DocumentError>) -> T {
    let mut values = Vec::new();
    for profile in InputProfile::ALL {
        match read(profile) {
            Ok(read) => {
                assert_eq!(read.leniencies, [leniency], "{profile}");
                values.push(read.value);
            }
            Err(error) => assert!(!profile.leniencies().contains(&leniency), "{profile}: {error}"),
        }
    }
    assert!(values.len() < InputProfile::ALL.len(), "strict reads it too");
    values.pop().unwrap()
}

#[test]
fn srv_22_an_empty_nonce_is_none_for_the_opi_agent() {
    let read = needs(Leniency::EmptyNonce, |profile| request(&json!({"nonce": "", "hw-model": "m"}), profile));
    assert_eq!((read.nonce, read.hw_model.as_deref()), (None, Some("m")));
    // Only an empty one.
    assert!(request(&json!({"nonce": "AAAA"}), InputProfile::Survey).is_err());
    let xml = br#"<input xmlns="urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server"><nonce/></input>"#;
    needs(Leniency::EmptyNonce, |profile| BootstrappingRequest::decode_with(xml, Encoding::Xml, profile));
}

#[test]
fn srv_14_empty_containers_of_keys_are_not_there_for_the_opi_agent() {
    for (keys, anchors) in [(json!({}), json!({})), (json!({"ssh-host-key": []}), json!({"trust-anchor-cert": []}))] {
        let members =
            json!({"progress-type": "config-initiated", "ssh-host-keys": keys, "trust-anchor-certs": anchors});
        let read = needs(Leniency::EmptyKeyContainers, |profile| report(&members, profile));
        assert_eq!(read, ProgressReport::new(ProgressType::ConfigInitiated));
    }
    let full = json!({"progress-type": "config-initiated", "trust-anchor-certs": {"trust-anchor-cert": ["AAAA"]}});
    assert!(report(&full, InputProfile::OpiAgent).is_err());
    let xml = br#"<input xmlns="urn:ietf:params:xml:ns:yang:ietf-sztp-bootstrap-server">
        <progress-type>config-initiated</progress-type><ssh-host-keys/><trust-anchor-certs> </trust-anchor-certs></input>"#;
    needs(Leniency::EmptyKeyContainers, |profile| ProgressReport::decode_with(xml, Encoding::Xml, profile));
    // Where they belong, they may be empty.
    let last = json!({"progress-type": "bootstrap-complete", "ssh-host-keys": {}});
    assert_eq!(report(&last, InputProfile::Survey).unwrap().leniencies, []);
}

#[test]
fn art_35_a_trust_anchor_that_is_none_is_kept_unread_for_the_opi_agent() {
    let members = json!({"progress-type": "bootstrap-complete",
        "trust-anchor-certs": {"trust-anchor-cert": ["VGVzdA==", "AAAA"]}});
    let read = needs(Leniency::OpaqueTrustAnchor, |profile| report(&members, profile));
    assert_eq!(read.trust_anchor_certs[0], TrustAnchorCert::Opaque(b"Test".to_vec()));
    let no_base64 = json!({"progress-type": "bootstrap-complete", "trust-anchor-certs": {"trust-anchor-cert": ["?"]}});
    assert!(report(&no_base64, InputProfile::Survey).is_err());
}

#[test]
fn unknown_members_are_ignored_by_name_in_a_survey_only() {
    let members = json!({"hw-model": "m", "serial": "x", "ietf-sztp-bootstrap-server:nonce": 1});
    let read = request(&members, InputProfile::Survey).unwrap();
    assert_eq!(read.leniencies, [Leniency::UnknownMembers]);
    assert_eq!(read.ignored, ["ietf-sztp-bootstrap-server:nonce", "serial"]);
    for profile in [InputProfile::Strict, InputProfile::OpiAgent, InputProfile::AnimaVoucher] {
        assert!(matches!(request(&members, profile), Err(DocumentError::UnknownMember { .. })));
    }
    let long = "x".repeat(10_000);
    let read = report(&json!({"progress-type": "informational", long: 1}), InputProfile::Survey).unwrap();
    assert_eq!(read.ignored[0].len(), 64);
}

#[test]
fn vch_13_a_boolean_in_quotes_is_one_for_anima_vouchers() {
    for (text, value) in [("true", true), ("false", false)] {
        let members = json!({"domain-cert-revocation-checks": text});
        let read = needs(Leniency::QuotedBoolean, |profile| voucher(&members, profile));
        assert_eq!(read.domain_cert_revocation_checks, Some(value));
    }
    assert!(voucher(&json!({"domain-cert-revocation-checks": "no"}), InputProfile::Survey).is_err());
}

#[test]
fn vch_01_a_voucher_may_not_say_when_it_was_made_for_anima_vouchers() {
    let read = needs(Leniency::CreatedOnAbsent, |profile| voucher(&json!({"created-on": null}), profile));
    assert_eq!(read.created_on, None);
    assert_eq!(Voucher::from_json_with(&read.to_json(), InputProfile::AnimaVoucher).unwrap().value, read);
    assert!(voucher(&json!({"created-on": "soon"}), InputProfile::Survey).is_err());
    // It is read, and not made.
    let chain = [WORLD.masa.certificate.clone()];
    let made = conveyed_info::make::ownership_voucher(&read, &WORLD.masa.key, &chain);
    assert!(matches!(made, Err(MakeError::Document(DocumentError::MissingMember { .. }))));
}

#[test]
fn vch_14_a_nonce_without_padding_or_in_hexadecimal_for_anima_vouchers() {
    let nonce = |read: Voucher| match read.freshness {
        Freshness::Nonce(nonce) => nonce.octets().to_vec(),
        other => panic!("{other:?}"),
    };
    let unpadded = json!({"nonce": "AAECAwQFBgcICQoLDA0ODw"});
    let read = needs(Leniency::UnpaddedNonce, |profile| voucher(&unpadded, profile));
    assert_eq!(nonce(read), (0..16).collect::<Vec<_>>());
    let hex = json!({"nonce": "00ff000102030405060708"});
    assert_eq!(nonce(needs(Leniency::HexNonce, |profile| voucher(&hex, profile)))[..3], [0, 0xff, 0]);
    // What is hexadecimal can be base64 too: strict readers take it as the module says.
    let both = json!({"nonce": "000102030405060708090a0b0c0d0e0f"});
    assert_eq!(nonce(voucher(&both, InputProfile::Strict).unwrap().value).len(), 24);
    let read = voucher(&both, InputProfile::AnimaVoucher).unwrap();
    assert_eq!((read.leniencies, nonce(read.value)), (vec![Leniency::HexNonce], (0..16).collect()));
    let long = "z".repeat(44);
    for bad in ["", "AAAA", "0001", "not base64 at all", &long] {
        assert!(voucher(&json!({"nonce": bad}), InputProfile::Survey).is_err(), "{bad}");
    }
}

#[test]
fn what_conforms_needs_no_leniency_under_any_profile() {
    for profile in InputProfile::ALL {
        let members = json!({"nonce": "AAAAAAAAAAAAAAAAAAAAAA==", "domain-cert-revocation-checks": false});
        assert_eq!(voucher(&members, profile).unwrap().leniencies, []);
        assert_eq!(request(&json!({"nonce": "AAAAAAAAAAAAAAAAAAAAAA=="}), profile).unwrap().leniencies, []);
        assert_eq!(report(&json!({"progress-type": "bootstrap-complete"}), profile).unwrap().leniencies, []);
    }
}

#[test]
fn bis_05_bis_06_members_of_later_revisions_are_ignored_by_name() {
    let members = json!({"est-domain": "https://est.example", "extension:ietf-voucher-test": {"a": [1]},
        "pinned-domain-pubk": "AAAA"});
    let read = voucher(&members, InputProfile::Strict).unwrap();
    assert_eq!(read.leniencies, []);
    let mut ignored = read.ignored;
    ignored.sort();
    assert_eq!(ignored, ["est-domain", "extension:ietf-voucher-test", "pinned-domain-pubk"]);
}

#[test]
fn bis_02_an_assertion_that_rfc_8366_does_not_define_is_read_and_accepted_by_no_policy() {
    let read = voucher(&json!({"assertion": "agent-proximity"}), InputProfile::Strict).unwrap().value;
    assert_eq!(read.assertion.to_string(), "agent-proximity");
    assert!(!Assertion::KNOWN.contains(&read.assertion));
    assert_eq!(Voucher::from_json(&read.to_json()), Ok(read));
}

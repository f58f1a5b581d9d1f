//! Conveyed information in JSON: what the YANG module of RFC 8572 §6.3 allows, and what it does not.

use conveyed_info::{
    DocumentError, Encoding,
    information::{ConfigurationHandling, Information, OnboardingInformation, RedirectInformation, TrustAnchor},
};
use serde_json::{Value, json};

use crate::support::{Party, ca, end_entity};

const SHA256: &str = "2d:71:16:42:b7:26:b0:44:01:62:7c:a9:fb:ac:32:f5:c8:53:0f:b1:90:3c:c4:db:02:25:87:17:92:1a:48:81";

fn read(document: &Value) -> Result<Information, DocumentError> {
    let read = Information::decode(document.to_string().as_bytes(), Encoding::Json);
    if let Ok(information) = &read {
        for encoding in [Encoding::Json, Encoding::Xml] {
            let written = information.encode(encoding);
            assert_eq!(Information::decode(&written, encoding).as_ref(), Ok(information), "what we write we read");
        }
    }
    read
}

fn onboarding(members: &Value) -> Result<OnboardingInformation, DocumentError> {
    match read(&json!({"ietf-sztp-conveyed-info:onboarding-information": members}))? {
        Information::Onboarding(onboarding) => Ok(onboarding),
        Information::Redirect(_) => panic!("a redirect"),
    }
}

fn redirect(servers: &Value) -> Result<RedirectInformation, DocumentError> {
    match read(&json!({"ietf-sztp-conveyed-info:redirect-information": {"bootstrap-server": servers}}))? {
        Information::Redirect(redirect) => Ok(redirect),
        Information::Onboarding(_) => panic!("onboarding information"),
    }
}

fn image(members: &Value) -> Result<OnboardingInformation, DocumentError> {
    onboarding(&json!({"boot-image": members}))
}

fn verification(entries: &Value) -> Result<OnboardingInformation, DocumentError> {
    image(&json!({"download-uri": ["https://img.example.net/a"], "image-verification": entries}))
}

/// One test for each body that must be refused.
macro_rules! refused {
    ($($name:ident: $result:expr => $error:ident at $path:literal;)*) => {
        $(#[test]
        fn $name() {
            let error = $result.unwrap_err();
            let shown = error.to_string();
            assert!(matches!(error, DocumentError::$error { path, .. } if path == $path), "{shown}");
        })*
    };
}

refused! {
    art_02_both_kinds_at_once: read(&json!({
        "ietf-sztp-conveyed-info:onboarding-information": {},
        "ietf-sztp-conveyed-info:redirect-information": {"bootstrap-server": [{"address": "192.0.2.1"}]},
    })) => Conflict at "ietf-sztp-conveyed-info:onboarding-information";
    art_02_neither_kind: read(&json!({})) => MissingMember at "ietf-sztp-conveyed-info:onboarding-information";
    something_beside_the_document: read(&json!({
        "ietf-sztp-conveyed-info:onboarding-information": {}, "more": 1,
    })) => UnknownMember at "more";
    rcf_25_a_name_without_its_module: read(&json!({"onboarding-information": {}}))
        => MissingMember at "ietf-sztp-conveyed-info:onboarding-information";

    an_empty_list_of_servers: redirect(&json!([])) => InvalidValue at "bootstrap-server";
    no_list_of_servers: read(&json!({"ietf-sztp-conveyed-info:redirect-information": {}}))
        => MissingMember at "ietf-sztp-conveyed-info:redirect-information/bootstrap-server";
    a_server_without_an_address: redirect(&json!([{"port": 443}]))
        => MissingMember at "ietf-sztp-conveyed-info:redirect-information/bootstrap-server/address";
    cli_46_an_address_twice: redirect(&json!([{"address": "a.example", "port": 1}, {"address": "a.example", "port": 2}]))
        => InvalidValue at "bootstrap-server";
    cli_46_an_address_twice_in_two_cases: redirect(&json!([{"address": "a.example"}, {"address": "A.Example"}]))
        => InvalidValue at "bootstrap-server";
    cli_46_an_address_twice_in_two_spellings:
        redirect(&json!([{"address": "2001:db8::a"}, {"address": "2001:DB8:0:0::A"}]))
        => InvalidValue at "bootstrap-server";
    a_name_that_ends_in_an_underscore: redirect(&json!([{"address": "a_.example"}])) => InvalidValue at "bootstrap-server";
    an_address_that_is_a_uri: redirect(&json!([{"address": "https://a.example"}])) => InvalidValue at "bootstrap-server";
    an_address_in_brackets: redirect(&json!([{"address": "[2001:db8::1]"}])) => InvalidValue at "bootstrap-server";
    an_address_with_a_zone: redirect(&json!([{"address": "fe80::1%eth0"}])) => InvalidValue at "bootstrap-server";
    an_empty_address: redirect(&json!([{"address": ""}])) => InvalidValue at "bootstrap-server";
    rcf_25_a_port_in_quotes: redirect(&json!([{"address": "a.example", "port": "8443"}]))
        => InvalidValue at "ietf-sztp-conveyed-info:redirect-information/bootstrap-server/port";
    a_port_beyond_16_bits: redirect(&json!([{"address": "a.example", "port": 65536}]))
        => InvalidValue at "ietf-sztp-conveyed-info:redirect-information/bootstrap-server/port";
    a_server_with_an_unknown_member: redirect(&json!([{"address": "a.example", "path": "/"}]))
        => UnknownMember at "ietf-sztp-conveyed-info:redirect-information/bootstrap-server/path";
    rcf_24_a_prefix_inside_the_module: redirect(&json!([{"ietf-sztp-conveyed-info:address": "a.example"}]))
        => MissingMember at "ietf-sztp-conveyed-info:redirect-information/bootstrap-server/address";
    a_trust_anchor_that_is_no_cms: redirect(&json!([{"address": "a.example", "trust-anchor": "AAAA"}]))
        => InvalidValue at "ietf-sztp-conveyed-info:redirect-information/bootstrap-server/trust-anchor";
    too_many_servers: redirect(&(0..33).map(|n| json!({"address": format!("a{n}.example")})).collect())
        => InvalidValue at "ietf-sztp-conveyed-info:redirect-information/bootstrap-server";

    cli_73_a_configuration_without_its_handling: onboarding(&json!({"configuration": "PGNvbmZpZy8+"}))
        => MissingMember at "ietf-sztp-conveyed-info:onboarding-information/configuration-handling";
    cli_73_a_handling_without_its_configuration: onboarding(&json!({"configuration-handling": "merge"}))
        => MissingMember at "ietf-sztp-conveyed-info:onboarding-information/configuration";
    an_unknown_handling: onboarding(&json!({"configuration": "", "configuration-handling": "patch"}))
        => InvalidValue at "ietf-sztp-conveyed-info:onboarding-information/configuration-handling";
    rcf_25_base64_without_padding: onboarding(&json!({"pre-configuration-script": "aGk"}))
        => InvalidValue at "ietf-sztp-conveyed-info:onboarding-information/pre-configuration-script";
    rcf_25_base64_for_urls: onboarding(&json!({"post-configuration-script": "-_-_"}))
        => InvalidValue at "ietf-sztp-conveyed-info:onboarding-information/post-configuration-script";
    an_unknown_member_of_onboarding: onboarding(&json!({"reboot": [null]}))
        => UnknownMember at "ietf-sztp-conveyed-info:onboarding-information/reboot";

    cli_64_a_hash_without_a_uri: image(&json!({"image-verification": [{"hash-algorithm": "sha-256", "hash-value": SHA256}]}))
        => MissingMember at "ietf-sztp-conveyed-info:onboarding-information/boot-image/download-uri";
    cli_64_a_hash_with_an_empty_list_of_uris:
        image(&json!({"download-uri": [], "image-verification": [{"hash-algorithm": "sha-256", "hash-value": SHA256}]}))
        => MissingMember at "ietf-sztp-conveyed-info:onboarding-information/boot-image/download-uri";
    a_uri_that_is_no_list: image(&json!({"download-uri": "https://img.example.net/a"}))
        => InvalidValue at "ietf-sztp-conveyed-info:onboarding-information/boot-image/download-uri";
    cli_64_a_hash_without_colons: verification(&json!([{"hash-algorithm": "sha-256", "hash-value": "abcd"}]))
        => InvalidValue at "ietf-sztp-conveyed-info:onboarding-information/boot-image/image-verification/hash-value";
    a_hash_of_another_length: verification(&json!([{"hash-algorithm": "sha-256", "hash-value": "ab:cd"}]))
        => InvalidValue at "ietf-sztp-conveyed-info:onboarding-information/boot-image/image-verification/hash-value";
    a_hash_with_a_sign_in_it: verification(&json!([{"hash-algorithm": "sha-512", "hash-value": "+a:cd"}]))
        => InvalidValue at "ietf-sztp-conveyed-info:onboarding-information/boot-image/image-verification/hash-value";
    an_algorithm_without_a_name: verification(&json!([{"hash-algorithm": "", "hash-value": "ab:cd"}]))
        => InvalidValue at "ietf-sztp-conveyed-info:onboarding-information/boot-image/image-verification/hash-algorithm";
    an_algorithm_that_is_no_name: verification(&json!([{"hash-algorithm": "example:sha 512", "hash-value": "ab:cd"}]))
        => InvalidValue at "ietf-sztp-conveyed-info:onboarding-information/boot-image/image-verification/hash-algorithm";
    a_hash_without_its_algorithm: verification(&json!([{"hash-value": SHA256}]))
        => MissingMember at "ietf-sztp-conveyed-info:onboarding-information/boot-image/image-verification/hash-algorithm";
    an_algorithm_twice: verification(&json!([
        {"hash-algorithm": "sha-256", "hash-value": SHA256},
        {"hash-algorithm": "ietf-sztp-conveyed-info:sha-256", "hash-value": SHA256},
    ])) => InvalidValue at "ietf-sztp-conveyed-info:onboarding-information/boot-image/image-verification";
}

#[test]
fn a_member_twice_and_text_that_is_no_json_are_malformed() {
    let twice =
        br#"{"ietf-sztp-conveyed-info:onboarding-information":{},"ietf-sztp-conveyed-info:onboarding-information":{}}"#;
    for bytes in [&twice[..], b"", b"<a/>", b"{", b"\xff", b"{} {}", b"[]", b"1", b"null"] {
        assert!(matches!(Information::decode(bytes, Encoding::Json), Err(DocumentError::Malformed { .. })));
    }
}

#[test]
fn onboarding_information_with_everything() {
    let read = onboarding(&json!({
        "boot-image": {
            "os-name": "AcmeOS",
            "os-version": "2.1.0",
            "download-uri": ["https://img.example.net/acmeos-2.1.0.bin", "ftp://192.0.2.1/a"],
            "image-verification": [{"hash-algorithm": "ietf-sztp-conveyed-info:sha-256", "hash-value": SHA256}],
        },
        "configuration-handling": "replace",
        "pre-configuration-script": "IyEvYmluL3NoCmV4aXQgMAo=",
        "configuration": "PGNvbmZpZy8+",
        "post-configuration-script": "IyEvYmluL3No\nCmV4aXQgMAo=",
    }))
    .unwrap();
    let image = read.boot_image.unwrap();
    assert_eq!((image.os_name.as_deref(), image.os_version.as_deref()), (Some("AcmeOS"), Some("2.1.0")));
    assert_eq!(image.download_uris.len(), 2);
    assert_eq!(image.sha256.unwrap().to_string(), SHA256.replace(':', ""));
    let configuration = read.configuration.unwrap();
    assert_eq!(
        (configuration.handling, configuration.content),
        (ConfigurationHandling::Replace, b"<config/>".to_vec())
    );
    assert_eq!(read.pre_configuration_script.unwrap().0, b"#!/bin/sh\nexit 0\n");
    // RCF-26: white space inside base64 is dropped.
    assert_eq!(read.post_configuration_script.unwrap().0, b"#!/bin/sh\nexit 0\n");
}

#[test]
fn every_member_of_onboarding_information_is_optional() {
    assert_eq!(onboarding(&json!({})).unwrap(), OnboardingInformation::default());
    assert!(image(&json!({})).unwrap().boot_image.is_some());
    assert!(image(&json!({"download-uri": ["https://img.example.net/a"]})).is_ok());
}

#[test]
fn cli_63_hashes_of_unknown_algorithms_are_passed_over() {
    let both = json!([
        {"hash-algorithm": "example-hash:sha-512", "hash-value": "ab:cd"},
        {"hash-algorithm": "sha-256", "hash-value": SHA256.to_uppercase()},
    ]);
    // CLI-64: either case.
    assert_eq!(verification(&both).unwrap(), verification(&json!([both[1]])).unwrap());
    let unknown_only = verification(&json!([both[0]])).unwrap();
    assert_eq!(unknown_only.boot_image.unwrap().sha256, None);
}

#[test]
fn a_hash_is_written_with_its_prefix() {
    let document = verification(&json!([{"hash-algorithm": "sha-256", "hash-value": SHA256}])).unwrap();
    let written = String::from_utf8(Information::from(document).encode(Encoding::Json)).unwrap();
    assert!(written.contains(r#""hash-algorithm":"ietf-sztp-conveyed-info:sha-256""#), "{written}");
    assert!(written.contains(&format!(r#""hash-value":"{SHA256}""#)), "{written}");
}

#[test]
fn a_redirect_keeps_its_order_and_has_port_443_by_default() {
    let servers =
        json!([{"address": "2001:db8::1"}, {"address": "192.0.2.1", "port": 8443}, {"address": "a.example."}]);
    let read = redirect(&servers).unwrap();
    let seen: Vec<_> = read.servers().iter().map(|it| (it.address.as_str(), it.port)).collect();
    assert_eq!(seen, [("2001:db8::1", 443), ("192.0.2.1", 8443), ("a.example.", 443)]);
}

#[test]
fn art_32_a_trust_anchor_is_one_chain_up_to_a_root() {
    let root = Party::root(ca("root"));
    let middle = root.issue(ca("middle"));
    let lowest = middle.issue(ca("lowest"));
    let chain = [&lowest, &middle, &root].map(|it| it.certificate.clone());
    // ART-33: which one is the lowest does not depend on the order in the bag.
    let mut shuffled = chain.clone();
    for _ in 0..3 {
        shuffled.rotate_left(1);
        let anchor = TrustAnchor::new(&shuffled).unwrap();
        assert_eq!((anchor.chain(), anchor.lowest()), (&chain[..], Some(&chain[0])));
    }
    // ART-34.
    assert_eq!(TrustAnchor::new(&chain[2..]).unwrap().lowest(), Some(&chain[2]));

    let sibling = root.issue(ca("sibling")).certificate;
    let stranger = Party::root(ca("stranger")).certificate;
    let unsigned_root = Party::root(ca("root")).certificate;
    for (name, bag) in [
        ("nothing", vec![]),
        ("no root", chain[..2].to_vec()),
        ("a gap", vec![chain[0].clone(), chain[2].clone()]),
        ("two chains", [&chain[..], &[stranger]].concat()),
        ("a fork", [&chain[..], &[sibling]].concat()),
        ("a root that signed nothing here", vec![chain[1].clone(), unsigned_root]),
        ("an end entity", vec![root.issue(end_entity("server")).certificate]),
    ] {
        assert!(TrustAnchor::new(&bag).is_err(), "{name}");
    }
}

//! Artifacts against OpenSSL, both ways: it verifies ours, and a device accepts those it made.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding,
    cms::{CmsError, ContentType, SignedData, bare, certificates_only},
    information::{BootstrapServer, Information, RedirectInformation, TrustAnchor},
    make,
    verify::{Accepted, Source},
};
use interop_tests::{
    matrix,
    matrix::{Direction, Form},
    need,
    openssl::{KeyKind, Role},
    parties::{JSON_TYPE, Parties, VOUCHER_TYPE, changed, onboarding, onboarding_document},
};
use pki::certificate::Certificate;
use verdict::ReasonCode;

/// Kinds of keys that a chain may consist of.
const CHAINS: &[(&str, KeyKind)] = &[
    ("chain of P-256 keys", KeyKind::P256),
    ("chain of P-384 keys", KeyKind::P384),
    ("chain of P-521 keys", KeyKind::P521),
    ("chain of RSA keys", KeyKind::Rsa2048),
    ("chain of RSA keys for PSS alone", KeyKind::RsaPss),
    ("chain of Ed25519 keys", KeyKind::Ed25519),
];

/// The certificates that OpenSSL finds in a degenerate structure.
fn listed_by_openssl(parties: &Parties, bag: &[u8]) -> Vec<Certificate> {
    let bag = parties.file("bag", bag);
    let listed = parties.workshop.openssl(&["pkcs7", "-inform", "DER", "-in", &bag, "-print_certs"]).unwrap();
    Certificate::chain_from_pem(&listed).unwrap()
}

fn certificates(parties: &Parties, names: &[&str]) -> Vec<Certificate> {
    names.iter().map(|name| parties.workshop.certificate(name).unwrap()).collect()
}

#[test]
fn art_13_openssl_lists_the_chain_of_our_owner_certificate_artifact() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    for (row, kind) in CHAINS {
        let parties = Parties::new(openssl.clone(), *kind);
        let chain = certificates(&parties, &["owner", "owner-ca", "owner-root"]);
        let listed = listed_by_openssl(&parties, make::owner_certificate(&chain).unwrap().der());
        assert_eq!(listed.len(), chain.len());
        assert!(chain.iter().all(|certificate| listed.contains(certificate)), "{row}");
        matrix.proved(Form::OwnerCertificate, row, Direction::UsToOpenssl);
    }
}

#[test]
fn art_13_art_19_a_device_accepts_the_owner_certificate_that_openssl_bagged() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    for (row, kind) in CHAINS {
        let parties = Parties::new(openssl.clone(), *kind);
        let voucher = parties.signed_by_us(ContentType::AnimaJsonVoucher, &parties.voucher().to_json(), &["masa"]);
        let document = onboarding_document(Encoding::Json);
        let information = parties.signed_by_us(ContentType::ConveyedInfoJson, &document, &["owner"]);
        for names in [&["owner", "owner-ca"][..], &["owner-root", "masa", "owner-ca", "owner"]] {
            let accepted = parties.judge(&information, &parties.bag_by_openssl(names), &voucher);
            assert_eq!(accepted, Ok(Accepted::Onboarding(onboarding())), "{row} {names:?}");
        }
        matrix.proved(Form::OwnerCertificate, row, Direction::OpensslToUs);
    }
}

#[test]
fn art_13_openssl_and_we_make_the_same_bag() {
    let parties = Parties::new(need!("openssl"), KeyKind::P256);
    let names = ["owner", "owner-ca"];
    let ours = certificates_only(&certificates(&parties, &names)).unwrap();
    assert_eq!(ours, parties.bag_by_openssl(&names));
}

#[test]
fn art_32_trust_anchors_are_the_same_to_openssl_and_us() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    for (row, kind) in CHAINS {
        let parties = Parties::new(openssl.clone(), *kind);
        let names = ["owner-ca", "owner-root"];
        let chain = certificates(&parties, &names);
        let theirs = TrustAnchor::from_der(&parties.bag_by_openssl(&names)).unwrap();
        assert_eq!(theirs.chain(), chain);
        matrix.proved(Form::TrustAnchor, row, Direction::OpensslToUs);

        // Ours as it travels, in base64 inside a document.
        let trust_anchor = Some(TrustAnchor::new(&chain).unwrap());
        let server = BootstrapServer { address: "192.0.2.1".to_owned(), port: 443, trust_anchor };
        let redirect = Information::from(RedirectInformation::new(vec![server]).unwrap()).encode(Encoding::Json);
        let redirect: serde_json::Value = serde_json::from_slice(&redirect).unwrap();
        let path = "/ietf-sztp-conveyed-info:redirect-information/bootstrap-server/0/trust-anchor";
        let text = redirect.pointer(path).and_then(serde_json::Value::as_str).unwrap();
        let text = parties.file("base64", text.as_bytes());
        let ours = parties.workshop.openssl(&["base64", "-d", "-A", "-in", &text]).unwrap();
        let listed = listed_by_openssl(&parties, &ours);
        assert_eq!(listed.len(), chain.len());
        assert!(chain.iter().all(|certificate| listed.contains(certificate)), "{row}");
        matrix.proved(Form::TrustAnchor, row, Direction::UsToOpenssl);
    }
}

#[test]
fn art_03_art_08_art_10_bare_conveyed_information_is_the_same_to_openssl_and_us() {
    let (openssl, matrix) = (need!("openssl"), matrix!());
    let parties = Parties::new(openssl, KeyKind::P256);
    for (row, content_type, encoding) in [
        ("id-data: JSON", ContentType::Data, Encoding::Json),
        ("id-data: XML", ContentType::Data, Encoding::Xml),
        ("JSON (1.2.840.113549.1.9.16.1.43)", ContentType::ConveyedInfoJson, Encoding::Json),
        ("XML (1.2.840.113549.1.9.16.1.42)", ContentType::ConveyedInfoXml, Encoding::Xml),
    ] {
        let document = onboarding_document(encoding);
        let theirs = bare_by_openssl(&parties, content_type, &document);
        let data = BootstrappingData::Unsigned(ConveyedInformation::from_der(&theirs[..]).unwrap());
        let accepted = parties.judge_data(data, Source::TrustedServer, None);
        assert_eq!(accepted, Ok(Accepted::Onboarding(onboarding())), "{row}");
        matrix.proved(Form::BareConveyedInformation, row, Direction::OpensslToUs);

        let ours = bare(content_type, &document).unwrap();
        assert_eq!(ours, theirs, "{row}");
        let printed = parties.printed_by_openssl(&ours);
        assert!(printed.contains(&format!("({})", content_type.oid())), "{printed}");
        matrix.proved(Form::BareConveyedInformation, row, Direction::UsToOpenssl);
    }
}

/// By `openssl cms` for id-data, which is all it can; by OpenSSL's generator of ASN.1 for the types of RFC 8572.
fn bare_by_openssl(parties: &Parties, content_type: ContentType, document: &[u8]) -> Vec<u8> {
    let content = parties.file("content", document);
    if content_type == ContentType::Data {
        parties.workshop.openssl(&["cms", "-data_create", "-binary", "-in", &content, "-outform", "DER"]).unwrap()
    } else {
        let hex: String = document.iter().map(|octet| format!("{octet:02x}")).collect();
        let oid = content_type.oid();
        let structure =
            format!("asn1=SEQUENCE:info\n[info]\ntype=OID:{oid}\ncontent=EXPLICIT:0,FORMAT:HEX,OCTETSTRING:{hex}\n");
        let structure = parties.file("structure", structure.as_bytes());
        parties.workshop.openssl(&["asn1parse", "-genconf", &structure, "-noout", "-out", "bare.der"]).unwrap();
        parties.workshop.read("bare.der").unwrap()
    }
}

#[test]
fn art_27_a_device_refuses_what_openssl_made_and_somebody_changed() {
    let parties = Parties::new(need!("openssl"), KeyKind::P256);
    let information = onboarding_document(Encoding::Json);
    let voucher = parties.signed_by_openssl(&parties.voucher().to_json(), "masa", VOUCHER_TYPE).unwrap();
    let information = parties.signed_by_openssl(&information, "owner", JSON_TYPE).unwrap();
    let bag = parties.bag_by_openssl(&["owner-ca", "owner"]);
    let place = |der: &[u8], text: &[u8]| der.windows(text.len()).position(|window| window == text).unwrap();
    let reason = |information: &[u8], voucher: &[u8]| parties.judge(information, &bag, voucher).unwrap_err().reason;

    let in_content = changed(&voucher, place(&voucher, b"SN-0001"));
    assert_eq!(reason(&information, &in_content), ReasonCode::SignedAttributesInvalid);
    let in_signature = changed(&voucher, voucher.len() - 1);
    assert_eq!(reason(&information, &in_signature), ReasonCode::VoucherSignatureInvalid);
    let in_content = changed(&information, place(&information, b"script"));
    assert_eq!(reason(&in_content, &voucher), ReasonCode::SignedAttributesInvalid);
    let in_signature = changed(&information, information.len() - 1);
    assert_eq!(reason(&in_signature, &voucher), ReasonCode::ConveyedInformationSignatureInvalid);
    let in_bag = changed(&bag, place(&bag, b"owner-ca"));
    assert!(parties.judge(&information, &in_bag, &voucher).is_err());
}

#[test]
fn art_14_without_the_intermediate_the_owner_is_not_pinned() {
    let parties = Parties::new(need!("openssl"), KeyKind::P256);
    let voucher = parties.signed_by_openssl(&parties.voucher().to_json(), "masa", VOUCHER_TYPE).unwrap();
    let information = onboarding_document(Encoding::Json);
    let information = parties.signed_by_openssl(&information, "owner", JSON_TYPE).unwrap();
    let refusal = parties.judge(&information, &parties.bag_by_openssl(&["owner"]), &voucher).unwrap_err();
    assert_eq!(refusal.reason, ReasonCode::OwnerNotPinned);
}

#[test]
fn two_signers_by_openssl_are_refused() {
    let parties = Parties::new(need!("openssl"), KeyKind::P256);
    parties.workshop.issue("masa-root", "second", KeyKind::P256, Role::EndEntity).unwrap();
    let second: &[&str] = &["-signer", "second.pem", "-inkey", "second.key"];
    let der = parties.signed_by_openssl(b"{}", "masa", &[VOUCHER_TYPE, second].concat()).unwrap();
    let signed = SignedData::from_der(&der).unwrap();
    assert_eq!(signed.verify_signer().unwrap_err(), CmsError::Signers(2));
}

#[test]
fn art_28_a_device_accepts_the_pkcs7_of_openssl_smime() {
    let parties = Parties::new(need!("openssl"), KeyKind::P256);
    let (document, bag) = (onboarding_document(Encoding::Json), parties.bag_by_openssl(&["owner-ca", "owner"]));
    let signed = |content: &[u8], signer: &str| {
        let (content, certificate, key) =
            (parties.file("content", content), format!("{signer}.pem"), format!("{signer}.key"));
        let sign = ["smime", "-sign", "-binary", "-nodetach", "-in", &content, "-outform", "DER", "-signer"];
        let made = parties.workshop.openssl(&[&sign[..], &[&certificate, "-inkey", &key]].concat()).unwrap();
        assert!(parties.printed_by_openssl(&made).contains("version: 1\n"), "{signer}");
        made
    };
    let (information, voucher) = (signed(&document, "owner"), signed(&parties.voucher().to_json(), "masa"));
    assert_eq!(parties.judge(&information, &bag, &voucher), Ok(Accepted::Onboarding(onboarding())));
}

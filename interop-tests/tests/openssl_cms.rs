//! Artifacts against OpenSSL, both ways: it verifies ours, and a device accepts those it made.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::SystemTime;

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding, OwnerCertificate, OwnershipVoucher, Unverified,
    cms::{ContentType, Draft, SignedData, certificates_only},
    information::{Information, OnboardingInformation, Script},
    verify::{self, Accepted, Context, Source},
    voucher::{Assertion, Freshness, Voucher},
};
use interop_tests::{
    need,
    openssl::{KeyKind, Role, Workshop},
    peer::{Peer, PeerError},
};
use pki::{
    identity::SerialNumber,
    revocation::Evidence,
    time::{Clock, Timestamp},
};
use verdict::{ReasonCode, Refusal};

const KINDS: [KeyKind; 2] = [KeyKind::P256, KeyKind::Rsa2048];

// What to give to `openssl cms -sign` besides the usual, for each content type.
const VOUCHER_TYPE: &[&str] = &["-econtent_type", "1.2.840.113549.1.9.16.1.40"];
const INFORMATION_TYPE: &[&str] = &["-econtent_type", "1.2.840.113549.1.9.16.1.43"];
const ID_DATA: &[&str] = &[];

/// A manufacturer and an owner, with keys and certificates by OpenSSL, and one device between them.
struct Lab {
    workshop: Workshop,
    now: Timestamp,
    serial_number: SerialNumber,
}

impl Lab {
    fn new(openssl: Peer, kind: KeyKind) -> Self {
        let workshop = Workshop::new(openssl).unwrap();
        workshop.self_sign("masa-root", kind, Role::Ca).unwrap();
        workshop.issue("masa-root", "masa", kind, Role::EndEntity).unwrap();
        workshop.self_sign("owner-root", kind, Role::Ca).unwrap();
        workshop.issue("owner-root", "owner-ca", kind, Role::Ca).unwrap();
        workshop.issue("owner-ca", "owner", kind, Role::EndEntity).unwrap();
        let now = Timestamp::from_system(SystemTime::now());
        Self { workshop, now, serial_number: SerialNumber::new("SN-0001").unwrap() }
    }

    fn voucher(&self) -> Voucher {
        Voucher {
            created_on: Some(self.now.plus_seconds(-60)),
            freshness: Freshness::ExpiresOn { expires_on: self.now.plus_seconds(3600), last_renewal_date: None },
            assertion: Assertion::Verified,
            serial_number: self.serial_number.clone(),
            idevid_issuer: None,
            pinned_domain_cert: self.workshop.certificate("owner-root").unwrap(),
            domain_cert_revocation_checks: None,
        }
    }

    /// Signed by us with the key, made by OpenSSL, of the chain's first certificate.
    fn signed_by_us(&self, content_type: ContentType, content: &[u8], chain: &[&str]) -> Vec<u8> {
        let key = self.workshop.key(chain[0]).unwrap();
        let chain: Vec<_> = chain.iter().map(|name| self.workshop.certificate(name).unwrap()).collect();
        Draft::sign(content_type, content, &key, &chain).unwrap()
    }

    /// Signed by `openssl cms`.
    fn signed_by_openssl(&self, content: &[u8], signer: &str, flags: &[&str]) -> Vec<u8> {
        self.workshop.write("content", content).unwrap();
        let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let sign = ["cms", "-sign", "-binary", "-nodetach", "-in", "content", "-outform", "DER", "-out", "signed.cms"];
        let with = ["-signer", &certificate, "-inkey", &key];
        self.workshop.openssl(&[&sign[..], &with, flags].concat()).unwrap();
        self.workshop.read("signed.cms").unwrap()
    }

    /// Certificates in a degenerate structure, by `openssl crl2pkcs7`.
    fn bag_by_openssl(&self, names: &[&str]) -> Vec<u8> {
        let files: Vec<_> = names.iter().map(|name| format!("{name}.pem")).collect();
        let files = files.iter().flat_map(|file| ["-certfile", file]);
        let make = ["crl2pkcs7", "-nocrl", "-outform", "DER", "-out", "bag.p7"];
        self.workshop.openssl(&make.into_iter().chain(files).collect::<Vec<_>>()).unwrap();
        self.workshop.read("bag.p7").unwrap()
    }

    /// The content, when OpenSSL believes the signature up to `root`.
    fn verified_by_openssl(&self, der: &[u8], root: &str) -> Result<Vec<u8>, PeerError> {
        self.workshop.write("signed.cms", der)?;
        let anchor = format!("{root}.pem");
        let verify = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "signed.cms", "-CAfile", &anchor];
        self.workshop.openssl(&[&verify[..], &["-purpose", "any"]].concat())
    }

    /// What the device makes of three artifacts from an untrusted source.
    fn judge(&self, conveyed: &[u8], owner_certificate: &[u8], voucher: &[u8]) -> Result<Accepted, Refusal> {
        let context = Context {
            source: Source::Untrusted,
            voucher_anchors: &[self.workshop.certificate("masa-root").unwrap()],
            serial_number: &self.serial_number,
            idevid: None,
            nonce: None,
            clock: Clock::Trusted(Timestamp::from_system(SystemTime::now())),
            assertions: &[Assertion::Verified],
            decryption: None,
            revocation: Evidence::none(),
        };
        let data = BootstrappingData::Signed {
            conveyed_information: ConveyedInformation::from_der(conveyed).unwrap(),
            owner_certificate: OwnerCertificate::from_der(owner_certificate).unwrap(),
            ownership_voucher: OwnershipVoucher::from_der(voucher).unwrap(),
        };
        verify::verify(Unverified::new(data), &context).map(|verified| verified.into_parts().0)
    }
}

fn onboarding() -> OnboardingInformation {
    let script = Some(Script(b"#!/bin/sh\r\nexit 0\n".to_vec()));
    OnboardingInformation { pre_configuration_script: script, ..OnboardingInformation::default() }
}

fn changed(der: &[u8], place: usize) -> Vec<u8> {
    let mut der = der.to_vec();
    der[place] ^= 1;
    der
}

#[test]
fn art_05_openssl_verifies_our_conveyed_information_and_voucher() {
    let openssl = need!("openssl");
    for kind in KINDS {
        let lab = Lab::new(openssl.clone(), kind);
        let voucher = lab.voucher().to_json();
        let information = Information::from(onboarding()).encode(Encoding::Json);
        for (content_type, content, chain, root) in [
            (ContentType::AnimaJsonVoucher, &voucher, &["masa"][..], "masa-root"),
            (ContentType::Data, &voucher, &["masa"], "masa-root"),
            (ContentType::ConveyedInfoJson, &information, &["owner", "owner-ca"], "owner-root"),
            (ContentType::Data, &information, &["owner", "owner-ca"], "owner-root"),
        ] {
            let der = lab.signed_by_us(content_type, content, chain);
            let given_back = lab.verified_by_openssl(&der, root).unwrap();
            assert_eq!(&given_back, content, "{kind:?} {content_type:?}");
            let tampered = changed(&der, der.len() - 1);
            assert!(lab.verified_by_openssl(&tampered, root).is_err(), "{kind:?} {content_type:?}");
        }
    }
}

#[test]
fn art_13_openssl_lists_the_chain_of_our_owner_certificate_artifact() {
    let lab = Lab::new(need!("openssl"), KeyKind::P256);
    let chain = ["owner", "owner-ca", "owner-root"].map(|name| lab.workshop.certificate(name).unwrap());
    lab.workshop.write("owner.p7", &certificates_only(&chain).unwrap()).unwrap();
    let listed = lab.workshop.openssl(&["pkcs7", "-inform", "DER", "-in", "owner.p7", "-print_certs"]).unwrap();
    let listed = pki::certificate::Certificate::chain_from_pem(&listed).unwrap();
    assert_eq!(listed.len(), chain.len());
    assert!(chain.iter().all(|certificate| listed.contains(certificate)));
}

#[test]
fn art_13_openssl_and_we_make_the_same_bag() {
    let lab = Lab::new(need!("openssl"), KeyKind::P256);
    let names = ["owner", "owner-ca"];
    let ours = certificates_only(&names.map(|name| lab.workshop.certificate(name).unwrap())).unwrap();
    assert_eq!(ours, lab.bag_by_openssl(&names));
}

#[test]
fn art_20_art_26_art_29_a_device_accepts_what_openssl_made() {
    let openssl = need!("openssl");
    for kind in KINDS {
        let lab = Lab::new(openssl.clone(), kind);
        let voucher = lab.voucher().to_json();
        let information = Information::from(onboarding()).encode(Encoding::Json);
        let bag = lab.bag_by_openssl(&["owner-ca", "owner"]);
        for (of_voucher, of_information) in [(VOUCHER_TYPE, INFORMATION_TYPE), (ID_DATA, ID_DATA)] {
            for more in [&[][..], &["-keyid"], &["-md", "sha384"], &["-md", "sha512"]] {
                // ECDSA with SHA-512 is not among the algorithms of this project.
                if kind == KeyKind::P256 && more.contains(&"sha512") {
                    continue;
                }
                let voucher = lab.signed_by_openssl(&voucher, "masa", &[of_voucher, more].concat());
                let information = lab.signed_by_openssl(&information, "owner", &[of_information, more].concat());
                let accepted = lab.judge(&information, &bag, &voucher);
                assert_eq!(accepted, Ok(Accepted::Onboarding(onboarding())), "{kind:?} {of_voucher:?} {more:?}");
            }
        }
    }
}

#[test]
fn art_27_a_device_refuses_what_openssl_made_and_somebody_changed() {
    let lab = Lab::new(need!("openssl"), KeyKind::P256);
    let information = Information::from(onboarding()).encode(Encoding::Json);
    let voucher = lab.signed_by_openssl(&lab.voucher().to_json(), "masa", VOUCHER_TYPE);
    let information = lab.signed_by_openssl(&information, "owner", INFORMATION_TYPE);
    let bag = lab.bag_by_openssl(&["owner-ca", "owner"]);
    let place = |der: &[u8], text: &[u8]| der.windows(text.len()).position(|window| window == text).unwrap();
    let reason = |information: &[u8], voucher: &[u8]| lab.judge(information, &bag, voucher).unwrap_err().reason;

    let in_content = changed(&voucher, place(&voucher, b"SN-0001"));
    assert_eq!(reason(&information, &in_content), ReasonCode::SignedAttributesInvalid);
    let in_signature = changed(&voucher, voucher.len() - 1);
    assert_eq!(reason(&information, &in_signature), ReasonCode::VoucherSignatureInvalid);
    let in_content = changed(&information, place(&information, b"script"));
    assert_eq!(reason(&in_content, &voucher), ReasonCode::SignedAttributesInvalid);
    let in_signature = changed(&information, information.len() - 1);
    assert_eq!(reason(&in_signature, &voucher), ReasonCode::ConveyedInformationSignatureInvalid);
    let in_bag = changed(&bag, place(&bag, b"owner-ca"));
    assert!(lab.judge(&information, &in_bag, &voucher).is_err());
}

#[test]
fn art_26_a_voucher_by_openssl_without_signed_attributes() {
    let lab = Lab::new(need!("openssl"), KeyKind::P256);
    let information = lab.signed_by_us(
        ContentType::ConveyedInfoJson,
        &Information::from(onboarding()).encode(Encoding::Json),
        &["owner"],
    );
    let bag = lab.bag_by_openssl(&["owner-ca", "owner"]);
    let document = lab.voucher().to_json();
    let judge = |flags: &[&str]| {
        let voucher = lab.signed_by_openssl(&document, "masa", &[flags, &["-noattr"]].concat());
        lab.judge(&information, &bag, &voucher).map_err(|refusal| refusal.reason)
    };
    assert_eq!(judge(ID_DATA), Ok(Accepted::Onboarding(onboarding())));
    assert_eq!(judge(VOUCHER_TYPE), Err(ReasonCode::SignedAttributesInvalid));
}

#[test]
fn art_14_without_the_intermediate_the_owner_is_not_pinned() {
    let lab = Lab::new(need!("openssl"), KeyKind::P256);
    let voucher = lab.signed_by_openssl(&lab.voucher().to_json(), "masa", VOUCHER_TYPE);
    let information = Information::from(onboarding()).encode(Encoding::Json);
    let information = lab.signed_by_openssl(&information, "owner", INFORMATION_TYPE);
    let refusal = lab.judge(&information, &lab.bag_by_openssl(&["owner"]), &voucher).unwrap_err();
    assert_eq!(refusal.reason, ReasonCode::OwnerNotPinned);
}

#[test]
fn two_signers_by_openssl_are_refused() {
    let lab = Lab::new(need!("openssl"), KeyKind::P256);
    lab.workshop.issue("masa-root", "second", KeyKind::P256, Role::EndEntity).unwrap();
    let second: &[&str] = &["-signer", "second.pem", "-inkey", "second.key"];
    let der = lab.signed_by_openssl(b"{}", "masa", &[VOUCHER_TYPE, second].concat());
    let signed = SignedData::from_der(&der).unwrap();
    assert_eq!(signed.verify_signer().unwrap_err(), conveyed_info::cms::CmsError::Signers(2));
}

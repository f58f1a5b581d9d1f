//! A folder with a manufacturer, an owner and a device, in which `sztp` and OpenSSL work side by side.

use std::process::Command;

use conveyed_info::{
    Encoding,
    information::{BootImage, Configuration, ConfigurationHandling, Information, OnboardingInformation, Script},
    voucher::{Assertion, Freshness, Voucher},
};
use interop_tests::{
    lab::program,
    openssl::{KeyKind, Role, Workshop},
    peer::Peer,
};
use pki::{identity::SerialNumber, time::Timestamp};
use serde_json::Value;

pub(crate) const VOUCHER_TYPE: &[&str] = &["-econtent_type", "1.2.840.113549.1.9.16.1.40"];
pub(crate) const INFORMATION_TYPE: &[&str] = &["-econtent_type", "1.2.840.113549.1.9.16.1.43"];

/// A folder with a manufacturer, an owner and a device, in which both programs work.
pub(crate) struct Desk(pub(crate) Workshop);

/// What a command left behind.
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }
}

impl Desk {
    /// With the documents `doc.json`, `doc.xml` and `voucher.json`, and the voucher `ov.vcj` that OpenSSL signed.
    pub(crate) fn new(openssl: Peer) -> Self {
        let workshop = Workshop::new(openssl).unwrap();
        let kind = KeyKind::P256;
        workshop.self_sign("masa-root", kind, Role::Ca).unwrap();
        workshop.issue("masa-root", "masa", kind, Role::EndEntity).unwrap();
        workshop.self_sign("owner-root", kind, Role::Ca).unwrap();
        workshop.issue("owner-root", "owner", kind, Role::EndEntity).unwrap();
        workshop.issue("masa-root", "device", kind, Role::Recipient).unwrap();
        let chain = [workshop.read("owner.pem").unwrap(), workshop.read("owner-root.pem").unwrap()].concat();
        workshop.write("chain.pem", &chain).unwrap();
        let onboarding = Information::Onboarding(OnboardingInformation {
            boot_image: Some(BootImage {
                os_name: Some("AcmeOS".to_owned()),
                os_version: Some("2.1.0".to_owned()),
                download_uris: vec!["https://img.example.net/acmeos.bin".to_owned()],
                sha256: None,
            }),
            pre_configuration_script: Some(Script(b"#!/bin/sh\necho PASSWORD\n".to_vec())),
            configuration: Some(Configuration {
                handling: ConfigurationHandling::Merge,
                content: b"PASSWORD".to_vec(),
            }),
            post_configuration_script: None,
        });
        workshop.write("doc.json", &onboarding.encode(Encoding::Json)).unwrap();
        workshop.write("doc.xml", &onboarding.encode(Encoding::Xml)).unwrap();
        let desk = Self(workshop);
        desk.make_voucher(None);
        desk
    }

    /// The voucher `ov.vcj`, which demands revocation checks or does not.
    pub(crate) fn make_voucher(&self, domain_cert_revocation_checks: Option<bool>) {
        let now = Timestamp::from_system(std::time::SystemTime::now());
        let voucher = Voucher {
            created_on: Some(now.plus_seconds(-60)),
            freshness: Freshness::ExpiresOn { expires_on: now.plus_seconds(3600), last_renewal_date: None },
            assertion: Assertion::Verified,
            serial_number: SerialNumber::new("SN-0001").unwrap(),
            idevid_issuer: None,
            pinned_domain_cert: self.0.certificate("owner-root").unwrap(),
            domain_cert_revocation_checks,
        };
        self.0.write("voucher.json", &voucher.to_json()).unwrap();
        self.openssl_signs("voucher.json", "masa", "ov.vcj", VOUCHER_TYPE);
    }

    pub(crate) fn openssl_signs(&self, document: &str, signer: &str, out: &str, flags: &[&str]) {
        let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let sign = ["cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-in", document, "-out", out];
        self.0.openssl(&[&sign[..], &["-signer", &certificate, "-inkey", &key], flags].concat()).unwrap();
    }

    /// Runs `sztp` with these words.
    pub(crate) fn sztp(&self, words: &str) -> Done {
        let mut command = Command::new(program("sztp"));
        let output = command.args(words.split_whitespace()).current_dir(self.0.folder()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Done { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The same, which must succeed.
    pub(crate) fn good(&self, words: &str) -> Done {
        let done = self.sztp(words);
        assert_eq!(done.code, Some(0), "{words}\n{}{}", done.out, done.err);
        done
    }

    /// Verifies `ci`, signed, as the device would.
    pub(crate) fn verify(&self, ci: &str, more: &str) -> Done {
        let artifacts = format!("--conveyed-information {ci} --owner-certificate oc.cms --ownership-voucher ov.vcj");
        self.sztp(&format!(
            "artifact verify {artifacts} --trust-anchor masa-root.pem --serial-number SN-0001 --output json {more}"
        ))
    }

    /// Conveyed information `ci.cms` and owner certificate `oc.cms`, ours.
    pub(crate) fn make(&self) {
        self.good("artifact make --document doc.json --out ci.cms --sign-key owner.key --sign-certificate chain.pem");
        self.good("artifact make --owner-certificate chain.pem --out oc.cms");
    }
}

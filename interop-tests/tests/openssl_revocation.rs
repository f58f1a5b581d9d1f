//! Revocation against OpenSSL, both ways: a device heeds the lists and responses that `openssl ca` and `openssl ocsp` make,
//! and OpenSSL reads what we staple.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::SystemTime;

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding, OwnerCertificate, OwnershipVoucher, Unverified,
    cms::{ContentType, Draft, SignedData},
    information::{Information, OnboardingInformation, Script},
    make,
    verify::{self, Context},
    voucher::{Assertion, Freshness, Voucher},
};
use interop_tests::{
    matrix,
    matrix::{Direction, Form},
    need,
    openssl::{KeyKind, Role, Workshop},
    peer::Peer,
};
use pki::{
    identity::SerialNumber,
    revocation::{Crl, Evidence, OcspResponse},
    time::{Clock, Timestamp},
};
use verdict::ReasonCode;

const KINDS: [KeyKind; 2] = [KeyKind::P256, KeyKind::Rsa2048];
const HOUR: i64 = 3600;
const GOOD: Result<(), ReasonCode> = Ok(());
const REVOKED: Result<(), ReasonCode> = Err(ReasonCode::CertificateRevoked);
const UNCHECKED: Result<(), ReasonCode> = Err(ReasonCode::RevocationUnchecked);

/// A row of the table of what was proved.
fn row(evidence: &str, issuer: KeyKind) -> String {
    let issuer = if issuer == KeyKind::P256 { "P-256" } else { "RSA" };
    format!("{evidence} by an issuer with {issuer} keys")
}

/// A manufacturer, and an owner whose CA is pinned and demands that revocation is checked.
struct Lab {
    workshop: Workshop,
    kind: KeyKind,
    now: Timestamp,
}

impl Lab {
    fn new(openssl: Peer, kind: KeyKind) -> Self {
        let workshop = Workshop::new(openssl).unwrap();
        workshop.self_sign("masa-root", kind, Role::Ca).unwrap();
        workshop.issue("masa-root", "masa", kind, Role::EndEntity).unwrap();
        workshop.self_sign("owner-ca", kind, Role::Ca).unwrap();
        workshop.issue("owner-ca", "owner", kind, Role::EndEntity).unwrap();
        let authority = "[authority]\ndatabase = index.txt\ndefault_md = sha256\n\
                         [extended]\ndatabase = index.txt\ndefault_md = sha256\ncrl_extensions = crl\n\
                         [crl]\nauthorityKeyIdentifier = keyid:always\n\
                         [user_only]\ndatabase = index.txt\ndefault_md = sha256\ncrl_extensions = for_users\n\
                         [for_users]\nissuingDistributionPoint = critical,@users\n[users]\nonlyuser = TRUE\n\
                         [ca_only]\ndatabase = index.txt\ndefault_md = sha256\ncrl_extensions = for_cas\n\
                         [for_cas]\nissuingDistributionPoint = critical,@cas\n[cas]\nonlyCA = TRUE\n\
                         [delta]\ndatabase = index.txt\ndefault_md = sha256\ncrl_extensions = of_delta\n\
                         [of_delta]\n2.5.29.27 = critical,ASN1:INTEGER:1\n";
        workshop.write("authority.cnf", authority.as_bytes()).unwrap();
        workshop.write("index.txt", b"").unwrap();
        let lab = Self { workshop, kind, now: Timestamp::from_system(SystemTime::now()) };
        lab.authority("owner-ca", "authority", &["-valid", "owner.pem"]);
        lab
    }

    /// `openssl ca` with a section of the configuration.
    fn authority(&self, ca: &str, section: &str, arguments: &[&str]) {
        let (certificate, key) = (format!("{ca}.pem"), format!("{ca}.key"));
        let base =
            ["ca", "-batch", "-config", "authority.cnf", "-name", section, "-cert", &certificate, "-keyfile", &key];
        self.workshop.openssl(&[&base[..], arguments].concat()).unwrap();
    }

    fn revoke_owner(&self) {
        self.authority("owner-ca", "authority", &["-revoke", "owner.pem", "-crl_reason", "keyCompromise"]);
    }

    /// A list in `list.crl` (PEM), by this CA; gives the DER.
    fn list(&self, ca: &str, section: &str, period: &[&str]) -> Vec<u8> {
        self.authority(ca, section, &[&["-gencrl", "-out", "list.crl"], period].concat());
        self.workshop.openssl(&["crl", "-in", "list.crl", "-outform", "DER"]).unwrap()
    }

    fn week(&self, section: &str) -> Vec<u8> {
        self.list("owner-ca", section, &["-crldays", "7"])
    }

    /// What `signer` responds about the owner; `named_by` is the hash that names its issuer.
    fn response(&self, signer: &str, named_by: &str, period: &[&str]) -> Vec<u8> {
        let ask =
            ["ocsp", named_by, "-issuer", "owner-ca.pem", "-cert", "owner.pem", "-no_nonce", "-reqout", "request.der"];
        self.workshop.openssl(&ask).unwrap();
        let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let answer = ["ocsp", "-index", "index.txt", "-CA", "owner-ca.pem", "-rsigner", &certificate, "-rkey", &key];
        let files = ["-reqin", "request.der", "-respout", "response.der"];
        self.workshop.openssl(&[&answer[..], &files, period].concat()).unwrap();
        self.workshop.read("response.der").unwrap()
    }

    /// A key and a certificate for it by `issuer`, with another subject or more extensions.
    fn certify(&self, name: &str, subject: &str, issuer: Option<&str>, more: &[&str]) {
        self.workshop.make_key(name, self.kind).unwrap();
        let (subject, key, certificate) = (format!("/CN={subject}"), format!("{name}.key"), format!("{name}.pem"));
        let base = ["req", "-x509", "-new", "-config", "openssl.cnf", "-days", "30", "-subj", &subject];
        let files = ["-key", &key, "-out", &certificate];
        let issuer = issuer.map(|issuer| [format!("{issuer}.pem"), format!("{issuer}.key")]);
        let issuer = issuer.iter().flat_map(|[certificate, key]| ["-CA", certificate, "-CAkey", key]);
        let arguments: Vec<_> = base.into_iter().chain(files).chain(issuer).chain(more.iter().copied()).collect();
        self.workshop.openssl(&arguments).unwrap();
    }

    fn stapled(&self, evidence: &Evidence) -> Vec<u8> {
        make::owner_certificate_with_evidence(&[self.workshop.certificate("owner").unwrap()], evidence)
            .unwrap()
            .der()
            .to_vec()
    }

    /// What a device makes of an owner certificate artifact, so many seconds from now.
    fn judge(&self, owner_certificate: &[u8], later: i64) -> Result<(), ReasonCode> {
        let serial_number = SerialNumber::new("SN-0001").unwrap();
        let certificate = |name: &str| self.workshop.certificate(name).unwrap();
        let voucher = Voucher {
            created_on: Some(self.now.plus_seconds(-60)),
            freshness: Freshness::Unlimited,
            assertion: Assertion::Verified,
            serial_number: serial_number.clone(),
            idevid_issuer: None,
            pinned_domain_cert: certificate("owner-ca"),
            domain_cert_revocation_checks: Some(true),
        };
        let script = Some(Script(b"#!/bin/sh\n".to_vec()));
        let information =
            OnboardingInformation { pre_configuration_script: script, ..OnboardingInformation::default() };
        let information = Information::from(information).encode(Encoding::Json);
        let sign = |content_type, content: &[u8], name: &str| {
            Draft::sign(content_type, content, &self.workshop.key(name).unwrap(), &[certificate(name)]).unwrap()
        };
        let data = BootstrappingData::Signed {
            conveyed_information: ConveyedInformation::from_der(sign(
                ContentType::ConveyedInfoJson,
                &information,
                "owner",
            ))
            .unwrap(),
            owner_certificate: OwnerCertificate::from_der(owner_certificate).unwrap(),
            ownership_voucher: OwnershipVoucher::from_der(sign(
                ContentType::AnimaJsonVoucher,
                &voucher.to_json(),
                "masa",
            ))
            .unwrap(),
        };
        // A list made after this moment began would lie in the future.
        let now = Timestamp::from_system(SystemTime::now()).plus_seconds(later);
        let anchors = [certificate("masa-root")];
        let context = Context::new(&anchors, &serial_number, Clock::Trusted(now));
        verify::verify(Unverified::new(data), &context).map(drop).map_err(|refusal| refusal.reason)
    }

    fn judge_list(&self, der: &[u8]) -> Result<(), ReasonCode> {
        self.judge(&self.stapled(&list_evidence(der)), 0)
    }

    fn judge_response(&self, der: &[u8]) -> Result<(), ReasonCode> {
        self.judge(&self.stapled(&response_evidence(der)), 0)
    }

    /// What OpenSSL makes of the owner's certificate with the list in `list.crl`.
    fn openssl_accepts_with_list(&self) -> bool {
        let verify = ["verify", "-crl_check", "-CAfile", "owner-ca.pem", "-CRLfile", "list.crl", "owner.pem"];
        self.workshop.openssl(&verify).is_ok()
    }

    /// What OpenSSL makes of the owner's certificate with the response in `response.der`; `None` when it does not
    /// believe the response.
    fn openssl_reads_response(&self, named_by: &str) -> Option<String> {
        let ask = ["ocsp", "-respin", "response.der", "-CAfile", "owner-ca.pem", named_by, "-issuer", "owner-ca.pem"];
        let said = self.workshop.openssl(&[&ask[..], &["-cert", "owner.pem"]].concat()).ok()?;
        let said = String::from_utf8(said).unwrap();
        said.lines().find_map(|line| line.strip_prefix("owner.pem: ").map(str::to_owned))
    }
}

fn list_evidence(der: &[u8]) -> Evidence {
    let mut evidence = Evidence::new();
    evidence.add_crl(Crl::from_der(der).unwrap());
    evidence
}

fn response_evidence(der: &[u8]) -> Evidence {
    let mut evidence = Evidence::new();
    evidence.add_ocsp_response(OcspResponse::from_der(der).unwrap());
    evidence
}

#[test]
fn cli_38_art_16_lists_by_openssl_clear_and_revoke_as_openssl_has_it() {
    let openssl = need!("openssl");
    let matrix = matrix!();
    for kind in KINDS {
        let lab = Lab::new(openssl.clone(), kind);
        // Version 1, and version 2 with extensions.
        for section in ["authority", "extended"] {
            assert_eq!(lab.judge_list(&lab.week(section)), GOOD, "{kind:?} {section}");
            assert!(lab.openssl_accepts_with_list());
        }
        lab.revoke_owner();
        for section in ["authority", "extended"] {
            assert_eq!(lab.judge_list(&lab.week(section)), REVOKED, "{kind:?} {section}");
            assert!(!lab.openssl_accepts_with_list());
        }
        matrix.proved(Form::Revocation, &row("revocation list", kind), Direction::OpensslToUs);
    }
}

#[test]
fn cli_38_a_stale_list_by_openssl_does_not_do_and_an_old_revocation_counts() {
    let lab = Lab::new(need!("openssl"), KeyKind::P256);
    let old = ["-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200102000000Z"];
    assert_eq!(lab.judge_list(&lab.list("owner-ca", "authority", &old)), UNCHECKED);
    assert!(!lab.openssl_accepts_with_list());
    assert_eq!(lab.judge(&lab.stapled(&Evidence::new()), 0), UNCHECKED);
    lab.revoke_owner();
    assert_eq!(lab.judge_list(&lab.list("owner-ca", "authority", &old)), REVOKED);
}

#[test]
fn a_list_by_somebody_else_under_the_cas_name_does_not_do() {
    let lab = Lab::new(need!("openssl"), KeyKind::P256);
    lab.certify("namesake", "owner-ca", None, &["-extensions", "ca"]);
    assert_eq!(lab.judge_list(&lab.list("namesake", "authority", &["-crldays", "7"])), UNCHECKED);
    assert!(!lab.openssl_accepts_with_list());
    lab.revoke_owner();
    assert_eq!(lab.judge_list(&lab.list("namesake", "authority", &["-crldays", "7"])), UNCHECKED);
}

#[test]
fn lists_by_openssl_clear_only_what_they_cover() {
    let lab = Lab::new(need!("openssl"), KeyKind::P256);
    for (section, expected) in [("user_only", GOOD), ("ca_only", UNCHECKED)] {
        assert_eq!(lab.judge_list(&lab.week(section)), expected, "{section}");
        assert_eq!(lab.openssl_accepts_with_list(), expected.is_ok(), "{section}");
    }
    // RFC 5280 §5.2.4: a delta without the list that it amends.
    assert_eq!(lab.judge_list(&lab.week("delta")), UNCHECKED);
}

#[test]
fn cli_38_art_17_responses_by_openssl_clear_and_revoke_as_openssl_has_it() {
    let openssl = need!("openssl");
    let matrix = matrix!();
    for kind in KINDS {
        let lab = Lab::new(openssl.clone(), kind);
        lab.certify(
            "responder",
            "responder",
            Some("owner-ca"),
            &["-extensions", "end_entity", "-addext", "extendedKeyUsage=OCSPSigning"],
        );
        let ways = ["owner-ca", "responder"].into_iter().flat_map(|signer| {
            let by_key: [&[&str]; 2] = [&["-ndays", "7"], &["-ndays", "7", "-resp_key_id"]];
            ["-sha1", "-sha256"].into_iter().flat_map(move |named_by| by_key.map(|period| (signer, named_by, period)))
        });
        let ways: Vec<_> = ways.collect();
        for (expected, said) in [(GOOD, "good"), (REVOKED, "revoked")] {
            for (signer, named_by, period) in &ways {
                let judged = lab.judge_response(&lab.response(signer, named_by, period));
                assert_eq!(judged, expected, "{kind:?} {signer} {named_by} {period:?}");
                assert_eq!(lab.openssl_reads_response(named_by).as_deref(), Some(said));
            }
            if expected == GOOD {
                lab.revoke_owner();
            }
        }
        matrix.proved(Form::Revocation, &row("OCSP response", kind), Direction::OpensslToUs);
    }
}

#[test]
fn cli_38_responses_that_are_stale_or_by_somebody_else_do_not_do() {
    let lab = Lab::new(need!("openssl"), KeyKind::P256);
    let response = lab.response("owner-ca", "-sha1", &["-nmin", "30"]);
    assert_eq!(lab.judge_response(&response), GOOD);
    assert_eq!(lab.judge(&lab.stapled(&response_evidence(&response)), HOUR), UNCHECKED, "an hour later");
    let endless = lab.response("owner-ca", "-sha1", &[]);
    assert_eq!(lab.judge_response(&endless), UNCHECKED, "without the date of the next");

    lab.workshop.issue("owner-ca", "other", KeyKind::P256, Role::EndEntity).unwrap();
    let by_no_delegate = lab.response("other", "-sha1", &["-ndays", "7"]);
    assert_eq!(lab.judge_response(&by_no_delegate), UNCHECKED, "without the extended key usage");
    assert_eq!(lab.openssl_reads_response("-sha1"), None);

    let delegate = ["-extensions", "end_entity", "-addext", "extendedKeyUsage=OCSPSigning"];
    lab.certify("stranger", "stranger", Some("masa-root"), &delegate);
    let by_stranger = lab.response("stranger", "-sha1", &["-ndays", "7"]);
    assert_eq!(lab.judge_response(&by_stranger), UNCHECKED, "a delegate of another CA");
    assert_eq!(lab.openssl_reads_response("-sha1"), None);
}

#[test]
fn art_16_a_bag_with_a_list_by_openssl_crl2pkcs7_is_read() {
    let (lab, matrix) = (Lab::new(need!("openssl"), KeyKind::P256), matrix!());
    let bag = |lab: &Lab| {
        lab.week("authority");
        let make = ["crl2pkcs7", "-in", "list.crl", "-certfile", "owner.pem", "-outform", "DER", "-out", "bag.p7"];
        lab.workshop.openssl(&make).unwrap();
        lab.workshop.read("bag.p7").unwrap()
    };
    let theirs = bag(&lab);
    assert_eq!(lab.judge(&theirs, 0), GOOD);
    // Octet for octet what we make.
    let list = SignedData::from_der(&theirs).unwrap().revocation().clone();
    assert_eq!(lab.stapled(&list), theirs);
    lab.revoke_owner();
    assert_eq!(lab.judge(&bag(&lab), 0), REVOKED);
    for direction in [Direction::OpensslToUs, Direction::UsToOpenssl] {
        matrix.proved(Form::Revocation, "revocation list in a bag of crl2pkcs7", direction);
    }
}

#[test]
fn art_16_art_17_openssl_reads_what_we_staple() {
    let (lab, matrix) = (Lab::new(need!("openssl"), KeyKind::P256), matrix!());
    let (list, response) = (lab.week("extended"), lab.response("owner-ca", "-sha256", &["-ndays", "7"]));
    lab.workshop.write("list.p7", &lab.stapled(&list_evidence(&list))).unwrap();
    let printed = lab.workshop.openssl(&["pkcs7", "-inform", "DER", "-in", "list.p7", "-print_certs"]).unwrap();
    lab.workshop.write("printed.pem", &printed).unwrap();
    let given_back = lab.workshop.openssl(&["crl", "-in", "printed.pem", "-outform", "DER"]).unwrap();
    assert_eq!(given_back, list);
    matrix.proved(Form::Revocation, &row("revocation list", KeyKind::P256), Direction::UsToOpenssl);

    let mut both = list_evidence(&list);
    both.add_all(&response_evidence(&response));
    lab.workshop.write("both.p7", &lab.stapled(&both)).unwrap();
    let print = ["cms", "-cmsout", "-print", "-noout", "-inform", "DER", "-in", "both.p7"];
    let printed = String::from_utf8(lab.workshop.openssl(&print).unwrap()).unwrap();
    let words = ["version: 5", "issuer: CN=owner-ca", "d.other", "1.3.6.1.5.5.7.16.2"];
    assert!(words.iter().all(|word| printed.contains(word)), "{printed}");
    // The response stands in it as it is.
    let dump = lab.workshop.openssl(&["asn1parse", "-inform", "DER", "-in", "both.p7"]).unwrap();
    assert!(String::from_utf8(dump).unwrap().contains("Basic OCSP Response"));
    matrix.proved(Form::Revocation, &row("OCSP response", KeyKind::P256), Direction::UsToOpenssl);
}

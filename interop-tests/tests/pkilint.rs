//! What we issue, as pkilint judges it by RFC 5280 and its relatives.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::process::{Command, Stdio};

use authority::{CrlPlan, Kind, OcspPeriod, OcspRequest, OcspResponder, RevokedCertificate, Unissued};
use interop_tests::{
    issued::{Issued, key, now, profile, serial, subject},
    need,
    openssl::Workshop,
    peer::Peer,
};
use pki::{
    identity::SerialNumber,
    key::{KeySpec, Signer},
    revocation::{Reason, Revocation},
};

/// What pkilint says about something that is as we want it: the code of the finding, and why it stays. There is nothing yet.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Runs one of pkilint's programs on a file; gives the findings, from notice upwards, that no exception names.
fn findings(pkilint: &Peer, workshop: &Workshop, program: &str, options: &[&str], file: &str) -> Vec<String> {
    let output = Command::new(pkilint.path().with_file_name(program))
        .args([&["lint", "--severity", "NOTICE", "--format", "CSV"], options, &[file]].concat())
        .current_dir(workshop.folder())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let mut lines = said.lines();
    // Without its header nothing was judged.
    let header = lines.next().unwrap_or_default();
    assert!(header.starts_with("node_path,"), "{file}: {said}{}", String::from_utf8_lossy(&output.stderr));
    let is_known = |line: &&str| !EXCEPTIONS.iter().any(|(code, _)| line.contains(code));
    lines.filter(|line| !line.trim().is_empty()).filter(is_known).map(str::to_owned).collect()
}

#[test]
fn pkilint_finds_nothing_in_any_kind_of_certificate() {
    let pkilint = need!("lint_pkix_cert");
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let issued = Issued::by(&workshop, KeySpec::P256).unwrap();
    let chain = issued.ca.chain().iter().map(|it| ("a CA".to_owned(), it));
    // Each kind once; kinds of keys differ in key usage alone, which those of devices show.
    let wanted = |kind: Kind, spec| spec == KeySpec::P256 || kind == Kind::Idevid && spec == KeySpec::Rsa2048;
    let ends = issued.certificates.iter().filter(|(kind, spec, _)| wanted(*kind, *spec));
    for (name, certificate) in chain.chain(ends.map(|(kind, spec, it)| (format!("{kind}, {spec}"), it))) {
        workshop.write("certificate.pem", certificate.to_pem().as_bytes()).unwrap();
        let found = findings(&pkilint, &workshop, "lint_pkix_cert", &[], "certificate.pem");
        assert_eq!(found, [""; 0], "{name}");
    }
    // That it can find something at all.
    let bare = ["req", "-x509", "-newkey", "ed25519", "-noenc", "-subj", "/CN=x", "-keyout", "x.key", "-out", "x.pem"];
    workshop.openssl(&bare).unwrap();
    assert!(!findings(&pkilint, &workshop, "lint_pkix_cert", &[], "x.pem").is_empty());
}

#[test]
fn pkilint_finds_nothing_in_a_shard() {
    let pkilint = need!("lint_pkix_cert");
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let issued = Issued::by(&workshop, KeySpec::P256).unwrap();
    let profile = profile(Kind::Owner).unwrap();
    let location = profile.crl().unwrap();
    let (_, _, certificate) = &issued.certificates[0];
    let shard = location.shards().of(certificate.certificate_serial());
    let revocation = Revocation { when: now().plus_seconds(-10), reason: Some(Reason::KeyCompromise) };
    let revoked = RevokedCertificate { serial: certificate.certificate_serial().to_vec(), revocation };
    let (this_update, next_update) = (now().plus_seconds(-60), now().plus_seconds(3600));
    for (place, revoked) in [(None, None), (Some((location, shard)), Some(&revoked))] {
        let plan = CrlPlan { place, number: 7, this_update, next_update };
        workshop.write("list.der", issued.ca.revocation_list(&plan, revoked).unwrap().der()).unwrap();
        let found = findings(&pkilint, &workshop, "lint_crl", &["--type", "CRL", "--profile", "PKIX"], "list.der");
        assert_eq!(found, [""; 0]);
    }
}

#[test]
fn pkilint_finds_nothing_in_an_ocsp_answer() {
    let pkilint = need!("lint_pkix_cert");
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let issued = Issued::by(&workshop, KeySpec::P256).unwrap();
    let signer = key(&workshop, KeySpec::P256).unwrap();
    let who = subject(Kind::OcspResponder, &SerialNumber::new("SN-1").unwrap());
    let profile = profile(Kind::OcspResponder).unwrap();
    let delegate = issued.ca.issue(&profile, &who, signer.public_key(), serial(), now()).unwrap();
    let ca = issued.ca.chain()[0].clone();
    workshop.write("ca.pem", ca.to_pem().as_bytes()).unwrap();
    workshop.write("end.pem", issued.certificates[0].2.to_pem().as_bytes()).unwrap();
    let responder = OcspResponder::new(ca, Box::new(signer), Some(delegate), Unissued::Revoked).unwrap();
    workshop.openssl(&["ocsp", "-issuer", "ca.pem", "-cert", "end.pem", "-reqout", "question.der"]).unwrap();
    let request = OcspRequest::from_der(&workshop.read("question.der").unwrap()).unwrap();
    let period = OcspPeriod { now: now(), this_update: now().plus_seconds(-60), next_update: now().plus_seconds(3600) };
    let revocation = Revocation { when: now().plus_seconds(-10), reason: Some(Reason::KeyCompromise) };
    for recorded in [authority::Recorded::Good, authority::Recorded::Revoked(revocation), authority::Recorded::Unissued]
    {
        let answer = responder.answer(&request, |_| recorded, period).unwrap();
        workshop.write("answer.der", &answer.der).unwrap();
        assert_eq!(findings(&pkilint, &workshop, "lint_ocsp_response", &[], "answer.der"), [""; 0], "{recorded:?}");
    }
}

//! OCSP: OpenSSL asks, we answer, and OpenSSL judges the answer.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use authority::{
    CertificateAuthority, Kind, OcspPeriod, OcspRequest, OcspResponder, Profile, Recorded, Subject, Unissued,
};
use interop_tests::{
    issued::{key, now, serial},
    need,
    openssl::Workshop,
};
use pki::{
    key::{FileKey, KeySpec, Signer},
    revocation::{Reason, Revocation},
};

/// A workshop with a root, a certificate `end.pem` that it issued, and a responder with a key of this kind.
fn responder(workshop: &Workshop, spec: KeySpec) -> OcspResponder {
    let root = Box::new(FileKey::generate_p256().unwrap());
    let ca = CertificateAuthority::new_root("Root", root, serial(), now()).unwrap();
    let issue = |kind, key: &FileKey| {
        ca.issue(&Profile::of(kind), &Subject::named("Somebody"), key.public_key(), serial(), now()).unwrap()
    };
    let end = issue(Kind::Owner, &FileKey::generate_p256().unwrap());
    workshop.write("ca.pem", ca.chain()[0].to_pem().as_bytes()).unwrap();
    workshop.write("end.pem", end.to_pem().as_bytes()).unwrap();
    let key = key(workshop, spec).unwrap();
    let delegate = issue(Kind::OcspResponder, &key);
    OcspResponder::new(ca.chain()[0].clone(), Box::new(key), Some(delegate), Unissued::Unknown).unwrap()
}

/// What OpenSSL says of our answer to its own question.
fn asked(workshop: &Workshop, responder: &OcspResponder, hash: &str, nonce: &str, recorded: Recorded) -> String {
    let question = ["ocsp", hash, "-issuer", "ca.pem", "-cert", "end.pem"];
    workshop.openssl(&[&question[..], &[nonce, "-reqout", "question.der"]].concat()).unwrap();
    let request = OcspRequest::from_der(&workshop.read("question.der").unwrap()).unwrap();
    assert_eq!(request.nonce().is_some(), nonce == "-nonce");
    assert_eq!(responder.asked(&request).count(), 1, "{hash}");
    let period = OcspPeriod { now: now(), this_update: now().plus_seconds(-60), next_update: now().plus_seconds(3600) };
    let answer = responder.answer(&request, |_| recorded, period).unwrap();
    workshop.write("answer.der", &answer.der).unwrap();
    let judge = ["-no_nonce", "-respin", "answer.der", "-CAfile", "ca.pem", "-resp_text"];
    String::from_utf8(workshop.openssl(&[&question[..], &judge].concat()).unwrap()).unwrap()
}

#[test]
fn openssl_believes_our_answers() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let revocation = Revocation { when: now().plus_seconds(-600), reason: Some(Reason::KeyCompromise) };
    for spec in [KeySpec::P256, KeySpec::P384, KeySpec::Rsa2048, KeySpec::Ed25519] {
        let responder = responder(&workshop, spec);
        for hash in ["-sha1", "-sha256"] {
            let good = asked(&workshop, &responder, hash, "-no_nonce", Recorded::Good);
            assert!(good.contains("end.pem: good"), "{spec}, {hash}: {good}");
        }
        let revoked = asked(&workshop, &responder, "-sha1", "-no_nonce", Recorded::Revoked(revocation));
        assert!(revoked.contains("end.pem: revoked") && revoked.contains("Reason: keyCompromise"), "{revoked}");
        let unknown = asked(&workshop, &responder, "-sha1", "-no_nonce", Recorded::Unissued);
        assert!(unknown.contains("end.pem: unknown"), "{unknown}");
    }
}

#[test]
fn the_nonce_comes_back_as_it_went() {
    let workshop = Workshop::new(need!("openssl")).unwrap();
    let responder = responder(&workshop, KeySpec::P256);
    asked(&workshop, &responder, "-sha256", "-nonce", Recorded::Good);
    let request = OcspRequest::from_der(&workshop.read("question.der").unwrap()).unwrap();
    let text = workshop.openssl(&["ocsp", "-respin", "answer.der", "-resp_text", "-noverify"]).unwrap();
    let text = String::from_utf8(text).unwrap();
    let nonce: String = request.nonce().unwrap().iter().map(|octet| format!("{octet:02X}")).collect();
    assert!(text.contains("OCSP Nonce") && text.replace(['\n', ' '], "").contains(&nonce), "{text}");
}

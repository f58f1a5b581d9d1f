//! OCSP answers, judged by the code that devices run.

use authority::{
    CertificateAuthority, Kind, OcspFailure, OcspPeriod, OcspRequest, OcspResponder, OcspResponderError, Profile,
    Recorded, Subject, Unissued,
};
use const_oid::ObjectIdentifier;
use der::{
    Any, Encode,
    asn1::{Int, OctetString},
};
use pki::{
    certificate::Certificate,
    digest::sha256,
    key::{FileKey, Signer},
    path::{self, Policy, Purpose},
    revocation::{self, Demand, Evidence, OcspResponse, Reason, Revocation},
    time::Clock,
};
use spki::AlgorithmIdentifierOwned;

use crate::support::{ca, now, serial};

const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");

/// A request about `certificates` of `issuer`, by hand.
fn request(issuer: &Certificate, certificates: &[&Certificate], nonce: Option<&[u8]>) -> Vec<u8> {
    let octets = |octets: &[u8]| Any::encode_from(&OctetString::new(octets).unwrap()).unwrap();
    let sequence = |parts: Vec<Any>| Any::encode_from(&parts).unwrap();
    let hash = AlgorithmIdentifierOwned { oid: const_oid::db::rfc5912::ID_SHA_256, parameters: None };
    let single = |certificate: &&Certificate| {
        let id = sequence(vec![
            Any::encode_from(&hash).unwrap(),
            octets(&sha256(&issuer.subject().to_der().unwrap()).0),
            octets(&sha256(issuer.public_key().subject_public_key()).0),
            Any::encode_from(&Int::new(certificate.certificate_serial()).unwrap()).unwrap(),
        ]);
        sequence(vec![id])
    };
    let mut body = vec![sequence(certificates.iter().map(single).collect())];
    if let Some(nonce) = nonce {
        let nonce = OctetString::new(nonce).unwrap().to_der().unwrap();
        let extension = sequence(vec![Any::encode_from(&NONCE).unwrap(), octets(&nonce)]);
        let list = sequence(vec![extension]).to_der().unwrap();
        let tag = der::Tag::ContextSpecific { constructed: true, number: der::TagNumber(2) };
        body.push(Any::new(tag, list).unwrap());
    }
    sequence(vec![sequence(body)]).to_der().unwrap()
}

fn issue(ca: &CertificateAuthority, kind: Kind) -> (FileKey, Certificate) {
    let key = FileKey::generate_p256().unwrap();
    let made = ca.issue(&Profile::of(kind), &Subject::named("Somebody"), key.public_key(), serial(), now()).unwrap();
    (key, made)
}

fn delegated(ca: &CertificateAuthority, unissued: Unissued) -> OcspResponder {
    let (key, delegate) = issue(ca, Kind::OcspResponder);
    OcspResponder::new(ca.chain()[0].clone(), Box::new(key), Some(delegate), unissued).unwrap()
}

fn period() -> OcspPeriod {
    OcspPeriod { now: now(), this_update: now().plus_seconds(-60), next_update: now().plus_seconds(3600) }
}

fn judged(ca: &CertificateAuthority, end: &Certificate, der: &[u8]) -> Result<bool, revocation::RevocationError> {
    let policy = Policy::new(Clock::Trusted(now()), Purpose::Signing);
    let path = path::validate(end, &[], &ca.chain()[..1], &policy).unwrap();
    let mut evidence = Evidence::new();
    evidence.add_ocsp_response(OcspResponse::from_der(der).unwrap());
    let statuses = revocation::check(&path, &evidence, Clock::Trusted(now()), Demand::WhenAvailable)?;
    Ok(statuses[0].cleared_by.is_some())
}

#[test]
fn what_is_recorded_is_what_devices_hear() {
    let ca = ca();
    let responder = delegated(&ca, Unissued::Unknown);
    let (_, end) = issue(&ca, Kind::Owner);
    let question = OcspRequest::from_der(&request(responder.issuer(), &[&end], None)).unwrap();
    assert_eq!(responder.asked(&question).collect::<Vec<_>>(), [end.certificate_serial()]);
    let answer = |recorded| {
        let answer = responder.answer(&question, |_| recorded, period()).unwrap();
        assert_eq!(answer.reusable_until, Some(period().next_update));
        judged(&ca, &end, &answer.der)
    };
    assert_eq!(answer(Recorded::Good), Ok(true));
    assert_eq!(answer(Recorded::Unissued), Ok(false));
    let when = now().plus_seconds(-600);
    let told = answer(Recorded::Revoked(Revocation { when, reason: Some(Reason::KeyCompromise) })).unwrap_err();
    assert!(told.to_string().contains(Reason::KeyCompromise.as_str()) && told.to_string().contains(&when.to_string()));
}

#[test]
fn several_are_asked_about_at_once_and_a_nonce_comes_back() {
    let ca = ca();
    let responder = delegated(&ca, Unissued::Unknown);
    let ((_, one), (_, other)) = (issue(&ca, Kind::Owner), issue(&ca, Kind::Owner));
    let question = request(responder.issuer(), &[&one, &other], Some(b"never used before"));
    let question = OcspRequest::from_der(&question).unwrap();
    assert_eq!((question.nonce(), question.cache_key()), (Some(&b"never used before"[..]), None));
    let is_one = |serial: &[u8]| {
        let revocation = Revocation { when: now(), reason: None };
        if serial == one.certificate_serial() { Recorded::Revoked(revocation) } else { Recorded::Good }
    };
    let answer = responder.answer(&question, is_one, period()).unwrap();
    assert_eq!(answer.reusable_until, None);
    assert!(answer.der.windows(17).any(|octets| octets == b"never used before"));
    assert!(judged(&ca, &one, &answer.der).is_err());
    assert_eq!(judged(&ca, &other, &answer.der), Ok(true));
}

#[test]
fn what_was_never_issued_may_be_called_revoked() {
    let ca = ca();
    let (_, end) = issue(&ca, Kind::Owner);
    let responder = delegated(&ca, Unissued::Revoked);
    let question = OcspRequest::from_der(&request(responder.issuer(), &[&end], None)).unwrap();
    let answer = responder.answer(&question, |_| Recorded::Unissued, period()).unwrap();
    let told = judged(&ca, &end, &answer.der).unwrap_err().to_string();
    assert!(told.contains("1970-01-01") && told.contains(Reason::CertificateHold.as_str()), "{told}");
}

#[test]
fn it_speaks_for_its_ca_alone() {
    let (ca, other) = (ca(), ca());
    let responder = delegated(&ca, Unissued::Unknown);
    let (_, foreign) = issue(&other, Kind::Owner);
    let question = OcspRequest::from_der(&request(&other.chain()[0], &[&foreign], None)).unwrap();
    let refused = responder.answer(&question, |_| Recorded::Good, period());
    assert_eq!(refused, Err(OcspFailure::Unauthorized));
    assert_eq!(OcspFailure::Unauthorized.der(), [0x30, 3, 0x0a, 1, 6]);
    assert!(responder.asked(&question).next().is_none());
}

#[test]
fn nobody_else_becomes_a_responder() {
    let (ca, other) = (ca(), ca());
    let issuer = || ca.chain()[0].clone();
    let new = |key, delegate| OcspResponder::new(issuer(), Box::new(key), delegate, Unissued::Unknown).map(|_| ());
    let (key, plain) = issue(&ca, Kind::Owner);
    assert!(matches!(new(key, Some(plain)), Err(OcspResponderError::NotADelegate)));
    let (key, foreign) = issue(&other, Kind::OcspResponder);
    assert!(matches!(new(key, Some(foreign)), Err(OcspResponderError::NotADelegate)));
    let (_, delegate) = issue(&ca, Kind::OcspResponder);
    let stranger = || FileKey::generate_p256().unwrap();
    assert!(matches!(new(stranger(), Some(delegate)), Err(OcspResponderError::KeyMismatch)));
    assert!(matches!(new(stranger(), None), Err(OcspResponderError::KeyMismatch)));
}

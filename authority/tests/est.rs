//! Bodies and decisions of EST (RFC 7030, RFC 8951).

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use authority::{
    Asker, CertificateAuthority, CertificateSerial, Kind, Lifetime, Profile, ProfileSettings, RequestRefused, Subject,
    est::{BodyInvalid, certs_only, csr_attributes, read_request},
    judge,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::{cms::SignedData, rpc::KeyAlgorithm};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    key::{FileKey, Signer, random},
    request::CertificationRequest,
    time::Timestamp,
};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

fn now() -> Timestamp {
    Timestamp::from_unix(1_790_000_000)
}

fn serial() -> CertificateSerial {
    CertificateSerial(random().unwrap())
}

fn ca() -> CertificateAuthority {
    let key = || Box::new(FileKey::generate_p256().unwrap());
    let root = CertificateAuthority::new_root("Root", key(), serial(), now()).unwrap();
    root.new_issuing_ca("Issuing CA", key(), serial(), now()).unwrap()
}

fn ldevid(ca: &CertificateAuthority, names: &[&str]) -> Certificate {
    let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
    let subject = Subject::device("bmc", &SerialNumber::new("SN-1").unwrap()).reached_by(&names);
    let key = FileKey::generate_p256().unwrap();
    ca.issue(&Profile::of(Kind::Ldevid), &subject, key.public_key(), serial(), now()).unwrap()
}

/// A request of a new key for this common name, serial number and these DNS names.
fn request(name: &str, names: &[&str]) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let number = rcgen::DnValue::PrintableString("SN-1".try_into().unwrap());
    params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), number);
    params.subject_alt_names = names.iter().map(|it| SanType::DnsName((*it).try_into().unwrap())).collect();
    let pair = KeyPair::generate().unwrap();
    params.serialize_request(&pair).unwrap().der().to_vec()
}

#[test]
fn est_02_a_request_in_base64_with_or_without_line_ends() {
    let der = request("bmc", &[]);
    let text = STANDARD.encode(&der);
    let wrapped: String =
        text.as_bytes().chunks(64).map(|line| format!("{}\r\n", str::from_utf8(line).unwrap())).collect();
    for body in [text.clone(), wrapped, format!("\n {text}\n")] {
        assert_eq!(read_request(body.as_bytes()).unwrap().der(), der);
    }
    assert_eq!(read_request(&der).unwrap_err(), BodyInvalid::Base64);
    assert_eq!(read_request(format!("{text}!").as_bytes()).unwrap_err(), BodyInvalid::Base64);
    assert!(matches!(read_request(b""), Err(BodyInvalid::Request(_))));
    assert!(matches!(read_request(&vec![b'A'; 1 << 20]), Err(BodyInvalid::Request(_))));
    let mut broken = der;
    *broken.last_mut().unwrap() ^= 1;
    assert!(matches!(read_request(STANDARD.encode(broken).as_bytes()), Err(BodyInvalid::Request(_))));
}

#[test]
fn est_02_certificates_come_as_certs_only() {
    let ca = ca();
    let body = STANDARD.decode(certs_only(ca.chain()).unwrap()).unwrap();
    let held = SignedData::from_der(&body).unwrap();
    assert_eq!(held.certificates().len(), 2);
    assert!(held.verify_signer().is_err(), "nobody signed");
}

#[test]
fn est_05_a_renewal_says_what_the_certificate_says() {
    let ca = ca();
    let hardware_module_type = Some("1.3.6.1.4.1.32473.7".to_owned());
    let profile =
        ProfileSettings { days: Some(Lifetime::Days(400)), hardware_module_type, ..ProfileSettings::default() };
    let profile = Profile::new(Kind::Ldevid, profile).unwrap();
    for names in [&[][..], &["bmc-1.example.com", "bmc-1"]] {
        let held = ldevid(&ca, names);
        let read = |der: Vec<u8>| CertificationRequest::from_der(&der).unwrap();
        let asked = read(request("bmc", names));
        let renewal = judge(&asked, &profile, Asker::Holder(&held)).unwrap();
        let renewed = ca.enrol(&renewal, serial(), now().plus_seconds(86_400)).unwrap();
        assert_eq!((renewed.subject(), renewed.public_key()), (held.subject(), asked.public_key()));
        assert_eq!(renewed.extensions().subject_alt_name, held.extensions().subject_alt_name);
        assert!(renewed.not_after() > held.not_after().plus_seconds(30 * 86_400), "as the profile has it today");
        assert!(renewed.certificate_serial() != held.certificate_serial());
        let refused = |der| judge(&read(der), &profile, Asker::Holder(&held)).unwrap_err();
        assert_eq!(refused(request("other", names)), RequestRefused::RenewalDiffers);
        assert_eq!(refused(request("bmc", &["evil.example.com"])), RequestRefused::RenewalDiffers);
    }
    let held = ldevid(&ca, &["bmc-1.example.com"]);
    let without = CertificationRequest::from_der(&request("bmc", &[])).unwrap();
    assert_eq!(judge(&without, &profile, Asker::Holder(&held)).unwrap_err(), RequestRefused::RenewalDiffers);
}

#[test]
fn est_01_what_a_request_is_to_say() {
    let keys = [FileKey::generate_p256().unwrap(), FileKey::generate_ed25519().unwrap()];
    let keys: Vec<_> = keys.iter().map(|key| KeyAlgorithm::of(key.public_key()).unwrap()).collect();
    let der = STANDARD.decode(csr_attributes(&keys).unwrap()).unwrap();
    // By hand: SEQUENCE { SEQUENCE { id-ecPublicKey, SET { P-256 } }, id-Ed25519 }.
    let expected = b"\x30\x1c\x30\x15\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x31\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x06\x03\x2b\x65\x70";
    assert_eq!(der, expected);
}

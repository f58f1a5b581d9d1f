//! Certificate signing requests in the three forms of RFC 9646, as OpenSSL makes them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use conveyed_info::rpc::{Csr, CsrFormat, EnrolmentRequest, EnrolmentRequestError, Origin};
use interop_tests::{
    need,
    openssl::{KeyKind, Role, Workshop},
};

/// A CA, a device with its first certificate, a new key with a PKCS#10 request, and the same for the first key.
fn lab(openssl: interop_tests::peer::Peer, kind: KeyKind) -> Workshop {
    let workshop = Workshop::new(openssl).unwrap();
    workshop.self_sign("ca", KeyKind::P256, Role::Ca).unwrap();
    workshop.issue("ca", "device", kind, Role::EndEntity).unwrap();
    workshop.self_sign("new", kind, Role::EndEntity).unwrap();
    for name in ["device", "new"] {
        let (key, request) = (format!("{name}.key"), format!("{name}.csr"));
        let arguments =
            ["req", "-new", "-config", "openssl.cnf", "-key", &key, "-subj", "/CN=device", "-out", &request];
        let arguments = [&arguments[..], &["-addext", "subjectAltName=DNS:bmc-1.example.com"]].concat();
        workshop.openssl(&arguments).unwrap();
    }
    workshop
}

/// The request that OpenSSL's CMP client sends to OpenSSL's own server, whatever becomes of it there.
fn cmp(workshop: &Workshop, command: &str, more: &[&str]) -> Vec<u8> {
    let server = ["-use_mock_srv", "-srv_key", "ca.key", "-srv_cert", "ca.pem", "-srv_trusted", "ca.pem"];
    let client = ["-trusted", "ca.pem", "-recipient", "/CN=ca", "-rsp_cert", "device.pem", "-certout", "out.pem"];
    let request = ["cmp", "-cmd", command, "-reqout", "request.der"];
    let _answered = workshop.openssl(&[&request[..], &server, &client, more].concat());
    workshop.read("request.der").unwrap()
}

fn read(workshop: &Workshop, format: CsrFormat, der: Vec<u8>) -> Result<EnrolmentRequest, EnrolmentRequestError> {
    let identity = workshop.certificate("device").unwrap();
    EnrolmentRequest::read(&Csr::from_der(format, der).unwrap(), Some(&identity))
}

const DEVICE: [&str; 4] = ["-cert", "device.pem", "-key", "device.key"];

#[test]
fn csr_18_openssl_asks_by_cmp_for_a_new_key() {
    let openssl = need!("openssl");
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa2048] {
        let workshop = lab(openssl.clone(), kind);
        let (device, new) = (workshop.certificate("device").unwrap(), workshop.certificate("new").unwrap());
        for (command, more) in [
            ("p10cr", &["-csr", "new.csr"][..]),
            ("ir", &["-newkey", "new.key", "-subject", "/CN=device", "-sans", "bmc-1.example.com"]),
            ("cr", &["-newkey", "new.key", "-subject", "/CN=device"]),
            ("kur", &["-newkey", "new.key", "-subject", "/CN=device"]),
        ] {
            let request = read(&workshop, CsrFormat::Cmp, cmp(&workshop, command, &[&DEVICE, more].concat())).unwrap();
            assert_eq!(request.key(), new.public_key(), "{command}");
            assert_eq!(request.subject(), device.subject(), "{command}");
            assert_eq!(request.origin(), &Origin::SignedBy(Box::new(device.clone())), "{command}");
            if matches!(command, "p10cr" | "ir") {
                assert_eq!(request.extensions().len(), 1, "{command}: the name it asked for");
            }
        }
    }
}

#[test]
fn csr_18_csr_26_openssl_without_protection_or_with_a_shared_secret() {
    let workshop = lab(need!("openssl"), KeyKind::P256);
    let device = workshop.certificate("device").unwrap();
    let unprotected = cmp(
        &workshop,
        "p10cr",
        &[&DEVICE[..], &["-csr", "device.csr", "-unprotected_requests", "-accept_unprotected"]].concat(),
    );
    let request = read(&workshop, CsrFormat::Cmp, unprotected).unwrap();
    assert_eq!((request.key(), request.origin()), (device.public_key(), &Origin::Unsigned));
    let secret = ["-csr", "new.csr", "-secret", "pass:secret", "-ref", "7", "-srv_secret", "pass:secret"];
    let refused = read(&workshop, CsrFormat::Cmp, cmp(&workshop, "p10cr", &secret)).unwrap_err();
    assert!(matches!(refused, EnrolmentRequestError::SharedSecret(_)), "{refused}");
    // The new key certified for somebody who does not hold it.
    let unproved = ["-newkey", "new.key", "-subject", "/CN=device", "-popo", "-1"];
    let refused = read(&workshop, CsrFormat::Cmp, cmp(&workshop, "ir", &[&DEVICE[..], &unproved].concat()));
    assert_eq!(refused.unwrap_err(), EnrolmentRequestError::ProofMissing);
}

/// DER with this tag around `parts`.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let header = match u16::try_from(value.len()).unwrap().to_be_bytes() {
        [0, short @ ..0x80] => vec![tag, short],
        [0, long] => vec![tag, 0x81, long],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [header, value].concat()
}

/// Signed by OpenSSL as PKIData.
fn sign(workshop: &Workshop, signer: &str, content: &[u8], more: &[&str]) -> Vec<u8> {
    workshop.write("content", content).unwrap();
    let (certificate, key) = (format!("{signer}.pem"), format!("{signer}.key"));
    let sign = ["cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-econtent_type", "1.3.6.1.5.5.7.12.2"];
    let names = ["-in", "content", "-outform", "DER", "-signer", &certificate, "-inkey", &key];
    workshop.openssl(&[&sign[..], &names, more].concat()).unwrap()
}

#[test]
fn csr_17_openssl_signs_both_layers_of_a_cmc_request() {
    let workshop = lab(need!("openssl"), KeyKind::P256);
    let (device, new) = (workshop.certificate("device").unwrap(), workshop.certificate("new").unwrap());
    workshop.openssl(&["req", "-in", "new.csr", "-outform", "DER", "-out", "new.der"]).unwrap();
    let (one, empty) = (&[2, 1, 1][..], &[0x30, 0][..]);
    let request = tlv(0xa0, &[one, &workshop.read("new.der").unwrap()]);
    let inner =
        sign(&workshop, "new", &tlv(0x30, &[empty, &tlv(0x30, &[&request]), empty, empty]), &["-keyid", "-nocerts"]);
    let part = tlv(0x30, &[one, &inner]);
    let outer = tlv(0x30, &[empty, empty, &tlv(0x30, &[&part]), empty]);
    let csr = sign(&workshop, "device", &outer, &["-certfile", "ca.pem"]);
    let request = read(&workshop, CsrFormat::Cmc, csr).unwrap();
    assert_eq!(request.key(), new.public_key());
    assert_eq!(request.origin(), &Origin::SignedBy(Box::new(device)));
}

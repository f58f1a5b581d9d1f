//! A basic OCSP response (RFC 6960 §4.2.1), by hand.

use const_oid::ObjectIdentifier;
use der::Encode;
use pki::{certificate::Certificate, digest::sha256, key::Signer, time::Timestamp};

use super::{Party, now, tlv};

const OCTETS: u8 = 0x04;

/// How a response ends that says so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    Good,
    Revoked,
}

/// What `ca` says about a certificate that it issued; good for an hour.
pub(crate) fn ocsp_response(ca: &Party, about: &Certificate, says: Says) -> Vec<u8> {
    let name = ca.certificate.subject().to_der().unwrap();
    let id = seq(&[
        seq(&[oid("2.16.840.1.101.3.4.2.1")]),
        tlv(OCTETS, &sha256(&name).0),
        tlv(OCTETS, &sha256(ca.certificate.public_key().subject_public_key()).0),
        tlv(0x02, about.certificate_serial()),
    ]);
    let status = match says {
        Says::Good => tlv(0x80, &[]),
        Says::Revoked => tlv(0xa1, &time(now().plus_seconds(-7200))),
    };
    let next = tlv(0xa0, &time(now().plus_seconds(3600)));
    let single = seq(&[id, status, time(now()), next]);
    let data = seq(&[tlv(0xa1, &name), time(now()), seq(&[single])]);
    let signature = [&[0], &*ca.key.sign(&data).unwrap()].concat();
    let basic = seq(&[data, ca.key.algorithm().identifier().to_der().unwrap(), tlv(0x03, &signature)]);
    let bytes = seq(&[oid("1.3.6.1.5.5.7.48.1.1"), tlv(OCTETS, &basic)]);
    seq(&[tlv(0x0a, &[0]), tlv(0xa0, &bytes)])
}

fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn oid(dotted: &str) -> Vec<u8> {
    ObjectIdentifier::new_unwrap(dotted).to_der().unwrap()
}

fn time(at: Timestamp) -> Vec<u8> {
    let digits: String = at.to_string().chars().filter(|character| !"-:T".contains(*character)).collect();
    tlv(0x18, digits.as_bytes())
}

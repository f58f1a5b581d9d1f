//! DER by hand, so that what is read was not written by the code under test.

use pki::{certificate::Certificate, time::Timestamp};

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BITS: u8 = 0x03;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const TIME: u8 = 0x18;

/// One tag, length, value.
pub(crate) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len()).unwrap().to_be_bytes();
    let header: &[u8] = match length {
        [0, 0, 0, short] if short < 0x80 => &[tag, short],
        [0, 0, 0, low] => &[tag, 0x81, low],
        [0, 0, middle, low] => &[tag, 0x82, middle, low],
        [_, high, middle, low] => &[tag, 0x83, high, middle, low],
    };
    [header, value].concat()
}

pub(crate) fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

/// `[number] EXPLICIT`.
pub(crate) fn explicit(number: u8, value: &[u8]) -> Vec<u8> {
    tlv(0xa0 + number, value)
}

pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    use ::der::Encode;
    const_oid::ObjectIdentifier::new_unwrap(dotted).to_der().unwrap()
}

pub(crate) fn time(at: Timestamp) -> Vec<u8> {
    let digits: String = at.to_string().chars().filter(|character| !"-:T".contains(*character)).collect();
    tlv(TIME, digits.as_bytes())
}

/// A CRL's Time: UTCTime until 2049.
pub(crate) fn utc_time(at: Timestamp) -> Vec<u8> {
    let digits: String = at.to_string().chars().filter(|character| !"-:T".contains(*character)).collect();
    tlv(0x17, &digits.as_bytes()[2..])
}

pub(crate) fn bits(octets: &[u8]) -> Vec<u8> {
    tlv(BITS, &[&[0], octets].concat())
}

pub(crate) fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { vec![0x01, 0x01, 0xff] } else { Vec::new() };
    seq(&[oid(id), critical, tlv(OCTETS, value)])
}

pub(crate) fn ecdsa_with_sha256() -> Vec<u8> {
    seq(&[oid("1.2.840.10045.4.3.2")])
}

pub(crate) fn subject(certificate: &Certificate) -> Vec<u8> {
    use ::der::Encode;
    certificate.subject().to_der().unwrap()
}

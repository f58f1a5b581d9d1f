//! Which device a certificate names (IEEE 802.1AR; RFC 8995 §2.3.1).

use pki::identity::{IdentityError, SerialNumber, SerialNumberRule};
use rcgen::{CertificateParams, DnType, DnValue, string::BmpString};

use crate::support::{Issued, leaf, patched};

/// The attribute type serialNumber.
const SERIAL_NUMBER: [u64; 4] = [2, 5, 4, 5];

fn device(serial_number: impl Into<DnValue>) -> CertificateParams {
    let mut params = leaf("device");
    params.distinguished_name.push(DnType::from_oid(&SERIAL_NUMBER), serial_number);
    params
}

fn read(params: CertificateParams) -> Result<String, IdentityError> {
    SerialNumber::from_certificate(&Issued::root(params).certificate).map(|it| it.to_string())
}

#[test]
fn dev_10_the_devices_serial_number_is_the_subjects_attribute() {
    let mut params = device(DnValue::PrintableString("SN-0001".try_into().unwrap()));
    params.serial_number = Some(0x0102_0304_u64.into());
    let certificate = Issued::root(params).certificate;
    assert_eq!(SerialNumber::from_certificate(&certificate).unwrap().as_str(), "SN-0001");
    assert_eq!(certificate.certificate_serial(), [1, 2, 3, 4]);
}

#[test]
fn utf8_is_read_as_well_and_other_string_types_are_not() {
    assert_eq!(read(device("Gerät-7")).unwrap(), "Gerät-7");
    let wide = DnValue::BmpString(BmpString::try_from("SN-0001").unwrap());
    assert_eq!(read(device(wide)), Err(IdentityError::SerialNumberUnusable));
}

#[test]
fn a_subject_without_one_names_no_device() {
    assert_eq!(read(leaf("device")), Err(IdentityError::SerialNumberMissing));
}

#[test]
fn a_subject_with_two_names_no_device() {
    let mut params = device("SN-0001");
    params.distinguished_name.push(DnType::OrganizationName, "SN-0002");
    let one = Issued::root(params).certificate;
    assert!(SerialNumber::from_certificate(&one).is_ok());
    // organizationName (2.5.4.10) becomes a second serialNumber (2.5.4.5).
    let two = patched(&one, &[0x06, 0x03, 0x55, 0x04, 0x0a], &[0x06, 0x03, 0x55, 0x04, 0x05]);
    assert_eq!(SerialNumber::from_certificate(&two), Err(IdentityError::SerialNumberAmbiguous));
}

#[test]
fn a_serial_number_that_shares_its_rdn_is_ambiguous() {
    // RDNs of SERIALNUMBER and O, put into one SET. Each is SET { SEQUENCE { OID, UTF8String } }.
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::from_oid(&SERIAL_NUMBER), "SN-0001");
    params.distinguished_name.push(DnType::OrganizationName, "SN-0002");
    let certificate = Issued::root(params).certificate;
    let inner = |kind: u8| [&[0x30, 0x0e, 0x06, 0x03, 0x55, 0x04, kind, 0x0c, 0x07][..], b"SN-000"].concat();
    let apart = [&[0x31, 0x10][..], &inner(5), b"1", &[0x31, 0x10], &inner(10), b"2"].concat();
    // One SET of both is two octets shorter; a longer value keeps the length.
    let longer = [&[0x30, 0x10, 0x06, 0x03, 0x55, 0x04, 0x0a, 0x0c, 0x09][..], b"SN-0002xx"].concat();
    let together = [&[0x31, 0x22][..], &inner(5), b"1", &longer].concat();
    let both = patched(&certificate, &apart, &together);
    assert_eq!(SerialNumber::from_certificate(&both), Err(IdentityError::MultiValued));
}

#[test]
fn too_long_empty_or_controlling_is_unusable_in_a_certificate_too() {
    for text in ["x".repeat(65), String::new(), "SN\n1".to_owned()] {
        assert_eq!(read(device(text)), Err(IdentityError::SerialNumberUnusable));
    }
    assert_eq!(read(device("x".repeat(64))).unwrap().len(), SerialNumber::MAX);
}

#[test]
fn a_product_and_a_serial_number_in_one_attribute_are_told_apart() {
    let by_rule = |text: &str| {
        let certificate = Issued::root(device(text)).certificate;
        SerialNumber::by_rule(&certificate, &SerialNumberRule::ProductAndSerial).map(|it| it.to_string())
    };
    assert_eq!(by_rule("PID:C9300-24T SN:FCW2146A0Z1").unwrap(), "FCW2146A0Z1");
    assert_eq!(by_rule("PID:IE 3300 8T2S SN:FOC1234X").unwrap(), "FOC1234X");
    assert_eq!(by_rule("PID:X SN:Y SN:Z").unwrap(), "Z");
    for other in
        ["FCW2146A0Z1", "PID:C9300", "PID: SN:", "PID: SN:X", "SN:X", "PID:X SN:Y Z", "PID:X SN:Y ", "pid:X sn:Y"]
    {
        assert_eq!(by_rule(other), Err(IdentityError::SerialNumberForm), "{other:?}");
    }
    assert_eq!(by_rule("PID:X SN:"), Err(IdentityError::SerialNumberUnusable));
    // Without the rule it stays what it is.
    assert_eq!(read(device("PID:X SN:Y")).unwrap(), "PID:X SN:Y");
}

//! Certificates shaped like those of real makers, made here: which fields there are, and nobody's values. `docs/identity.md` says
//! what is documented of whom.

use const_oid::ObjectIdentifier;
use der::Encode;
use pki::{
    identity::{IdentityError, IdentityRules, SerialNumber},
    path::Signatures,
    time::Timestamp,
};
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, KeyUsagePurpose,
};
use x509_cert::ext::pkix::{
    SubjectAltName,
    name::{GeneralName, HardwareModuleName, OtherName},
};

use crate::support::{Issued, ca, trusted};

/// The attribute type serialNumber.
fn serial_number() -> DnType {
    DnType::from_oid(&[2, 5, 4, 5])
}

/// A device's certificate with these attributes alone.
pub(crate) fn subject(attributes: &[(DnType, &str)]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in attributes {
        params.distinguished_name.push(kind.clone(), DnValue::Utf8String((*value).to_owned()));
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params
}

/// A subjectAltName of hardwareModuleNames: the hardware type, and hwSerialNum.
pub(crate) fn module_names(names: &[(&str, &[u8])]) -> CustomExtension {
    let names = names.iter().map(|(kind, serial)| {
        let hw_serial_num = der::asn1::OctetString::new(*serial).unwrap();
        let name = HardwareModuleName { hw_type: ObjectIdentifier::new_unwrap(kind), hw_serial_num };
        GeneralName::OtherName(OtherName::try_from(&name).unwrap())
    });
    let names = SubjectAltName(names.collect()).to_der().unwrap();
    CustomExtension::from_oid_content(&[2, 5, 29, 17], names)
}

fn critical(mut extension: CustomExtension) -> CustomExtension {
    extension.set_criticality(true);
    extension
}

/// What the device listener would conclude: through an intermediate that the device does not send.
fn concluded(rules: &[&str], critical: &[&str], params: CertificateParams) -> Result<SerialNumber, String> {
    let root = Issued::root(ca("Root"));
    let intermediate = root.issue(ca("Issuing"));
    let device = intermediate.issue(params).certificate;
    let rules = IdentityRules::default()
        .with_serial_number_rules(rules.iter().map(|rule| rule.parse().unwrap()).collect())
        .and_then(|it| it.with_accepted_critical(critical.iter().map(|it| it.parse().unwrap()).collect()))
        .and_then(|it| it.with_intermediates(vec![intermediate.certificate]))
        .unwrap();
    rules.path(&device, &[], &[root.certificate], trusted(), Signatures::Strong).map_err(|error| error.to_string())?;
    rules.admit(&device).and_then(|()| rules.serial_number(&device)).map_err(|error| error.to_string())
}

fn is(serial: &str) -> Result<SerialNumber, String> {
    Ok(SerialNumber::new(serial).unwrap())
}

#[test]
fn dev_10_a_sudi_names_product_and_serial_in_one_attribute() {
    let mut sudi = subject(&[
        (serial_number(), "PID:EX-9300-24T SN:EXA2146A0Z1"),
        (DnType::CommonName, "EX-9300-24T-0123456789ab"),
        (DnType::OrganizationalUnitName, "Example SUDI"),
        (DnType::OrganizationName, "Example"),
    ]);
    sudi.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    sudi.not_after = Timestamp::parse_rfc3339("2099-08-09T20:58:26Z").unwrap().to_offset_date_time();
    assert_eq!(concluded(&["product-and-serial"], &[], sudi.clone()), is("EXA2146A0Z1"));
    // Without the rule every device is told apart, and none has the serial number on its label.
    assert_eq!(concluded(&["attribute"], &[], sudi), is("PID:EX-9300-24T SN:EXA2146A0Z1"));
}

#[test]
fn dev_11_an_idevid_of_802_1ar_lives_for_ever_and_has_no_alternative_name() {
    let mut idevid = subject(&[(DnType::CommonName, "Model 7"), (serial_number(), "AB12345678")]);
    idevid.not_after = Timestamp::INFINITY.to_offset_date_time();
    assert_eq!(concluded(&["attribute"], &[], idevid), is("AB12345678"));
}

#[test]
fn an_empty_subject_with_a_critical_hardware_module_name_is_an_identity() {
    let mut idevid = subject(&[]);
    idevid.custom_extensions = vec![critical(module_names(&[("1.3.6.1.4.1.32473.1.2", b"QFX-0007")]))];
    idevid.not_after = Timestamp::INFINITY.to_offset_date_time();
    assert_eq!(concluded(&["hardware-module-name"], &[], idevid.clone()), is("QFX-0007"));
    assert_eq!(concluded(&["attribute"], &[], idevid), Err(IdentityError::SerialNumberMissing.to_string()));
}

#[test]
fn a_tpm_identity_has_policies_purposes_and_attributes_of_its_own() {
    let mut idevid = subject(&[(serial_number(), "SRV-0042"), (DnType::CommonName, "Platform IDevID")]);
    // certificatePolicies, critical, with a policy that says where the key lives.
    let policies = vec![0x30, 0x0a, 0x30, 0x08, 0x06, 0x06, 0x67, 0x81, 0x05, 0x0b, 0x01, 0x01];
    // subjectDirectoryAttributes, critical: nothing that is understood here.
    let attributes = vec![0x30, 0x0b, 0x30, 0x09, 0x06, 0x05, 0x67, 0x81, 0x05, 0x02, 0x10, 0x31, 0x00];
    idevid.custom_extensions = vec![
        critical(CustomExtension::from_oid_content(&[2, 5, 29, 32], policies)),
        critical(CustomExtension::from_oid_content(&[2, 5, 29, 9], attributes)),
        module_names(&[("2.23.133.12.1", b"494E5443:00aa")]),
    ];
    idevid.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(vec![2, 23, 133, 8, 3])];
    assert!(concluded(&["attribute"], &[], idevid.clone()).unwrap_err().contains("2.5.29.9"));
    assert_eq!(concluded(&["attribute"], &["2.5.29.9"], idevid.clone()), is("SRV-0042"));
    // The module name is of the TPM and not of the machine: who configures both sees that they differ.
    let both = concluded(&["attribute", "hardware-module-name:text:2.23.133.12.1"], &["2.5.29.9"], idevid);
    assert_eq!(both, Err(IdentityError::RulesDisagree.to_string()));
}

#[test]
fn a_service_tag_or_a_board_number_is_in_the_common_name() {
    // A management controller whose common name is the service tag; another whose common name says more.
    let tag = subject(&[(DnType::OrganizationName, "Example"), (DnType::CommonName, "7XK2Q13")]);
    assert_eq!(concluded(&["CN={serial}"], &[], tag), is("7XK2Q13"));
    let mut board = subject(&[
        (DnType::OrganizationName, "Example"),
        (DnType::OrganizationalUnitName, "Servers"),
        (DnType::CommonName, "bmc-WM21AS600123"),
    ]);
    board.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    assert_eq!(concluded(&["CN=bmc-{serial}"], &[], board), is("WM21AS600123"));
}

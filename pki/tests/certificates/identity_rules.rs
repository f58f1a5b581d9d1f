//! Rules of one manufacturer, on certificates that bend them.

use const_oid::ObjectIdentifier;
use pki::{
    identity::{IdentityError, IdentityRules, RulesInvalid, SerialNumber, SerialNumberRule},
    path::{PathError, Signatures},
    time::Timestamp,
};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    SanType,
};

use crate::{
    maker_shapes::{module_names, subject},
    support::{Issued, ca, trusted},
};

fn rule(text: &str) -> SerialNumberRule {
    text.parse().unwrap()
}

fn rules(texts: &[&str]) -> IdentityRules {
    IdentityRules::default().with_serial_number_rules(texts.iter().copied().map(rule).collect()).unwrap()
}

fn by(text: &str, params: CertificateParams) -> Result<String, IdentityError> {
    SerialNumber::by_rule(&Issued::root(params).certificate, &rule(text)).map(|it| it.to_string())
}

#[test]
fn dev_10_a_part_of_another_name_is_the_serial_number() {
    let params = || subject(&[(DnType::CommonName, "bmc-A17"), (DnType::OrganizationalUnitName, "Model X::77")]);
    assert_eq!(by("CN=bmc-{serial}", params()).unwrap(), "A17");
    assert_eq!(by("2.5.4.3=bmc-{serial}", params()).unwrap(), "A17");
    assert_eq!(by("OU={any}::{serial}", params()).unwrap(), "77");
    assert_eq!(by("CN=dpu-{serial}", params()), Err(IdentityError::SerialNumberForm));
    assert_eq!(by("UID={serial}", params()), Err(IdentityError::SerialNumberMissing));
    assert_eq!(by("SAN.DNS={serial}", params()), Err(IdentityError::SerialNumberMissing));
    let long = "x".repeat(65);
    assert_eq!(
        by("CN=bmc-{serial}", subject(&[(DnType::CommonName, &format!("bmc-{long}"))])),
        Err(IdentityError::SerialNumberUnusable)
    );
}

#[test]
fn alternative_names_may_be_several_and_must_agree() {
    let named = |names: &[SanType]| {
        let mut params = subject(&[(DnType::CommonName, "device")]);
        params.subject_alt_names = names.to_vec();
        params
    };
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let uri = |name: &str| SanType::URI(name.try_into().unwrap());
    let by_dns = |names: &[SanType]| by("SAN.DNS={serial}.id.example.net", named(names));
    assert_eq!(by_dns(&[dns("a7.id.example.net")]).unwrap(), "a7");
    assert_eq!(by_dns(&[dns("switch.example.net"), dns("a7.id.example.net"), uri("x:y")]).unwrap(), "a7");
    assert_eq!(
        by_dns(&[dns("a7.id.example.net"), dns("a8.id.example.net")]),
        Err(IdentityError::SerialNumberAmbiguous)
    );
    assert_eq!(by_dns(&[dns("switch.example.net")]), Err(IdentityError::SerialNumberForm));
    assert_eq!(by("SAN.URI=urn:x:{any}:{serial}", named(&[uri("urn:x:m1:77")])).unwrap(), "77");
    let many: Vec<_> = (0..17).map(|number| dns(&format!("a{number}.example.net"))).collect();
    assert_eq!(by_dns(&many), Err(IdentityError::SerialNumberUnusable));
}

#[test]
fn dev_10_a_hardware_module_name_is_text_or_octets_of_a_type() {
    let acme = "1.3.6.1.4.1.32473.7";
    let with = |names: &[(&str, &[u8])]| {
        let mut params = subject(&[(DnType::CommonName, "device")]);
        params.custom_extensions = vec![module_names(names)];
        params
    };
    assert_eq!(by("hardware-module-name", with(&[(acme, b"SN-7")])).unwrap(), "SN-7");
    assert_eq!(by("hardware-module-name:hex", with(&[(acme, &[0, 0xab])])).unwrap(), "00AB");
    assert_eq!(by("hardware-module-name:text:1.3.6.1.4.1.32473.7", with(&[(acme, b"SN-7")])).unwrap(), "SN-7");
    let other = "hardware-module-name:text:1.3.6.1.4.1.32473.8";
    assert_eq!(by(other, with(&[(acme, b"SN-7")])), Err(IdentityError::SerialNumberMissing));
    assert_eq!(by("hardware-module-name", with(&[(acme, &[0xff])])), Err(IdentityError::SerialNumberUnusable));
    assert_eq!(by("hardware-module-name", with(&[(acme, b"SN\x007")])), Err(IdentityError::SerialNumberUnusable));
    assert_eq!(by("hardware-module-name:hex", with(&[(acme, &[7; 33])])), Err(IdentityError::SerialNumberUnusable));
    assert_eq!(by("hardware-module-name", with(&[(acme, b"")])), Err(IdentityError::SerialNumberUnusable));
    let two = || with(&[(acme, b"SN-7"), ("1.3.6.1.4.1.32473.8", b"SN-8")]);
    assert_eq!(by("hardware-module-name", two()), Err(IdentityError::SerialNumberAmbiguous));
    assert_eq!(by("hardware-module-name:text:1.3.6.1.4.1.32473.8", two()).unwrap(), "SN-8");
}

#[test]
fn two_rules_that_disagree_refuse_the_certificate_and_one_that_finds_nothing_does_not() {
    let both = rules(&["CN=bmc-{serial}", "OU={serial}"]);
    let read = |params| both.serial_number(&Issued::root(params).certificate).map(|it| it.to_string());
    let named = |cn: &str, ou: &str| subject(&[(DnType::CommonName, cn), (DnType::OrganizationalUnitName, ou)]);
    assert_eq!(read(named("bmc-7", "7")).unwrap(), "7");
    assert_eq!(read(named("bmc-7", "8")), Err(IdentityError::RulesDisagree));
    assert_eq!(read(named("dpu-7", "8")).unwrap(), "8");
    assert_eq!(read(subject(&[(DnType::CommonName, "bmc-7")])).unwrap(), "7");
    assert_eq!(read(subject(&[(DnType::CommonName, "dpu-7")])), Err(IdentityError::SerialNumberForm));
    // What deceives in one place is not mended by another.
    assert_eq!(read(named("bmc-7", "\u{202e}7")), Err(IdentityError::SerialNumberDeceptive));
}

#[test]
fn what_could_issue_certificates_is_no_device() {
    let plain = IdentityRules::default();
    let admit = |params| plain.admit(&Issued::root(params).certificate);
    assert_eq!(admit(subject(&[])), Ok(()));
    let mut authority = subject(&[]);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(admit(authority), Err(IdentityError::IsCa));
    let mut signs = subject(&[]);
    signs.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
    assert_eq!(admit(signs), Err(IdentityError::SignsCertificates));
}

#[test]
fn key_purposes_are_ignored_unless_the_manufacturers_are_said() {
    let idevid = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");
    let only = IdentityRules::default().with_key_purposes(vec![idevid]).unwrap();
    let with = |purposes: &[ExtendedKeyUsagePurpose]| {
        let mut params = subject(&[]);
        params.extended_key_usages = purposes.to_vec();
        Issued::root(params).certificate
    };
    let own = ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 4, 1, 32473, 1]);
    let odd = with(&[ExtendedKeyUsagePurpose::ServerAuth]);
    assert_eq!(IdentityRules::default().admit(&odd), Ok(()));
    assert_eq!(only.admit(&odd), Err(IdentityError::KeyPurpose));
    assert_eq!(only.admit(&with(&[])), Err(IdentityError::KeyPurpose));
    assert_eq!(only.admit(&with(&[ExtendedKeyUsagePurpose::ServerAuth, own])), Ok(()));
}

#[test]
fn intermediates_and_critical_extensions_are_the_manufacturers_own() {
    let root = Issued::root(ca("root"));
    let intermediate = root.issue(ca("intermediate"));
    let mut params = subject(&[(DnType::CommonName, "device")]);
    let mut odd = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32473, 9], vec![5, 0]);
    odd.set_criticality(true);
    params.custom_extensions = vec![odd];
    params.not_after = Timestamp::INFINITY.to_offset_date_time();
    let device = intermediate.issue(params).certificate;
    let anchors = [root.certificate.clone()];
    let path = |rules: &IdentityRules, sent: &[_]| rules.path(&device, sent, &anchors, trusted(), Signatures::Strong);

    let sent = [intermediate.certificate.clone()];
    assert!(matches!(path(&IdentityRules::default(), &sent), Err(PathError::CriticalExtension { .. })));
    let accepted = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.9");
    let accepting = IdentityRules::default().with_accepted_critical(vec![accepted]).unwrap();
    assert!(path(&accepting, &sent).is_ok());
    assert!(matches!(path(&accepting, &[]), Err(PathError::NoPath { .. })));
    let bringing = accepting.with_intermediates(sent.to_vec()).unwrap();
    assert_eq!(path(&bringing, &[]).unwrap().certificates().len(), 3);
    assert_eq!(path(&bringing, &sent).unwrap().certificates().len(), 3);
    // An intermediate that is brought is no anchor.
    let none = bringing.path(&device, &sent, &[], trusted(), Signatures::Strong);
    assert!(matches!(none, Err(PathError::NoPath { .. })));
}

#[test]
fn rules_that_would_open_a_hole_cannot_be_made() {
    let oid = ObjectIdentifier::new_unwrap;
    for hole in ["2.5.29.15", "2.5.29.19", "2.5.29.30", "2.5.29.33", "2.5.29.36", "2.5.29.37", "2.5.29.54"] {
        let made = IdentityRules::default().with_accepted_critical(vec![oid(hole)]);
        assert_eq!(made, Err(RulesInvalid::Critical(oid(hole))));
    }
    let leaf = Issued::root(subject(&[(DnType::CommonName, "device")])).certificate;
    let made = IdentityRules::default().with_intermediates(vec![leaf]);
    assert_eq!(made, Err(RulesInvalid::IntermediateNoCa { subject: "CN=device".to_owned() }));
    let numbered = |rule_number: usize| rule(&format!("CN={rule_number}-{{serial}}"));
    for wrong in [vec![], vec![numbered(1), numbered(1)], (0..9).map(numbered).collect()] {
        assert_eq!(IdentityRules::default().with_serial_number_rules(wrong), Err(RulesInvalid::SerialNumberRules));
    }
    let many = |count| vec![oid("1.2.3"); count];
    assert_eq!(IdentityRules::default().with_accepted_critical(many(33)), Err(RulesInvalid::TooManyCritical));
    assert_eq!(IdentityRules::default().with_key_purposes(many(17)), Err(RulesInvalid::TooManyKeyPurposes));
}

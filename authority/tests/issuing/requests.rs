//! What is asked for, and what of it is granted.

use authority::{
    AlternativeName, Asker, Kind, Profile, ProfileSettings, RequestRefused, RequestedNames, Subject, SubjectAttribute,
    TextFault, judge,
};
use const_oid::{AssociatedOid, ObjectIdentifier, db::rfc5280 as oid};
use der::{Tag, asn1::Ia5String};
use pki::{
    identity::SerialNumber,
    key::{FileKey, KeySpec, Signer},
    request::{CertificationRequest, CertificationRequestError},
};
use verdict::ReasonCode;
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName, name::GeneralName,
};

use crate::support::{CN, Plan, SERIAL_NUMBER, ca, now, serial};

fn device() -> SerialNumber {
    SerialNumber::new("SN-1").unwrap()
}

fn key() -> FileKey {
    FileKey::generate_p256().unwrap()
}

fn asked(plan: &Plan, profile: &Profile) -> Result<String, RequestRefused> {
    let request = plan.sign(&key());
    judge(&request, profile, Asker::Device(&device())).map(|approved| {
        let made = ca().enrol(&approved, serial(), now()).unwrap();
        assert_eq!(made.public_key(), request.public_key());
        made.subject_text()
    })
}

#[test]
fn csr_20_a_device_gets_its_own_serial_number_and_no_other() {
    let profile = Profile::of(Kind::Ldevid);
    assert_eq!(asked(&Plan::of(&[]), &profile).unwrap(), "SERIALNUMBER=SN-1");
    assert_eq!(
        asked(&Plan::of(&[(SERIAL_NUMBER, "SN-1"), (CN, "Model")]), &profile).unwrap(),
        "SERIALNUMBER=SN-1,CN=Model"
    );
    let refused = asked(&Plan::of(&[(SERIAL_NUMBER, "SN-2")]), &profile).unwrap_err();
    assert_eq!(refused, RequestRefused::OtherDevice { own: device() });
    assert_eq!(refused.reason(), ReasonCode::SubjectForeign);
    // Whoever is no device must say which.
    let nobody = judge(&Plan::of(&[(CN, "Model")]).sign(&key()), &profile, Asker::Operator).unwrap_err();
    assert_eq!(nobody, RequestRefused::Missing(SubjectAttribute::SerialNumber));
}

#[test]
fn a_profile_says_what_is_fixed_and_what_is_taken() {
    let settings: ProfileSettings = toml::from_str("fixed = { O = 'Acme', C = 'SE' }\nfrom-request = ['CN']").unwrap();
    let profile = Profile::new(Kind::Ldevid, settings).unwrap();
    let organization = const_oid::db::rfc4519::ORGANIZATION_NAME;
    let made = asked(&Plan::of(&[(organization, "Acme"), (CN, "Model")]), &profile).unwrap();
    assert_eq!(made, "SERIALNUMBER=SN-1,CN=Model,O=Acme,C=SE");
    let refused = asked(&Plan::of(&[(organization, "Evil")]), &profile).unwrap_err();
    assert_eq!(refused, RequestRefused::Fixed { attribute: SubjectAttribute::Organization, value: "Acme".into() });
    // Not among what is taken, or not known at all.
    for other in [SERIAL_NUMBER, const_oid::db::rfc4519::OU, const_oid::db::rfc4519::UID] {
        let refused = asked(&Plan::of(&[(other, "SN-1")]), &profile).unwrap_err();
        assert_eq!((refused.reason(), refused), (ReasonCode::SubjectForeign, RequestRefused::Attribute(other)));
    }
}

#[test]
fn names_that_nobody_should_see_are_refused() {
    let profile = Profile::of(Kind::Idevid);
    for (text, fault) in [
        ("Acme\n", TextFault::Control),
        ("Аcme", TextFault::MixedScripts),
        ("Acme\u{202e}", TextFault::Unseen('\u{202e}')),
        (&"x".repeat(60_000), TextFault::TooLong(64)),
        ("", TextFault::Empty),
    ] {
        let refused = asked(&Plan::of(&[(CN, text)]), &profile).unwrap_err();
        assert_eq!(refused.reason(), ReasonCode::NameUnfit);
        assert_eq!(refused, RequestRefused::Text { attribute: SubjectAttribute::CommonName, fault });
    }
    let twice = asked(&Plan::of(&[(SERIAL_NUMBER, "SN-1"), (SERIAL_NUMBER, "SN-1")]), &profile).unwrap_err();
    assert_eq!(twice, RequestRefused::AttributeTwice(SubjectAttribute::SerialNumber));
    // Text in a form in which nobody compares it.
    let wide = Plan { subject: vec![(CN, Tag::BmpString, vec![0, b'A'])], extensions: Vec::new() };
    assert_eq!(asked(&wide, &profile).unwrap_err(), RequestRefused::Attribute(CN));
    // A megabyte is not read at all.
    let large = Plan::of(&[(CN, &"x".repeat(1_000_000))]).der(&key());
    assert_eq!(CertificationRequest::from_der(&large).unwrap_err(), CertificationRequestError::TooLarge);
}

#[test]
fn nothing_beyond_the_profile_is_granted() {
    let profile = Profile::of(Kind::Idevid);
    let plan = || Plan::of(&[]);
    let constraints = |ca, path_len_constraint| BasicConstraints { ca, path_len_constraint };
    let usage = |usages: &[KeyUsages]| KeyUsage(usages.iter().fold(Default::default(), |all, one| *one | all));
    let purpose = |id| ExtendedKeyUsage(vec![id]);
    for granted in [
        plan().with(BasicConstraints::OID, &constraints(false, None)),
        plan().with(KeyUsage::OID, &usage(&[KeyUsages::DigitalSignature])),
        plan().with(KeyUsage::OID, &usage(&[KeyUsages::DigitalSignature, KeyUsages::KeyAgreement])),
        plan().with(ExtendedKeyUsage::OID, &ExtendedKeyUsage(Vec::new())),
    ] {
        asked(&granted, &profile).unwrap();
    }
    let own: ObjectIdentifier = "1.3.6.1.4.1.32473.1".parse().unwrap();
    for (id, refused) in [
        (BasicConstraints::OID, plan().with(BasicConstraints::OID, &constraints(true, None))),
        (BasicConstraints::OID, plan().with(BasicConstraints::OID, &constraints(false, Some(0)))),
        (KeyUsage::OID, plan().with(KeyUsage::OID, &usage(&[KeyUsages::KeyCertSign]))),
        (KeyUsage::OID, plan().with(KeyUsage::OID, &usage(&[KeyUsages::KeyEncipherment]))),
        (ExtendedKeyUsage::OID, plan().with(ExtendedKeyUsage::OID, &purpose(oid::ID_KP_SERVER_AUTH))),
        (own, plan().with(own, &purpose(oid::ID_KP_SERVER_AUTH))),
        (KeyUsage::OID, plan().with(KeyUsage::OID, &own)),
    ] {
        let refused = asked(&refused, &profile).unwrap_err();
        assert_eq!((refused.reason(), refused), (ReasonCode::ExtensionForbidden, RequestRefused::Extension(id)));
    }
}

#[test]
fn alternative_names_are_taken_where_the_profile_takes_them() {
    let dns = |name: &str| SubjectAltName(vec![GeneralName::DnsName(Ia5String::new(name).unwrap())]);
    let plan = |name| Plan::of(&[]).with(SubjectAltName::OID, &dns(name));
    let refused = asked(&plan("a.example"), &Profile::of(Kind::Ldevid)).unwrap_err();
    assert_eq!(refused, RequestRefused::Extension(SubjectAltName::OID));

    let settings = ProfileSettings { requested_names: Some(RequestedNames::Take), ..ProfileSettings::default() };
    let profile = Profile::new(Kind::Ldevid, settings).unwrap();
    let request = plan("a.example").sign(&key());
    let approved = judge(&request, &profile, Asker::Device(&device())).unwrap();
    let made = ca().enrol(&approved, serial(), now()).unwrap();
    assert_eq!(made.extensions().subject_alt_name.as_ref().unwrap().0, dns("a.example").0);
    assert!(matches!(asked(&plan("a_b.example"), &profile), Err(RequestRefused::Name(_))));
    // Of a kind that such certificates never have.
    let mail = SubjectAltName(vec![GeneralName::Rfc822Name(Ia5String::new("a@b.example").unwrap())]);
    let refused = asked(&Plan::of(&[]).with(SubjectAltName::OID, &mail), &profile).unwrap_err();
    assert_eq!(refused.reason(), ReasonCode::NameUnfit);
}

#[test]
fn a_device_may_ask_for_the_module_name_that_the_profile_gives_it() {
    let hardware_type: ObjectIdentifier = "1.3.6.1.4.1.32473.7".parse().unwrap();
    let settings = toml::from_str("hardware-module-type = '1.3.6.1.4.1.32473.7'").unwrap();
    let profile = Profile::new(Kind::Idevid, settings).unwrap();
    let ca = ca();
    let made = |plan: &Plan| {
        let request = plan.sign(&key());
        let approved = judge(&request, &profile, Asker::Device(&device()))?;
        let made = ca.enrol(&approved, serial(), now()).unwrap();
        let names = made.extensions().subject_alt_name.clone().unwrap().0;
        Ok::<_, RequestRefused>(names.iter().map(|name| AlternativeName::read(name).unwrap()).collect::<Vec<_>>())
    };
    let own = AlternativeName::HardwareModule { hardware_type, serial_number: b"SN-1".to_vec() };
    let by_itself = made(&Plan::of(&[(SERIAL_NUMBER, "SN-1")])).unwrap();
    assert_eq!(by_itself, std::slice::from_ref(&own));
    // The request that OpenSSL or a TPM tool would make of the same name.
    let subject = Subject::device("Model", &device()).also(own.clone());
    let template = ca.issue(&profile, &subject, key().public_key(), serial(), now()).unwrap();
    let san = template.extensions().subject_alt_name.clone().unwrap();
    assert_eq!(made(&Plan::of(&[(SERIAL_NUMBER, "SN-1")]).with(SubjectAltName::OID, &san)).unwrap(), [own]);
    // Another module's.
    let other = SerialNumber::new("SN-2").unwrap();
    let other = ca.issue(&profile, &Subject::device("Model", &other), key().public_key(), serial(), now()).unwrap();
    let san = other.extensions().subject_alt_name.clone().unwrap();
    let refused = made(&Plan::of(&[(SERIAL_NUMBER, "SN-1")]).with(SubjectAltName::OID, &san)).unwrap_err();
    assert_eq!(refused, RequestRefused::Extension(SubjectAltName::OID));
}

#[test]
fn est_05_a_renewal_has_the_same_names() {
    let ca = ca();
    let settings = ProfileSettings { requested_names: Some(RequestedNames::Take), ..ProfileSettings::default() };
    let profile = Profile::new(Kind::Ldevid, settings).unwrap();
    let dns = SubjectAltName(vec![GeneralName::DnsName(Ia5String::new("a.example").unwrap())]);
    let plan = || Plan::of(&[(CN, "Model"), (SERIAL_NUMBER, "SN-1")]);
    let first = plan().with(SubjectAltName::OID, &dns).sign(&key());
    let approved = judge(&first, &profile, Asker::Device(&device())).unwrap();
    let old = ca.enrol(&approved, serial(), now()).unwrap();

    let later = now().plus_seconds(86_400);
    let again = plan().with(SubjectAltName::OID, &dns).sign(&key());
    let approved = judge(&again, &profile, Asker::Holder(&old)).unwrap();
    let new = ca.enrol(&approved, serial(), later).unwrap();
    // To the octet, though the request writes the serial number as UTF8String.
    assert_eq!(
        (new.subject(), &new.extensions().subject_alt_name),
        (old.subject(), &old.extensions().subject_alt_name)
    );
    assert!(new.not_after() > old.not_after() && new.public_key() != old.public_key());

    for other in [
        plan().sign(&key()),
        Plan::of(&[(CN, "Model"), (SERIAL_NUMBER, "SN-2")]).with(SubjectAltName::OID, &dns).sign(&key()),
        Plan::of(&[(SERIAL_NUMBER, "SN-1"), (CN, "Model")]).with(SubjectAltName::OID, &dns).sign(&key()),
        Plan::of(&[]).with(SubjectAltName::OID, &dns).sign(&key()),
    ] {
        let refused = judge(&other, &profile, Asker::Holder(&old)).unwrap_err();
        assert_eq!((refused.reason(), refused), (ReasonCode::RenewalDiffers, RequestRefused::RenewalDiffers));
    }
}

#[test]
fn keys_are_of_the_kinds_that_the_profile_allows() {
    let settings = ProfileSettings { keys: Some(vec![KeySpec::P384]), ..ProfileSettings::default() };
    let profile = Profile::new(Kind::Idevid, settings).unwrap();
    let plan = Plan::of(&[]);
    for (key, found) in [(FileKey::generate_p256(), KeySpec::P256), (FileKey::generate_ed25519(), KeySpec::Ed25519)] {
        let refused = judge(&plan.sign(&key.unwrap()), &profile, Asker::Device(&device())).unwrap_err();
        assert_eq!(refused.reason(), ReasonCode::KeyNotAllowed);
        assert_eq!(refused, RequestRefused::KeyKind { found: Some(found), allowed: vec![KeySpec::P384] });
    }
    judge(&plan.sign(&FileKey::generate_p384().unwrap()), &profile, Asker::Device(&device())).unwrap();
}

#[test]
fn csr_19_a_request_that_proves_nothing_says_so() {
    let mut der = Plan::of(&[]).der(&key());
    let last = der.len() - 1;
    der[last] ^= 1;
    let refused: RequestRefused = CertificationRequest::from_der(&der).unwrap_err().into();
    assert_eq!(refused.reason(), ReasonCode::PossessionUnproved);
    let refused: RequestRefused = CertificationRequest::from_der(b"0").unwrap_err().into();
    assert_eq!(refused.reason(), ReasonCode::CsrInvalid);
}

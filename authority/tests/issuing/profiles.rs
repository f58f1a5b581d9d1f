//! Profiles as configuration says them, and what a certificate of each is like.

use authority::{
    AlternativeName, AuthorityError, CertificateSerial, Finding, Kind, Lifetime, Profile, ProfileError,
    ProfileSettings, Subject, SubjectAttribute,
};
use const_oid::ObjectIdentifier;
use der::{Decode, asn1::Ia5StringRef};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    key::{FileKey, Signer},
    time::Timestamp,
};
use verdict::ReasonCode;

use crate::support::{ca, now, serial};

const MASA_URL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.32");

fn settings(toml: &str) -> ProfileSettings {
    toml::from_str(toml).unwrap()
}

fn issue(profile: &Profile, subject: &Subject) -> Result<Certificate, AuthorityError> {
    let key = FileKey::generate_p256().unwrap();
    ca().issue(profile, subject, key.public_key(), serial(), now())
}

fn findings(profile: &Profile, subject: &Subject) -> Vec<Finding> {
    match issue(profile, subject) {
        Err(AuthorityError::Unfit(findings)) => findings.iter().cloned().collect(),
        other => panic!("{other:?}"),
    }
}

fn extension(certificate: &Certificate, id: ObjectIdentifier) -> Option<Vec<u8>> {
    let mut all = certificate.as_x509().tbs_certificate().extensions().into_iter().flatten();
    all.find(|it| it.extn_id == id).map(|it| it.extn_value.as_bytes().to_vec())
}

#[test]
fn mas_12_dev_11_an_idevid_says_all_that_its_profile_does() {
    let toml = r#"
        days = "unlimited"
        fixed = { O = "Acme", C = "SE" }
        hardware-module-type = "1.3.6.1.4.1.32473.7"
        masa-url = "masa.acme.example"
        crl-url = "http://crl.acme.example/devices.crl"
        ocsp-urls = ["http://ocsp.acme.example"]
        issuer-urls = ["http://acme.example/ca.der"]
        policies = ["1.3.6.1.4.1.32473.1.1"]
    "#;
    let profile = Profile::new(Kind::Idevid, settings(toml)).unwrap();
    let made = issue(&profile, &Subject::device("Model", &SerialNumber::new("SN-1").unwrap())).unwrap();
    assert_eq!(made.subject_text(), "SERIALNUMBER=SN-1,CN=Model,O=Acme,C=SE");
    assert_eq!(made.not_after(), Timestamp::INFINITY);
    assert_eq!(made.crl_distribution_points(), ["http://crl.acme.example/devices.crl"]);
    assert_eq!(made.ocsp_responders(), ["http://ocsp.acme.example"]);
    let masa = extension(&made, MASA_URL).unwrap();
    assert_eq!(Ia5StringRef::from_der(&masa).unwrap().as_str(), "masa.acme.example");
    let module = AlternativeName::read(&made.extensions().subject_alt_name.as_ref().unwrap().0[0]).unwrap();
    let hardware_type = "1.3.6.1.4.1.32473.7".parse().unwrap();
    assert_eq!(module, AlternativeName::HardwareModule { hardware_type, serial_number: b"SN-1".to_vec() });
}

#[test]
fn what_no_certificate_may_say_is_no_profile() {
    let refused = |kind, toml: &str| Profile::new(kind, settings(toml)).unwrap_err();
    assert!(matches!(refused(Kind::TlsServer, "days = 826"), ProfileError::Lifetime { .. }));
    assert!(matches!(refused(Kind::Owner, "days = 0"), ProfileError::Lifetime { .. }));
    assert!(matches!(refused(Kind::Owner, "days = 'unlimited'"), ProfileError::Lifetime { .. }));
    assert!(matches!(refused(Kind::Idevid, "keys = ['ed25519']"), ProfileError::Key { .. }));
    assert!(matches!(refused(Kind::Owner, "keys = ['p521']"), ProfileError::Key { .. }));
    assert!(matches!(refused(Kind::Owner, "keys = []"), ProfileError::NoKey));
    assert!(matches!(refused(Kind::Idevid, "fixed = { serialNumber = '1' }"), ProfileError::FixedSerialNumber));
    assert!(matches!(refused(Kind::Owner, "fixed = { C = 'Sweden' }"), ProfileError::Fixed { .. }));
    assert!(matches!(refused(Kind::Owner, "fixed = { O = 'Аcme' }"), ProfileError::Fixed { .. }));
    assert!(matches!(refused(Kind::Owner, "path-length = 0"), ProfileError::NotForThisKind { .. }));
    assert!(matches!(refused(Kind::Owner, "masa-url = 'a.example'"), ProfileError::NotForThisKind { .. }));
    assert!(matches!(refused(Kind::Root, "crl-url = 'http://a/b'"), ProfileError::NotForThisKind { .. }));
    assert!(matches!(refused(Kind::Idevid, "masa-url = 'http://a.example'"), ProfileError::MasaUrl(_)));
    assert!(matches!(refused(Kind::Owner, "crl-url = 'https://a/b'"), ProfileError::Url(_)));
    assert!(matches!(refused(Kind::Owner, "ocsp-urls = ['ldap://a/b']"), ProfileError::Url(_)));
    assert!(matches!(refused(Kind::Owner, "policies = ['one']"), ProfileError::Oid(_)));
    for toml in [
        "crl-shards = 4",
        "crl-url = 'http://a/b'\ncrl-shards = 4",
        "crl-url = 'http://a/{shard}'",
        "crl-url = 'http://a/{shard}'\ncrl-shards = 5000",
    ] {
        assert!(matches!(refused(Kind::Owner, toml), ProfileError::Shards), "{toml}");
    }
    assert!(toml::from_str::<ProfileSettings>("lifetime = 5").is_err(), "a member that does not exist");
    assert!(toml::from_str::<ProfileSettings>("days = 'forever'").is_err());
}

#[test]
fn settings_are_written_as_they_are_read() {
    let toml = "days = 30\nkeys = [\"p256\", \"rsa3072\"]\nfrom-request = [\"CN\"]\n\n[fixed]\nO = \"Acme\"\n";
    assert_eq!(toml::to_string(&settings(toml)).unwrap(), toml);
    assert_eq!(settings("days = 'unlimited'").days, Some(Lifetime::Unlimited));
}

#[test]
fn what_breaks_a_rule_is_not_signed() {
    let server = Profile::of(Kind::TlsServer);
    assert_eq!(findings(&server, &Subject::named("bootstrap server")), [Finding::NoServerName]);
    assert_eq!(findings(&server, &Subject::unnamed()), [Finding::Nobody, Finding::NoServerName]);
    let reached = |name: &str| Subject::unnamed().reached_by(&[name.to_owned()]);
    assert_eq!(findings(&server, &reached("a_b.example")), [Finding::NameForm("a_b.example".into())]);
    let twice = Subject::unnamed().reached_by(&["a.example".into(), "a.example".into()]);
    assert_eq!(findings(&server, &twice), [Finding::NameTwice]);
    let owner = Profile::of(Kind::Owner);
    let reached = findings(&owner, &Subject::named("Owner").reached_by(&["a".into()]));
    assert!(reached.contains(&Finding::NameKind(Kind::Owner)), "{reached:?}");
    let idevid = Profile::of(Kind::Idevid);
    let nameless = findings(&idevid, &Subject::named("Model"));
    assert_eq!(nameless, [Finding::AttributeMissing(SubjectAttribute::SerialNumber)]);
    let sn = SerialNumber::new("СН-1").unwrap();
    assert!(matches!(findings(&idevid, &Subject::device("Model", &sn))[..], [Finding::Text { .. }]));
    let two = Subject::device("Model", &SerialNumber::new("1").unwrap()).with(SubjectAttribute::SerialNumber, "2");
    assert_eq!(findings(&idevid, &two), [Finding::AttributeTwice(SubjectAttribute::SerialNumber)]);
    let long = findings(&owner, &Subject::named("x".repeat(20_000)));
    assert_eq!((long[0].reason(), &long[0]), (ReasonCode::CertificateUnfit, &Finding::TooLarge));
}

#[test]
fn a_stuck_source_of_randomness_makes_no_certificate() {
    let key = FileKey::generate_p256().unwrap();
    for stuck in [[0; 16], [0xff; 16], [0xaa; 16]] {
        let made = ca().issue(
            &Profile::of(Kind::Owner),
            &Subject::named("Owner"),
            key.public_key(),
            CertificateSerial(stuck),
            now(),
        );
        let Err(AuthorityError::Unfit(findings)) = made else { panic!("{made:?}") };
        assert_eq!(findings.first(), &Finding::SerialNumber);
    }
}

#[test]
fn art_31_sec_18_an_owner_certificate_of_one_artifact_is_short_lived() {
    let made = issue(&Profile::owner_of_one_artifact(), &Subject::named("Owner")).unwrap();
    assert_eq!(made.not_after(), now().plus_seconds(7 * 86_400));
    let ordinary = issue(&Profile::of(Kind::Owner), &Subject::named("Owner")).unwrap();
    assert_eq!(made.subject(), ordinary.subject());
}

#[test]
fn dates_are_utctime_through_2049_and_generalizedtime_afterwards() {
    use x509_cert::time::Time;
    let long = Profile::new(Kind::IssuingCa, settings("days = 'unlimited'")).unwrap();
    let key = FileKey::generate_p256().unwrap();
    let root_profile = Profile::new(Kind::Root, settings("days = 'unlimited'")).unwrap();
    let root_key = Box::new(FileKey::generate_p256().unwrap());
    let root =
        authority::CertificateAuthority::new_root_of(&root_profile, &Subject::named("Root"), root_key, serial(), now())
            .unwrap();
    let made = root.certify_ca(&long, &Subject::named("CA"), key.public_key(), serial(), now()).unwrap();
    let validity = made.as_x509().tbs_certificate().validity();
    assert!(matches!((validity.not_before, validity.not_after), (Time::UtcTime(_), Time::GeneralTime(_))));
    assert_eq!(made.not_after(), Timestamp::INFINITY);
}

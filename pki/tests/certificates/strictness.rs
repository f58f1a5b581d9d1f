//! What only those who issue must heed, and who looks at it.

use pki::{
    certificate::Certificate,
    path::{self, PathError, Policy, ProfileRule, Purpose, Strictness},
};
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, IsCa, KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};

use crate::{
    revocation::der::{oid, seq, tlv},
    support::{Plan, Tree, trusted},
};

fn judge(change: impl Fn(&mut Plan), strictness: Strictness) -> Result<(), PathError> {
    let tree = Tree::new(change);
    let policy = Policy { strictness, ..Policy::new(trusted(), Purpose::DeviceIdentity) };
    let (bag, anchors) = ([tree.intermediate.certificate], [tree.root.certificate]);
    path::validate(&tree.leaf.certificate, &bag, &anchors, &policy).map(drop)
}

fn extension(id: &[u64], critical: bool, value: Vec<u8>) -> Vec<CustomExtension> {
    let mut extension = CustomExtension::from_oid_content(id, value);
    extension.set_criticality(critical);
    vec![extension]
}

#[test]
fn a_well_made_path_passes_both() {
    judge(|_| (), Strictness::Processing).unwrap();
    judge(|_| (), Strictness::Profile).unwrap();
}

/// NameConstraints that permit everything.
fn constraints(critical: bool) -> Vec<CustomExtension> {
    extension(&[2, 5, 29, 30], critical, seq(&[tlv(0xa0, &seq(&[tlv(0x82, b"")]))]))
}

fn set(change: fn(&mut CertificateParams)) -> impl Fn(&mut Plan) {
    move |plan| change(&mut plan.leaf)
}

/// A change that breaks one rule.
struct Case(Box<dyn Fn(&mut Plan)>, ProfileRule);

#[test]
fn rfc_5280_what_no_ca_may_issue_is_refused_by_the_profile_alone() {
    let cases: [Case; 9] = [
        Case(Box::new(set(|leaf| leaf.serial_number = Some(SerialNumber::from(0)))), ProfileRule::SerialNumber),
        Case(
            Box::new(set(|leaf| leaf.use_authority_key_identifier_extension = false)),
            ProfileRule::AuthorityKeyIdentifier,
        ),
        Case(Box::new(set(|leaf| leaf.distinguished_name = DistinguishedName::new())), ProfileRule::Nameless),
        Case(
            Box::new(set(|leaf| {
                leaf.custom_extensions = extension(&[2, 5, 29, 17], false, seq(&[tlv(0x82, b"")]));
            })),
            ProfileRule::AlternativeName,
        ),
        Case(
            Box::new(set(|leaf| leaf.custom_extensions = constraints(true))),
            ProfileRule::OnlyForCas(const_oid::db::rfc5280::ID_CE_NAME_CONSTRAINTS),
        ),
        Case(
            Box::new(|plan| plan.intermediate.custom_extensions = constraints(false)),
            ProfileRule::Criticality(const_oid::db::rfc5280::ID_CE_NAME_CONSTRAINTS),
        ),
        Case(
            Box::new(set(|leaf| {
                leaf.is_ca = IsCa::ExplicitNoCa;
                leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
            })),
            ProfileRule::KeyUsage,
        ),
        Case(
            Box::new(set(|leaf| {
                let policy = seq(&[oid("1.3.6.1.4.1.99999.1")]);
                leaf.custom_extensions = extension(&[2, 5, 29, 32], false, seq(&[policy.clone(), policy]));
            })),
            ProfileRule::DuplicatePolicy(const_oid::ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1")),
        ),
        // The anchor's certificate counts as well: its subject key identifier stands in a critical extension.
        Case(
            Box::new(|plan| {
                plan.root.custom_extensions = extension(&[1, 3, 6, 1, 5, 5, 7, 1, 1], true, access());
            }),
            ProfileRule::Criticality(const_oid::db::rfc5280::ID_PE_AUTHORITY_INFO_ACCESS),
        ),
    ];
    for Case(change, expected) in cases {
        judge(&change, Strictness::Processing).unwrap_or_else(|error| panic!("{expected:?}: {error}"));
        match judge(&change, Strictness::Profile) {
            Err(PathError::Profile { rule, .. }) => assert_eq!(rule, expected),
            // Nobody understands it when it is critical, which is found first.
            Err(PathError::CriticalExtension { extension, .. }) => {
                assert_eq!(expected, ProfileRule::Criticality(extension));
            }
            other => panic!("{expected:?}: {other:?}"),
        }
    }
}

fn access() -> Vec<u8> {
    seq(&[seq(&[oid("1.3.6.1.5.5.7.48.1"), tlv(0x86, b"http://a")])])
}

#[test]
fn the_profile_has_the_anchor_expire() {
    let old = |plan: &mut Plan| plan.root.not_after = date_time_ymd(2026, 1, 1);
    judge(old, Strictness::Processing).unwrap();
    assert!(matches!(judge(old, Strictness::Profile), Err(PathError::OutsideValidity { .. })));
}

#[test]
fn a_name_that_must_be_there_may_be_an_alternative_one() {
    let judge = |critical| {
        judge(
            |plan| {
                plan.leaf.distinguished_name = DistinguishedName::new();
                let names = seq(&[tlv(0x82, b"example.com")]);
                plan.leaf.custom_extensions = extension(&[2, 5, 29, 17], critical, names);
            },
            Strictness::Profile,
        )
    };
    judge(true).unwrap();
    judge(false).unwrap_err();
}

#[test]
fn rfc_5280_an_issuer_without_a_name_issues_nothing() {
    // RFC 5280 §4.1.2.4, whatever the strictness.
    let nameless = |plan: &mut Plan| plan.intermediate.distinguished_name = DistinguishedName::new();
    assert!(matches!(judge(nameless, Strictness::Processing), Err(PathError::NoPath { .. })));
}

#[test]
fn rfc_5280_versions_go_with_what_they_hold() {
    // RFC 5280 §4.1.2.1: the version of a certificate with extensions, changed to 2 and to 1 by hand.
    let tree = Tree::new(|plan| plan.leaf.subject_alt_names = vec![SanType::DnsName("a.example".try_into().unwrap())]);
    let der = tree.leaf.certificate.der();
    let version = [0xa0, 3, 2, 1, 2];
    let place = (0..der.len()).find(|&start| der[start..].starts_with(&version)).unwrap();
    for (number, good) in [(2, true), (1, false), (0, false), (3, false), (0xff, false)] {
        let mut changed = der.to_vec();
        changed[place + 4] = number;
        assert_eq!(Certificate::from_der(&changed).is_ok(), good, "{number}");
    }
}

//! RFC 5280 §4.2.1.10: what those below a CA may be called. Constraints are written by hand, so that they may be wrong, too.

use pki::{
    certificate::{Certificate, CertificateError},
    path::{self, NameRule, PathError, Policy, Purpose},
};
use rcgen::{CertificateParams, CustomExtension, DnType, SanType};

use crate::{
    revocation::der::{BITS, OCTETS, oid, seq, tlv},
    support::{Issued, Tree, ca, leaf, trusted},
};

const PERMITTED: u8 = 0xa0;
const EXCLUDED: u8 = 0xa1;
/// Forms of names.
const OTHER: u8 = 0xa0;
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const DIRECTORY: u8 = 0xa4;
const URI: u8 = 0x86;
const IP: u8 = 0x87;
const REGISTERED: u8 = 0x88;

fn custom(id: &[u64], critical: bool, value: Vec<u8>) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(id, value);
    extension.set_criticality(critical);
    extension
}

/// PERMITTED or EXCLUDED, and names with their forms.
struct Part<'a>(u8, &'a [(u8, &'a [u8])]);

/// NameConstraints: each kind with its names.
fn constraints(parts: &[Part<'_>]) -> CustomExtension {
    let subtree = |&(form, base): &(u8, &[u8])| seq(&[tlv(form, base)]);
    let part = |Part(kind, names): &Part<'_>| tlv(*kind, &names.iter().flat_map(subtree).collect::<Vec<_>>());
    custom(&[2, 5, 29, 30], true, seq(&parts.iter().map(part).collect::<Vec<_>>()))
}

/// SubjectAltName.
fn alternatives(names: &[(u8, &[u8])]) -> CustomExtension {
    let names: Vec<_> = names.iter().map(|(form, name)| tlv(*form, name)).collect();
    custom(&[2, 5, 29, 17], false, seq(&names))
}

/// A path whose intermediate is constrained and whose leaf has these names.
fn judge(constraint: CustomExtension, names: &[(u8, &[u8])]) -> Result<path::Path, PathError> {
    let tree = Tree::new(|plan| {
        plan.intermediate.custom_extensions = vec![constraint];
        plan.leaf.custom_extensions = vec![alternatives(names)];
    });
    tree.validate_for(Purpose::DeviceIdentity, trusted())
}

/// What the constraint of the intermediate says of the leaf.
fn rule(result: Result<path::Path, PathError>) -> Option<NameRule> {
    match result {
        Ok(_) => None,
        Err(PathError::Name { subject, issuer, rule, .. }) => {
            assert_eq!((subject.as_str(), issuer.as_str()), ("CN=leaf", "CN=intermediate"));
            Some(rule)
        }
        Err(other) => panic!("{other}"),
    }
}

/// The DER of a directory name of one organization and perhaps one common name.
fn directory(organization: &str, common_name: Option<&str>) -> Vec<u8> {
    let rdn = |id: &str, value: &str| tlv(0x31, &seq(&[oid(id), tlv(0x0c, value.as_bytes())]));
    let first = rdn("2.5.4.10", organization);
    seq(&[first, common_name.map_or_else(Vec::new, |name| rdn("2.5.4.3", name))])
}

#[test]
fn rfc_5280_permitted_names_pass_and_all_others_of_their_form_do_not() {
    let (acme, other) = (directory("Acme", None), directory("Other", None));
    let (inside, outside) = (directory("ACME", Some("x")), directory("Acme Ltd", Some("x")));
    for (form, base, good, bad) in [
        (DNS, &b"example.com"[..], &b"a.b.example.com"[..], &b"notexample.com"[..]),
        (EMAIL, b"example.com", b"me@example.com", b"me@a.example.com"),
        (URI, b".example.com", b"https://a.example.com/x", b"https://example.com/x"),
        (IP, &[192, 0, 2, 0, 255, 255, 255, 0], &[192, 0, 2, 9], &[192, 0, 3, 9]),
        (DIRECTORY, &acme, &inside, &outside),
    ] {
        // The subject is a directory name as well.
        let own = directory("Acme", None);
        let both: &[(u8, &[u8])] = if form == DIRECTORY { &[(form, base), (form, &own)] } else { &[(form, base)] };
        let permit = || constraints(&[Part(PERMITTED, both)]);
        let subject = |params: &mut CertificateParams| params.distinguished_name.push(DnType::OrganizationName, "Acme");
        let tree = |names: &[(u8, &[u8])]| {
            let tree = Tree::new(|plan| {
                if form == DIRECTORY {
                    plan.leaf.distinguished_name = rcgen::DistinguishedName::new();
                    subject(&mut plan.leaf);
                }
                plan.intermediate.custom_extensions = vec![permit()];
                plan.leaf.custom_extensions = vec![alternatives(names)];
            });
            tree.validate_for(Purpose::DeviceIdentity, trusted())
        };
        tree(&[(form, good)]).unwrap();
        assert!(matches!(tree(&[(form, bad)]), Err(PathError::Name { rule: NameRule::NotPermitted, .. })), "{form:#x}");
        // One that is outside spoils those that are not.
        assert!(tree(&[(form, good), (form, bad)]).is_err(), "{form:#x}");
        // And excluded the other way round.
        let exclude = || constraints(&[Part(EXCLUDED, &[(form, base)])]);
        assert_eq!(rule(judge(exclude(), &[(form, good)])), Some(NameRule::Excluded), "{form:#x}");
        assert_eq!(rule(judge(exclude(), &[(form, bad)])), None, "{form:#x}");
    }
    // A form that is not constrained is free.
    judge(constraints(&[Part(PERMITTED, &[(DIRECTORY, &other)])]), &[(DNS, b"a")]).unwrap_err();
    judge(constraints(&[Part(PERMITTED, &[(IP, &[0; 8])])]), &[(DNS, b"a.example")]).unwrap();
    judge(constraints(&[Part(EXCLUDED, &[(DIRECTORY, &other)])]), &[(DNS, b"a.example")]).unwrap();
}

#[test]
fn rfc_5280_what_is_excluded_is_excluded_although_it_is_permitted() {
    let both =
        || constraints(&[Part(PERMITTED, &[(DNS, b"example.com")]), Part(EXCLUDED, &[(DNS, b"secret.example.com")])]);
    judge(both(), &[(DNS, b"www.example.com")]).unwrap();
    assert_eq!(rule(judge(both(), &[(DNS, b"a.secret.example.com")])), Some(NameRule::Excluded));
    // A wildcard covers it, too.
    assert_eq!(rule(judge(both(), &[(DNS, b"*.example.com")])), Some(NameRule::Excluded));
}

#[test]
fn every_ca_above_counts_the_anchor_and_those_that_are_not_critical_too() {
    let permit = |name: &'static [u8], critical| {
        let mut extension = constraints(&[Part(PERMITTED, &[(DNS, name)])]);
        extension.set_criticality(critical);
        vec![extension]
    };
    let judge = |root: Vec<CustomExtension>, intermediate: Vec<CustomExtension>| {
        let tree = Tree::new(|plan| {
            plan.root.custom_extensions = root;
            plan.intermediate.custom_extensions = intermediate;
            plan.leaf.subject_alt_names = vec![SanType::DnsName("a.b.example".try_into().unwrap())];
        });
        tree.validate(trusted()).map(drop)
    };
    judge(permit(b"b.example", true), permit(b"a.b.example", true)).unwrap();
    // A CA cannot widen what the one above it left to it.
    let refused = judge(permit(b"c.example", true), permit(b"b.example", true)).unwrap_err();
    assert!(matches!(&refused, PathError::Name { issuer, .. } if issuer == "CN=root"), "{refused}");
    assert_eq!(refused.section(), "RFC 5280 §6.1.3 (b), (c)");
    judge(permit(b"b.example", true), permit(b"c.example", false)).unwrap_err();
}

#[test]
fn rfc_5280_a_cas_certificate_for_itself_is_left_out_and_the_last_one_is_not() {
    // RFC 5280 §6.1.3 (b): unless it is the final certificate.
    let own = constraints(&[Part(PERMITTED, &[(DIRECTORY, &directory("Acme", None))])]);
    let mut params = ca("root");
    params.custom_extensions = vec![own];
    let root = Issued::root(params);
    let rolled = root.issue(ca("root"));
    let mut params = leaf("leaf");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Acme");
    let end_entity = rolled.issue(params).certificate;
    let policy = Policy::new(trusted(), Purpose::DeviceIdentity);
    let anchors = [root.certificate];
    path::validate(&end_entity, std::slice::from_ref(&rolled.certificate), &anchors, &policy).unwrap();
    let refused = path::validate(&rolled.certificate, &[], &anchors, &policy);
    assert!(matches!(refused, Err(PathError::Name { .. })));
}

#[test]
fn a_mailbox_in_the_subject_is_a_mailbox() {
    // RFC 5280 §4.2.1.10: emailAddress, from before there were alternative names.
    let judge = |address: &str| {
        let tree = Tree::new(|plan| {
            plan.intermediate.custom_extensions = vec![constraints(&[Part(PERMITTED, &[(EMAIL, b"example.com")])])];
            let email = DnType::from_oid(&[1, 2, 840, 113549, 1, 9, 1]);
            plan.leaf.distinguished_name.push(email, rcgen::DnValue::Ia5String(address.try_into().unwrap()));
        });
        tree.validate(trusted()).map(drop)
    };
    judge("me@example.com").unwrap();
    judge("me@example.org").unwrap_err();
}

#[test]
fn forms_that_are_not_processed_are_refused_where_they_are_bound() {
    let id = oid("1.3.6.1.5.5.7.8.4");
    let other = [id.clone(), tlv(0xa0, &tlv(OCTETS, b"x"))].concat();
    let mailbox = [oid("1.3.6.1.5.5.7.8.9"), tlv(0xa0, &tlv(0x0c, "ü@example.com".as_bytes()))].concat();
    let number = &oid("1.2.3")[2..];
    for kind in [PERMITTED, EXCLUDED] {
        assert!(rule(judge(constraints(&[Part(kind, &[(OTHER, &other)])]), &[(OTHER, &other)])).is_some());
        assert!(rule(judge(constraints(&[Part(kind, &[(REGISTERED, number)])]), &[(REGISTERED, number)])).is_some());
        // RFC 9598 §6: constraints on mailboxes bind those in UTF-8.
        assert!(rule(judge(constraints(&[Part(kind, &[(EMAIL, b"example.com")])]), &[(OTHER, &mailbox)])).is_some());
        assert!(rule(judge(constraints(&[Part(kind, &[(DNS, b"example.com")])]), &[(OTHER, &other)])).is_none());
    }
}

#[test]
fn constraints_that_cannot_be_read_let_nobody_pass() {
    for (form, base) in [
        (DNS, &b".example.com"[..]),
        (DNS, b"*.example.com"),
        (IP, &[192, 0, 2, 0]),
        (IP, &[192, 0, 2, 0, 255, 0, 255, 0]),
        (EMAIL, b"@example.com"),
        (URI, b"https://example.com"),
    ] {
        for kind in [PERMITTED, EXCLUDED] {
            let refused = judge(constraints(&[Part(kind, &[(form, base)])]), &[(DNS, b"a.example.com")]).unwrap_err();
            assert!(matches!(refused, PathError::NameConstraint { .. }), "{refused}");
        }
    }
    // RFC 5280 §4.2.1.10: minimum is 0 and maximum absent.
    for limit in [tlv(0x80, &[1]), tlv(0x81, &[9])] {
        let subtree = seq(&[tlv(DNS, b"example.com"), limit]);
        let extension = custom(&[2, 5, 29, 30], true, seq(&[tlv(PERMITTED, &subtree)]));
        let refused = judge(extension, &[(DNS, b"example.com")]).unwrap_err();
        assert!(matches!(refused, PathError::NameConstraint { .. }), "{refused}");
    }
}

#[test]
fn empty_constraints_are_none_and_refused_when_they_are_read() {
    let key = rcgen::KeyPair::generate().unwrap();
    let read = |value: Vec<u8>| {
        let mut params = ca("ca");
        params.custom_extensions = vec![custom(&[2, 5, 29, 30], true, value)];
        Certificate::from_der(params.self_signed(&key).unwrap().der())
    };
    for empty in [seq(&[]), seq(&[tlv(PERMITTED, &[])]), seq(&[tlv(EXCLUDED, &[])])] {
        assert!(matches!(read(empty), Err(CertificateError::EmptyExtension(_))));
    }
    assert!(matches!(read(tlv(BITS, &[0])), Err(CertificateError::Der(_))));
}

#[test]
fn comparisons_are_counted_and_end() {
    // 600 names and 600 constraints: 360,000 comparisons.
    let names: Vec<_> = (0..600).map(|number| format!("n{number}.example.com").into_bytes()).collect();
    let names: Vec<_> = names.iter().map(|name| (DNS, name.as_slice())).collect();
    let base: &[(u8, &[u8])] = &[(DNS, b"example.org")];
    let result = judge(constraints(&[Part(EXCLUDED, &base.repeat(600))]), &names);
    assert_eq!(result.unwrap_err(), PathError::TooComplex);
    judge(constraints(&[Part(EXCLUDED, &base.repeat(100))]), &names).unwrap();
}

//! RFC 5280 §6.1, one rule at a time: a tree in which everything is in order, and one thing changed.

use const_oid::ObjectIdentifier;
use pki::{
    path::{self, PathError, Policy, Purpose},
    time::{Clock, Timestamp},
};
use rcgen::{BasicConstraints, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, date_time_ymd};

use crate::support::{Issued, Tree, ca, leaf, now, patched, trusted, untrusted};

const SIGNING: Policy<'_> = Policy::new(Clock::Untrusted { at_least: Timestamp::INFINITY }, Purpose::Signing);

#[test]
fn a_good_path_is_given_from_end_entity_to_anchor() {
    let tree = Tree::new(|_| ());
    let path = tree.validate(trusted()).unwrap();
    let expected = [&tree.leaf, &tree.intermediate, &tree.root].map(|it| it.certificate.clone());
    assert_eq!(path.certificates(), expected);
}

#[test]
fn an_end_entity_may_be_its_own_anchor() {
    // RFC 8366 §5.3 (VCH-12, ART-25): a voucher may pin the end entity itself, self-signed or not.
    let alone = Issued::root(leaf("alone")).certificate;
    let anchors = [alone.clone()];
    let path = path::validate(&alone, &[], &anchors, &SIGNING).unwrap();
    assert_eq!(path.certificates(), anchors);

    let pinned = Tree::new(|_| ()).leaf.certificate;
    path::validate(&pinned, &[], std::slice::from_ref(&pinned), &SIGNING).unwrap();
}

#[test]
fn an_end_entity_that_is_the_anchor_still_expires() {
    let mut params = leaf("alone");
    params.not_after = date_time_ymd(2026, 1, 1);
    let alone = Issued::root(params).certificate;
    let judge = |clock| path::validate(&alone, &[], std::slice::from_ref(&alone), &Policy { clock, ..SIGNING });
    assert!(matches!(judge(trusted()), Err(PathError::OutsideValidity { .. })));
    judge(untrusted()).unwrap();
}

#[test]
fn an_intermediate_may_be_the_anchor() {
    let tree = Tree::new(|_| ());
    let anchors = [tree.intermediate.certificate.clone()];
    let path = path::validate(&tree.leaf.certificate, &[], &anchors, &SIGNING).unwrap();
    assert_eq!(path.certificates().len(), 2);
}

#[test]
fn without_the_intermediate_there_is_no_path() {
    // ART-14.
    let tree = Tree::new(|_| ());
    let refused = path::validate(&tree.leaf.certificate, &[], &[tree.root.certificate], &SIGNING);
    let expected = PathError::NoPath { subject: "CN=leaf".into(), issuer: "CN=intermediate".into() };
    assert_eq!(refused.unwrap_err(), expected);
}

#[test]
fn another_anchor_leads_nowhere_even_under_the_same_name() {
    let tree = Tree::new(|_| ());
    let bag = [tree.intermediate.certificate.clone()];
    let judge = |anchor: Issued| path::validate(&tree.leaf.certificate, &bag, &[anchor.certificate], &SIGNING);
    assert!(matches!(judge(Issued::root(ca("stranger"))), Err(PathError::NoPath { .. })));
    // The key identifiers differ: it is another CA of that name, and not one whose signature failed.
    assert!(matches!(judge(Issued::root(ca("root"))), Err(PathError::NoPath { .. })));
    assert!(path::validate(&tree.leaf.certificate, &bag, &[], &SIGNING).is_err());
}

#[test]
fn without_key_identifiers_the_signature_tells_apart_two_cas_of_one_name() {
    let silent = |plan: &mut crate::support::Plan| plan.intermediate.use_authority_key_identifier_extension = false;
    let tree = Tree::new(silent);
    let impostor = Issued::root(ca("root")).certificate;
    let bag = [tree.intermediate.certificate.clone()];
    let refused = path::validate(&tree.leaf.certificate, &bag, std::slice::from_ref(&impostor), &SIGNING).unwrap_err();
    assert!(matches!(&refused, PathError::Signature { subject, .. } if subject == "CN=intermediate"), "{refused}");
    let both = [impostor, tree.root.certificate.clone()];
    path::validate(&tree.leaf.certificate, &bag, &both, &SIGNING).unwrap();
}

#[test]
fn dev_14_expiry_counts_under_a_trusted_clock_only() {
    let past = date_time_ymd(2026, 5, 31);
    let future = date_time_ymd(2026, 6, 2);
    let trees = [
        ("CN=leaf", Tree::new(|plan| plan.leaf.not_after = past)),
        ("CN=leaf", Tree::new(|plan| plan.leaf.not_before = future)),
        ("CN=intermediate", Tree::new(|plan| plan.intermediate.not_after = past)),
        ("CN=intermediate", Tree::new(|plan| plan.intermediate.not_before = future)),
    ];
    for (who, tree) in trees {
        let refused = tree.validate(trusted()).unwrap_err();
        let fits = matches!(&refused, PathError::OutsideValidity { subject, now: at, .. }
            if subject == who && *at == now());
        assert!(fits, "{refused}");
        tree.validate(untrusted()).unwrap();
    }
}

#[test]
fn the_dates_of_an_anchor_are_not_judged() {
    // RFC 5280 §6.1.1 (d): an anchor is a name and a key.
    let tree = Tree::new(|plan| plan.root.not_after = date_time_ymd(2026, 1, 1));
    tree.validate(trusted()).unwrap();
}

#[test]
fn validity_includes_its_first_and_its_last_second() {
    let tree = Tree::new(|plan| {
        plan.leaf.not_before = date_time_ymd(2026, 1, 1);
        plan.leaf.not_after = date_time_ymd(2026, 1, 2);
    });
    let at = |second: &str| tree.validate(Clock::Trusted(Timestamp::parse_rfc3339(second).unwrap()));
    at("2026-01-01T00:00:00Z").unwrap();
    at("2026-01-02T00:00:00Z").unwrap();
    at("2025-12-31T23:59:59Z").unwrap_err();
    at("2026-01-02T00:00:01Z").unwrap_err();
}

#[test]
fn dev_11_no_well_defined_expiration() {
    // RFC 5280 §4.1.2.5; IEEE 802.1AR demands 99991231235959Z of IDevIDs.
    let last = date_time_ymd(9999, 12, 31).replace_hour(23).unwrap();
    let last = last.replace_minute(59).unwrap().replace_second(59).unwrap();
    let tree = Tree::new(|plan| plan.leaf.not_after = last);
    assert_eq!(tree.leaf.certificate.not_after(), Timestamp::INFINITY);
    tree.validate(trusted()).unwrap();
    tree.validate(Clock::Trusted(Timestamp::INFINITY)).unwrap_err(); // the intermediate ends before
}

#[test]
fn only_a_ca_issues() {
    // RFC 5280 §6.1.4 (k).
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa] {
        let tree = Tree::new(|plan| plan.intermediate.is_ca = is_ca);
        assert_eq!(tree.validate(trusted()).unwrap_err(), PathError::NotACa { subject: "CN=intermediate".into() });
    }
    // Being an anchor does not make a CA of an end entity.
    let tree = Tree::new(|plan| plan.root = leaf("root"));
    assert_eq!(tree.validate(trusted()).unwrap_err(), PathError::NotACa { subject: "CN=root".into() });
}

#[test]
fn a_ca_whose_key_usage_lacks_key_cert_sign_does_not_issue() {
    // RFC 5280 §6.1.4 (n).
    let tree = Tree::new(|plan| plan.intermediate.key_usages = vec![KeyUsagePurpose::DigitalSignature]);
    assert_eq!(tree.validate(trusted()).unwrap_err(), PathError::NotACa { subject: "CN=intermediate".into() });
    Tree::new(|plan| plan.intermediate.key_usages.clear()).validate(trusted()).unwrap();
}

#[test]
fn a_root_without_any_extension_is_an_anchor_and_no_intermediate() {
    let bare = |name: &str| {
        let mut params = leaf(name);
        params.key_usages.clear();
        params.use_authority_key_identifier_extension = false;
        params
    };
    Tree::new(|plan| plan.root = bare("root")).validate(trusted()).unwrap();
    let refused = Tree::new(|plan| plan.intermediate = bare("intermediate")).validate(trusted());
    assert_eq!(refused.unwrap_err(), PathError::NotACa { subject: "CN=intermediate".into() });
}

#[test]
fn the_path_length_limit_counts_intermediates() {
    // RFC 5280 §4.2.1.9.
    let limited = |limit| Tree::new(|plan| plan.root.is_ca = IsCa::Ca(BasicConstraints::Constrained(limit)));
    let refused = limited(0).validate(trusted()).unwrap_err();
    assert_eq!(refused, PathError::PathLength { subject: "CN=root".into() });
    limited(1).validate(trusted()).unwrap();
    Tree::new(|plan| plan.intermediate.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))).validate(trusted()).unwrap();
}

#[test]
fn a_self_issued_intermediate_does_not_count() {
    // RFC 5280 §4.2.1.9: a CA that changed its key.
    let mut params = ca("root");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let old = Issued::root(params.clone());
    let new = old.issue(params);
    let below = new.issue(leaf("leaf")).certificate;
    let path = path::validate(&below, &[new.certificate], &[old.certificate], &SIGNING).unwrap();
    assert_eq!(path.certificates().len(), 3);
}

#[test]
fn an_unknown_critical_extension_is_refused_unless_the_policy_lets_it_pass() {
    // RFC 5280 §4.2.
    let strange: ObjectIdentifier = "1.3.6.1.4.1.99999.1".parse().unwrap();
    let extension = |critical| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(critical);
        vec![extension]
    };
    let trees = [
        ("CN=leaf", Tree::new(|plan| plan.leaf.custom_extensions = extension(true))),
        ("CN=intermediate", Tree::new(|plan| plan.intermediate.custom_extensions = extension(true))),
    ];
    for (who, tree) in trees {
        let expected = PathError::CriticalExtension { subject: who.into(), extension: strange };
        assert_eq!(tree.validate(trusted()).unwrap_err(), expected);
        let bag = [tree.intermediate.certificate];
        let policy = Policy { accepted_critical: &[strange], ..SIGNING };
        path::validate(&tree.leaf.certificate, &bag, &[tree.root.certificate], &policy).unwrap();
    }
    Tree::new(|plan| plan.leaf.custom_extensions = extension(false)).validate(trusted()).unwrap();
}

#[test]
fn a_certificate_changed_after_signing_is_refused() {
    let tree = Tree::new(|_| ());
    let bag = [tree.intermediate.certificate.clone()];
    let changed = patched(&tree.leaf.certificate, b"leaf", b"lead");
    let refused = path::validate(&changed, &bag, std::slice::from_ref(&tree.root.certificate), &SIGNING).unwrap_err();
    assert!(matches!(&refused, PathError::Signature { subject, .. } if subject == "CN=lead"), "{refused}");

    let mut der = tree.leaf.certificate.der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let changed = pki::certificate::Certificate::from_der(&der).unwrap();
    let refused = path::validate(&changed, &bag, &[tree.root.certificate], &SIGNING).unwrap_err();
    assert!(matches!(refused, PathError::Signature { .. }), "{refused}");
}

#[test]
fn art_11_who_signs_needs_digital_signature_or_no_key_usage() {
    // RFC 8572 §3.2.
    let tree = |usages: Vec<_>| Tree::new(|plan| plan.leaf.key_usages = usages);
    let encryption_only = tree(vec![KeyUsagePurpose::KeyEncipherment]);
    assert_eq!(encryption_only.validate(trusted()).unwrap_err(), PathError::WrongUsage { subject: "CN=leaf".into() });
    encryption_only.validate_for(Purpose::DeviceIdentity, trusted()).unwrap();
    tree(vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment]).validate(trusted()).unwrap();
    tree(Vec::new()).validate(trusted()).unwrap();
}

#[test]
fn extended_key_usage_of_tls_servers_includes_server_auth() {
    // RFC 5280 §4.2.1.12.
    let tree = |usages: Vec<_>| Tree::new(|plan| plan.leaf.extended_key_usages = usages);
    for usages in [
        vec![],
        vec![ExtendedKeyUsagePurpose::ServerAuth],
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth],
        vec![ExtendedKeyUsagePurpose::Any],
    ] {
        tree(usages).validate_for(Purpose::TlsServer, trusted()).unwrap();
    }
    let client = tree(vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let refused = client.validate_for(Purpose::TlsServer, trusted()).unwrap_err();
    assert_eq!(refused, PathError::WrongUsage { subject: "CN=leaf".into() });
    client.validate_for(Purpose::DeviceIdentity, trusted()).unwrap();
}

#[test]
fn a_certificate_for_tls_alone_signs_nothing() {
    // RFC 5280 §4.2.1.12: or the key of an online server could speak for the owner.
    let tree = |usages: Vec<_>| Tree::new(|plan| plan.leaf.extended_key_usages = usages);
    let (client, server) = (ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth);
    for usages in [vec![client.clone()], vec![server.clone()], vec![client, server.clone()]] {
        let refused = tree(usages).validate(trusted()).unwrap_err();
        assert_eq!(refused, PathError::WrongUsage { subject: "CN=leaf".into() });
    }
    for usages in [vec![], vec![ExtendedKeyUsagePurpose::Any], vec![server, ExtendedKeyUsagePurpose::CodeSigning]] {
        tree(usages).validate(trusted()).unwrap();
    }
}

#[test]
fn art_12_the_subject_may_be_empty() {
    // RFC 8572 §3.2: subject and subject alternative name of an owner certificate are unconstrained.
    let tree = Tree::new(|plan| {
        plan.leaf.distinguished_name.remove(DnType::CommonName);
        plan.leaf.subject_alt_names = vec![rcgen::SanType::DnsName("owner.example".try_into().unwrap())];
    });
    assert_eq!(tree.leaf.certificate.subject().to_string(), "");
    tree.validate(trusted()).unwrap();
}

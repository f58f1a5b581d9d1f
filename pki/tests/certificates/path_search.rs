//! Many certificates in no order: the search finds what there is to find, and ends.

use pki::{
    certificate::Certificate,
    path::{self, Path, PathError, Policy, Purpose},
    time::{Clock, Timestamp},
};
use rcgen::date_time_ymd;

use crate::support::{Issued, ca, leaf, trusted};

const POLICY: Policy<'_> = Policy::new(Clock::Untrusted { at_least: Timestamp::INFINITY }, Purpose::Signing);

/// CAs of which each certifies each other one.
fn maze(size: usize) -> (Vec<Issued>, Vec<Certificate>) {
    let authorities: Vec<Issued> = (0..size).map(|number| Issued::root(ca(&format!("ca {number}")))).collect();
    let mut bag = Vec::new();
    for issuer in &authorities {
        bag.extend(authorities.iter().map(|subject| issuer.cross_certify(subject)));
    }
    (authorities, bag)
}

#[test]
fn a_maze_without_an_exit_ends_at_the_signature_budget() {
    let (authorities, bag) = maze(6);
    let end_entity = authorities[0].issue(leaf("lost")).certificate;
    let stranger = Issued::root(ca("stranger")).certificate;
    assert_eq!(path::validate(&end_entity, &bag, &[stranger], &POLICY).unwrap_err(), PathError::TooComplex);
}

#[test]
fn a_small_maze_is_searched_to_its_end() {
    let (authorities, bag) = maze(2);
    let end_entity = authorities[0].issue(leaf("lost")).certificate;
    let stranger = Issued::root(ca("stranger")).certificate;
    assert!(matches!(path::validate(&end_entity, &bag, &[stranger], &POLICY), Err(PathError::NoPath { .. })));
}

#[test]
fn the_exit_of_a_maze_is_found() {
    let (authorities, mut bag) = maze(3);
    let exit = Issued::root(ca("exit"));
    bag.push(exit.cross_certify(&authorities[2]));
    let end_entity = authorities[0].issue(leaf("found")).certificate;
    let path = path::validate(&end_entity, &bag, std::slice::from_ref(&exit.certificate), &POLICY).unwrap();
    assert_eq!(path.certificates().first(), Some(&end_entity));
    assert_eq!(path.certificates().last(), Some(&exit.certificate));
}

#[test]
fn the_order_of_the_bag_says_nothing() {
    // ART-19.
    let mut chain = vec![Issued::root(ca("root"))];
    for depth in 0..3 {
        chain.push(chain[depth].issue(ca(&format!("ca {depth}"))));
    }
    let end_entity = chain[3].issue(leaf("leaf")).certificate;
    let mut bag: Vec<_> = chain.iter().map(|it| it.certificate.clone()).collect();
    let anchor = bag[0].clone();
    for _ in 0..bag.len() {
        bag.rotate_left(1);
        let path = path::validate(&end_entity, &bag, std::slice::from_ref(&anchor), &POLICY).unwrap();
        assert_eq!(path.certificates().len(), 5);
    }
}

#[test]
fn a_path_has_at_most_eight_certificates() {
    let deep = |intermediates: usize| {
        let root = Issued::root(ca("root"));
        let (anchor, mut bag, mut last) = (root.certificate.clone(), Vec::new(), root);
        for depth in 0..intermediates {
            last = last.issue(ca(&format!("ca {depth}")));
            bag.push(last.certificate.clone());
        }
        let end_entity = last.issue(leaf("leaf")).certificate;
        path::validate(&end_entity, &bag, &[anchor], &POLICY)
    };
    assert_eq!(deep(Path::MAX_LENGTH - 2).unwrap().certificates().len(), Path::MAX_LENGTH);
    assert!(deep(Path::MAX_LENGTH - 1).is_err());
}

#[test]
fn of_two_certificates_for_one_ca_the_valid_one_is_taken() {
    let root = Issued::root(ca("root"));
    let mut params = ca("intermediate");
    params.not_after = date_time_ymd(2026, 1, 1);
    let intermediate = root.issue(params);
    let renewed = root.renew(&intermediate, &ca("intermediate"));
    let end_entity = intermediate.issue(leaf("leaf")).certificate;
    let policy = Policy { clock: trusted(), ..POLICY };
    let judge = |bag: &[_]| path::validate(&end_entity, bag, std::slice::from_ref(&root.certificate), &policy);
    let expired = intermediate.certificate.clone();
    assert!(judge(&[expired.clone(), renewed.clone()]).unwrap().certificates().contains(&renewed));
    assert!(judge(&[renewed.clone(), expired.clone()]).unwrap().certificates().contains(&renewed));
    let refused = judge(&[expired]).unwrap_err();
    assert!(
        matches!(&refused, PathError::OutsideValidity { subject, .. } if subject == "CN=intermediate"),
        "{refused}"
    );
}

#[test]
fn the_error_is_that_of_the_path_that_came_furthest() {
    // Two CAs of one name without key identifiers: the signature of one fails, the other one leads on and has expired.
    let root = Issued::root(ca("root"));
    let mut params = ca("intermediate");
    params.not_after = date_time_ymd(2026, 1, 1);
    let intermediate = root.issue(params);
    let namesake = root.issue(ca("intermediate"));
    let mut params = leaf("leaf");
    params.use_authority_key_identifier_extension = false;
    let end_entity = intermediate.issue(params).certificate;
    let bag = [namesake.certificate, intermediate.certificate];
    let policy = Policy { clock: trusted(), ..POLICY };
    let refused = path::validate(&end_entity, &bag, &[root.certificate], &policy).unwrap_err();
    assert!(matches!(refused, PathError::OutsideValidity { .. }), "{refused}");
}

#[test]
fn a_ca_that_was_cross_certified_may_have_another_key_identifier_there() {
    // RFC 5280 §4.2.1.2 leaves it to each CA how it makes them: they are a hint, and a wrong one costs nothing but time.
    let (root, other) = (Issued::root(ca("root")), Issued::root(ca("other root")));
    let intermediate = root.issue(ca("intermediate"));
    let mut params = ca("intermediate");
    params.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(vec![7; 20]);
    let crossed = other.renew(&intermediate, &params);
    let end_entity = intermediate.issue(leaf("leaf")).certificate;
    let bag = [intermediate.certificate.clone(), crossed.clone()];
    let path = path::validate(&end_entity, &bag, std::slice::from_ref(&other.certificate), &POLICY).unwrap();
    assert!(path.certificates().contains(&crossed));
    let path = path::validate(&end_entity, &bag, std::slice::from_ref(&root.certificate), &POLICY).unwrap();
    assert!(path.certificates().contains(&intermediate.certificate));
}

#[test]
fn of_two_ways_the_one_is_taken_whose_constraints_allow_the_name() {
    let constrained = |organization: &str| {
        let mut params = ca("intermediate");
        let mut name = rcgen::DistinguishedName::new();
        name.push(rcgen::DnType::CommonName, organization);
        let permitted_subtrees = vec![rcgen::GeneralSubtree::DirectoryName(name)];
        params.name_constraints = Some(rcgen::NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
        params
    };
    let root = Issued::root(ca("root"));
    let intermediate = root.issue(constrained("somebody else"));
    let fitting = root.renew(&intermediate, &constrained("LEAF"));
    let end_entity = intermediate.issue(leaf("leaf")).certificate;
    let judge = |bag: &[_]| path::validate(&end_entity, bag, std::slice::from_ref(&root.certificate), &POLICY);
    let unfit = intermediate.certificate.clone();
    assert!(judge(&[unfit.clone(), fitting.clone()]).unwrap().certificates().contains(&fitting));
    let refused = judge(&[unfit]).unwrap_err();
    assert!(matches!(&refused, PathError::Name { issuer, .. } if issuer == "CN=intermediate"), "{refused}");
}

#[test]
fn a_cycle_of_two_cas_without_an_exit_ends() {
    let (a, b) = (Issued::root(ca("a")), Issued::root(ca("b")));
    let bag = [a.cross_certify(&b), b.cross_certify(&a), a.certificate.clone(), b.certificate.clone()];
    let end_entity = a.issue(leaf("leaf")).certificate;
    let stranger = Issued::root(ca("stranger")).certificate;
    let refused = path::validate(&end_entity, &bag, &[stranger], &POLICY).unwrap_err();
    assert!(matches!(refused, PathError::NoPath { .. }), "{refused}");
}

#[test]
fn rfc_5280_names_chain_without_case_and_blanks() {
    // RFC 5280 §7.1, over certificates of two CAs that spell one name.
    let root = Issued::root(ca("Root  of Acme"));
    let spelled = root.renew(&root, &ca("ROOT of ACME "));
    let end_entity = root.issue(leaf("leaf")).certificate;
    path::validate(&end_entity, &[], std::slice::from_ref(&spelled), &POLICY).unwrap();
    let other = root.renew(&root, &ca("RootofAcme"));
    assert!(path::validate(&end_entity, &[], &[other], &POLICY).is_err());
}

#[test]
fn cas_for_tls_alone_issue_no_signers() {
    // RFC 5280 §4.2.1.12, down the chain.
    let root = Issued::root(ca("root"));
    let mut params = ca("intermediate");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let intermediate = root.issue(params);
    let end_entity = intermediate.issue(leaf("leaf")).certificate;
    let (bag, anchors) = ([intermediate.certificate], [root.certificate]);
    let judge = |purpose| path::validate(&end_entity, &bag, &anchors, &Policy { purpose, ..POLICY }).map(drop);
    assert_eq!(judge(Purpose::Signing), Err(PathError::WrongUsage { subject: "CN=intermediate".into() }));
    judge(Purpose::TlsServer).unwrap();
    judge(Purpose::DeviceIdentity).unwrap();
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    /// Whatever certifies whatever: a search ends, and what it finds is a chain of signatures to the anchor.
    #[test]
    fn whatever_certifies_whatever_a_search_ends_and_what_it_finds_is_a_chain(
        edges in proptest::collection::vec((0_usize..5, 0_usize..5), 0..14),
        exit in 0_usize..5,
    ) {
        let authorities: Vec<_> = (0..5).map(|number| Issued::root(ca(&format!("ca {number}")))).collect();
        let bag: Vec<_> = edges.iter().map(|(issuer, subject)| authorities[*issuer].cross_certify(&authorities[*subject])).collect();
        let end_entity = authorities[0].issue(leaf("leaf")).certificate;
        let anchors = [authorities[exit].certificate.clone()];
        let mut reached = std::collections::BTreeSet::from([0]);
        for _ in 0..5 {
            let more: Vec<_> = edges.iter().filter(|(_, subject)| reached.contains(subject)).map(|edge| edge.0).collect();
            reached.extend(more);
        }
        match path::validate(&end_entity, &bag, &anchors, &POLICY) {
            Ok(path) => {
                proptest::prop_assert!(reached.contains(&exit));
                for pair in path.certificates().windows(2) {
                    proptest::prop_assert!(pair[0].verify_signature(pair[1].public_key()).is_ok());
                }
            }
            Err(PathError::TooComplex) => {}
            Err(_) => proptest::prop_assert!(!reached.contains(&exit)),
        }
    }
}

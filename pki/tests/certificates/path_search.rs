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

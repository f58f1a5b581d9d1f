//! OCSP responses.

use pki::{
    certificate::Certificate,
    revocation::{Demand, Evidence, EvidenceError, EvidenceKind, OcspResponse, Reason, RevocationError, check},
};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyUsagePurpose, date_time_ymd};

use super::{
    TREE, blamed,
    crl_maker::ListPlan,
    der::extension,
    lists,
    ocsp_maker::{NamedBy, Responder, ResponsePlan, Status},
    required, responses, when_available,
};
use crate::support::{Issued, Tree, ca, leaf, now, trusted, untrusted};

/// By the CA itself, about the leaf.
fn about_leaf(plan: &ResponsePlan, status: Status) -> Vec<u8> {
    plan.sign(&TREE.intermediate, &TREE.intermediate.certificate, &[(&TREE.leaf.certificate, status)])
}

/// What clears the intermediate.
fn of_root() -> Evidence {
    lists(&[ListPlan::new().sign(&TREE.root)])
}

fn clears_leaf(response: &[u8]) -> bool {
    let mut evidence = of_root();
    evidence.add_all(&responses(&[response.to_vec()]));
    required(&evidence, trusted()).is_ok()
}

fn delegate_params(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = leaf("responder");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    change(&mut params);
    params
}

/// Whether a response by this delegate, about the leaf, counts.
fn delegate_counts(delegate: &Issued) -> bool {
    let plan = ResponsePlan::from_delegate(delegate);
    let issuer = &TREE.intermediate.certificate;
    let cleared = clears_leaf(&plan.sign(delegate, issuer, &[(&TREE.leaf.certificate, Status::Good)]));
    let revoked = plan.sign(delegate, issuer, &[(&TREE.leaf.certificate, Status::Revoked { reason: 1 })]);
    let revoked = when_available(&responses(&[revoked]), trusted()).is_err();
    assert_eq!(cleared, revoked);
    cleared
}

#[test]
fn cli_38_a_response_of_the_ca_itself_clears_however_it_names_things() {
    for named_by in [NamedBy::Sha1, NamedBy::Sha256] {
        for responder in [Responder::ByName, Responder::ByKey] {
            let der = about_leaf(&ResponsePlan { named_by, responder, ..ResponsePlan::new() }, Status::Good);
            assert!(clears_leaf(&der), "{named_by:?} {responder:?}");
            let findings = when_available(&responses(std::slice::from_ref(&der)), trusted()).unwrap();
            let answer = findings[0].cleared_by.unwrap();
            assert_eq!((answer.kind, answer.sha256), (EvidenceKind::OcspResponse, pki::digest::sha256(&der)));
        }
    }
}

#[test]
fn art_16_a_response_revokes_with_date_and_reason() {
    let evidence = responses(&[about_leaf(&ResponsePlan::new(), Status::Revoked { reason: 4 })]);
    for clock in [trusted(), untrusted()] {
        let refused = when_available(&evidence, clock).unwrap_err();
        let RevocationError::Revoked { revocation, answer, .. } = &refused else { panic!("{refused}") };
        assert_eq!((revocation.when, revocation.reason), (now().plus_seconds(-7200), Some(Reason::Superseded)));
        assert_eq!((blamed(&refused), answer.kind), ("leaf", EvidenceKind::OcspResponse));
    }
}

#[test]
fn a_reason_that_cannot_be_read_takes_nothing_from_the_fact() {
    // RFC 5280 §5.3.1 has no 7; a revocation must not vanish with it.
    let evidence = responses(&[about_leaf(&ResponsePlan::new(), Status::Revoked { reason: 7 })]);
    let refused = when_available(&evidence, trusted()).unwrap_err();
    assert!(
        matches!(&refused, RevocationError::Revoked { revocation, .. } if revocation.reason.is_none()),
        "{refused}"
    );
}

#[test]
fn a_responder_that_knows_nothing_clears_nobody() {
    let evidence = responses(&[about_leaf(&ResponsePlan::new(), Status::Unknown)]);
    assert_eq!(blamed(&required(&evidence, trusted()).unwrap_err()), "leaf");
    assert!(when_available(&evidence, trusted()).unwrap()[0].cleared_by.is_none());
}

#[test]
fn the_answer_about_the_certificate_in_question_counts_among_several() {
    let sibling = TREE.intermediate.issue(leaf("sibling")).certificate;
    let (leaf, issuer) = (&TREE.leaf.certificate, &TREE.intermediate.certificate);
    let sign = |about: &[(&Certificate, Status)]| ResponsePlan::new().sign(&TREE.intermediate, issuer, about);
    let revoked = Status::Revoked { reason: 1 };
    assert!(clears_leaf(&sign(&[(&sibling, revoked), (leaf, Status::Good)])));
    assert!(!clears_leaf(&sign(&[(&sibling, Status::Good)])));
    assert!(!clears_leaf(&sign(&[(leaf, Status::Good), (leaf, revoked)])));
    // The right serial number under another CA.
    let other = Issued::root(ca("intermediate"));
    let der = ResponsePlan::new().sign(&TREE.intermediate, &other.certificate, &[(leaf, Status::Good)]);
    assert!(!clears_leaf(&der));
}

#[test]
fn a_response_that_does_not_hold_now_clears_nobody() {
    for (this_update, next_update) in [(-7200, Some(-1)), (1, Some(3600)), (-7200, None)] {
        let next_update = next_update.map(|seconds| now().plus_seconds(seconds));
        let this_update = now().plus_seconds(this_update);
        let der = about_leaf(&ResponsePlan { this_update, next_update, ..ResponsePlan::new() }, Status::Good);
        let refused = required(&responses(std::slice::from_ref(&der)), trusted()).unwrap_err();
        assert!(matches!(refused, RevocationError::Stale { .. }), "{refused}");
        required(&responses(&[der]), untrusted()).unwrap();
    }
}

#[test]
fn a_later_response_lifts_a_hold() {
    let hold = ResponsePlan { this_update: now().plus_seconds(-7200), ..ResponsePlan::new() };
    let hold = about_leaf(&hold, Status::Revoked { reason: 6 });
    let later = about_leaf(&ResponsePlan::new(), Status::Good);
    when_available(&responses(std::slice::from_ref(&hold)), trusted()).unwrap_err();
    when_available(&responses(&[hold, later]), trusted()).unwrap();
}

#[test]
fn a_delegate_of_the_ca_that_issued_the_certificate_counts() {
    // RFC 6960 §4.2.2.2.
    let counts =
        |change: fn(&mut CertificateParams)| delegate_counts(&TREE.intermediate.issue(delegate_params(change)));
    assert!(counts(|_| ()));
    assert!(counts(|params| params.key_usages.clear()));
}

#[test]
fn a_delegate_that_is_none_does_not_count() {
    let counts =
        |change: fn(&mut CertificateParams)| delegate_counts(&TREE.intermediate.issue(delegate_params(change)));
    assert!(!counts(|params| params.extended_key_usages.clear()));
    assert!(!counts(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]), "any is not this one");
    assert!(!counts(|params| params.key_usages = vec![KeyUsagePurpose::KeyAgreement]), "may not sign");
    assert!(!counts(|params| params.not_after = date_time_ymd(2026, 5, 1)), "expired");
    let params = || delegate_params(|_| ());
    assert!(!delegate_counts(&TREE.root.issue(params())), "issued by another CA");
    let namesake = Issued::root(ca("intermediate"));
    assert!(!delegate_counts(&namesake.issue(params())), "issued by another CA of this name");
    assert!(!delegate_counts(&Issued::root(params())), "issued by itself");
    assert!(!delegate_counts(&TREE.leaf), "an end entity");
}

#[test]
fn a_delegate_that_a_list_revokes_does_not_count() {
    let delegate = TREE.intermediate.issue(delegate_params(|_| ()));
    let about = [(&TREE.leaf.certificate, Status::Good)];
    let good = ResponsePlan::from_delegate(&delegate).sign(&delegate, &TREE.intermediate.certificate, &about);
    let mut evidence = of_root();
    evidence.add_all(&responses(&[good]));
    required(&evidence, trusted()).unwrap();
    // The list is too old to clear the leaf.
    let old = ListPlan { next_update: Some(now().plus_seconds(-1)), ..ListPlan::naming(&delegate.certificate) };
    evidence.add_all(&lists(&[old.sign(&TREE.intermediate)]));
    assert_eq!(blamed(&required(&evidence, trusted()).unwrap_err()), "leaf");
}

#[test]
fn a_key_that_is_not_the_one_named_signs_nothing() {
    let der = about_leaf(&ResponsePlan::new(), Status::Good);
    let name = TREE.leaf.certificate.certificate_serial();
    let mut tampered = der.clone();
    let place = der.windows(name.len()).position(|window| window == name).unwrap();
    tampered[place + name.len() - 1] ^= 1;
    assert!(!clears_leaf(&tampered));
    *tampered.last_mut().unwrap() ^= 1;
    assert!(!clears_leaf(&tampered));
}

#[test]
fn responses_that_cannot_be_used_are_refused_when_they_are_read() {
    let read = |plan: ResponsePlan| OcspResponse::from_der(&about_leaf(&plan, Status::Good)).map(|it| it.len());
    assert_eq!(read(ResponsePlan::new()), Ok(1));
    for outcome in [1, 2, 3, 5, 6] {
        assert_eq!(read(ResponsePlan { outcome, ..ResponsePlan::new() }), Err(EvidenceError::NotSuccessful));
    }
    assert!(matches!(read(ResponsePlan { outcome: 4, ..ResponsePlan::new() }), Err(EvidenceError::Der(_))));
    let other = ResponsePlan { response_type: "1.3.6.1.5.5.7.48.1.2", ..ResponsePlan::new() };
    assert!(matches!(read(other), Err(EvidenceError::ResponseType(_))));
    let unknown = vec![extension("1.3.6.1.4.1.99999.1", true, &[5, 0])];
    let of_all = ResponsePlan { extensions: unknown.clone(), ..ResponsePlan::new() };
    assert!(matches!(read(of_all), Err(EvidenceError::CriticalExtension(_))));
    let of_one = ResponsePlan { single_extensions: unknown, ..ResponsePlan::new() };
    assert!(matches!(read(of_one), Err(EvidenceError::CriticalExtension(_))));
    let nonce = vec![extension("1.3.6.1.5.5.7.48.1.2", false, &[4, 1, 1])];
    assert_eq!(read(ResponsePlan { extensions: nonce, ..ResponsePlan::new() }), Ok(1));
    let certificate = TREE.leaf.certificate.der().to_vec();
    let crowd = ResponsePlan { certificates: vec![certificate; 5], ..ResponsePlan::new() };
    assert_eq!(read(crowd), Err(EvidenceError::TooManyEntries));
    // One that cannot be read does not spoil the rest.
    let strange = ResponsePlan { certificates: vec![vec![0x30, 0x00]], ..ResponsePlan::new() };
    assert_eq!(read(strange), Ok(1));
}

#[test]
fn a_pinned_end_entity_is_cleared_by_nobody_above_it() {
    // RFC 8366 §5.3: the anchor may be the end entity. Its issuer is not trusted, so that its word is no evidence.
    let tree = Tree::new(|plan| plan.leaf.key_usages.clear());
    let anchors = [tree.leaf.certificate.clone()];
    let policy = pki::path::Policy::new(trusted(), pki::path::Purpose::Signing);
    let path = pki::path::validate(&tree.leaf.certificate, &[], &anchors, &policy).unwrap();
    let about = [(&tree.leaf.certificate, Status::Revoked { reason: 1 })];
    let response = ResponsePlan::new().sign(&tree.intermediate, &tree.intermediate.certificate, &about);
    // Nor is its own.
    let mut evidence = lists(&[&tree.intermediate, &tree.leaf].map(|issuer| ListPlan::new().sign(issuer)));
    evidence.add_all(&responses(&[response]));
    let refused = check(&path, &evidence, trusted(), Demand::Required).unwrap_err();
    assert!(matches!(refused, RevocationError::Unknown { .. }), "{refused}");
    assert!(check(&path, &evidence, trusted(), Demand::WhenAvailable).unwrap()[0].cleared_by.is_none());
}

#[test]
fn a_pinned_end_entity_that_issued_itself_speaks_for_itself() {
    let mut params = leaf("alone");
    params.key_usages.clear();
    let alone = Issued::root(params);
    let anchors = [alone.certificate.clone()];
    let policy = pki::path::Policy::new(trusted(), pki::path::Purpose::Signing);
    let path = pki::path::validate(&alone.certificate, &[], &anchors, &policy).unwrap();
    check(&path, Evidence::none(), trusted(), Demand::Required).unwrap_err();
    check(&path, &lists(&[ListPlan::new().sign(&alone)]), trusted(), Demand::Required).unwrap();
    let revoked = lists(&[ListPlan::naming(&alone.certificate).sign(&alone)]);
    check(&path, &revoked, trusted(), Demand::Required).unwrap_err();
}

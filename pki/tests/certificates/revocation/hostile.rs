//! Whatever is done to the bytes of evidence: reading it never panics, and it never clears or revokes anybody.

use std::sync::LazyLock;

use pki::revocation::{Crl, Demand, Evidence, EvidenceError, OcspResponse, RevocationError, check};
use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    TREE,
    crl_maker::ListPlan,
    der::{INTEGER, extension, tlv},
    lists,
    ocsp_maker::{ResponsePlan, Status},
    responses, when_available,
};
use crate::support::{Plan, Tree, leaf, trusted, untrusted};

/// Names another certificate, with an extension of every kind that is read.
static LIST: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut plan = ListPlan::naming(&TREE.intermediate.certificate);
    plan.entries[0].1 = vec![extension("2.5.29.21", false, &[0x0a, 1, 1])];
    plan.extensions = vec![extension("2.5.29.20", false, &tlv(INTEGER, &[9]))];
    plan.sign(&TREE.intermediate)
});

static RESPONSE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let sibling = TREE.intermediate.issue(leaf("sibling")).certificate;
    let about = [(&TREE.leaf.certificate, Status::Good), (&sibling, Status::Revoked { reason: 1 })];
    ResponsePlan::new().sign(&TREE.intermediate, &TREE.intermediate.certificate, &about)
});

/// The same bytes, some of them changed.
fn mutated(original: &[u8], changes: &[(Index, u8)], kept: Option<Index>) -> Vec<u8> {
    let mut der = original.to_vec();
    for (index, change) in changes {
        let place = index.index(der.len());
        der[place] ^= change;
    }
    if let Some(kept) = kept {
        der.truncate(kept.index(der.len()));
    }
    der
}

/// Whether the evidence changes anything at all about the leaf.
fn decides(evidence: &Evidence) -> bool {
    assert!(!format!("{evidence:?}").is_empty());
    let cleared = |clock| when_available(evidence, clock).is_ok_and(|it| it[0].cleared_by.is_some());
    let revoked = matches!(when_available(evidence, trusted()), Err(RevocationError::Revoked { .. }));
    cleared(trusted()) || cleared(untrusted()) || revoked
}

proptest! {
    #[test]
    fn a_mutated_list_never_decides(
        changes in vec((any::<Index>(), 1_u8..), 1..4),
        kept in prop::option::weighted(0.1, any::<Index>()),
    ) {
        let der = mutated(&LIST, &changes, kept);
        if let Ok(list) = Crl::from_der(&der) {
            prop_assert_eq!(list.der(), &der);
            let mut evidence = Evidence::new();
            evidence.add_crl(list);
            prop_assert!(!decides(&evidence) || der == *LIST);
        }
    }

    #[test]
    fn a_mutated_response_never_decides(
        changes in vec((any::<Index>(), 1_u8..), 1..4),
        kept in prop::option::weighted(0.1, any::<Index>()),
    ) {
        let der = mutated(&RESPONSE, &changes, kept);
        if let Ok(response) = OcspResponse::from_der(&der) {
            prop_assert_eq!(response.der(), &der);
            let mut evidence = Evidence::new();
            evidence.add_ocsp_response(response);
            prop_assert!(!decides(&evidence) || der == *RESPONSE);
        }
    }

    #[test]
    fn noise_is_no_evidence(noise in vec(any::<u8>(), 0..300)) {
        prop_assert!(Crl::from_der(&noise).is_err());
        prop_assert!(OcspResponse::from_der(&noise).is_err());
    }
}

#[test]
fn the_untouched_evidence_decides() {
    assert!(decides(&lists(std::slice::from_ref(&LIST))));
    assert!(decides(&responses(std::slice::from_ref(&RESPONSE))));
}

#[test]
fn trailing_bytes_and_giants_are_refused() {
    for der in [&*LIST, &*RESPONSE] {
        let mut der = der.clone();
        der.push(0);
        assert!(matches!(Crl::from_der(&der), Err(EvidenceError::Der(_))));
        assert!(matches!(OcspResponse::from_der(&der), Err(EvidenceError::Der(_))));
        der.resize(Crl::MAX_DER + 1, 0);
        assert_eq!(Crl::from_der(&der).unwrap_err(), EvidenceError::TooLarge);
        assert_eq!(OcspResponse::from_der(&der).unwrap_err(), EvidenceError::TooLarge);
    }
}

#[test]
fn entries_and_answers_are_counted() {
    let serial = |number: usize| u32::try_from(number).unwrap().to_be_bytes().to_vec();
    let full = ListPlan {
        entries: (0..Crl::MAX_ENTRIES).map(|it| (serial(it + 0x0100_0000), vec![])).collect(),
        ..ListPlan::new()
    };
    let list = Crl::from_der(&full.sign(&TREE.intermediate)).unwrap();
    assert_eq!(list.len(), Crl::MAX_ENTRIES);
    let mut over = full;
    over.entries.push((serial(0x0200_0000), vec![]));
    assert_eq!(Crl::from_der(&over.sign(&TREE.intermediate)).unwrap_err(), EvidenceError::TooManyEntries);

    let about = vec![(&TREE.leaf.certificate, Status::Good); OcspResponse::MAX_RESPONSES + 1];
    let sign = |about: &[_]| ResponsePlan::new().sign(&TREE.intermediate, &TREE.intermediate.certificate, about);
    assert_eq!(OcspResponse::from_der(&sign(&about[1..])).unwrap().len(), OcspResponse::MAX_RESPONSES);
    assert_eq!(OcspResponse::from_der(&sign(&about)).unwrap_err(), EvidenceError::TooManyEntries);
}

#[test]
fn what_is_compared_with_each_other_is_counted() {
    // Each is another one, so that a quadratic search would go through all of them.
    let extensions = |number: u32| (0..number).map(|it| extension(&format!("1.3.6.1.4.1.99999.{it}"), false, &[5, 0]));
    let list = |number| ListPlan { extensions: extensions(number).collect(), ..ListPlan::new() }.sign(&TREE.root);
    assert!(Crl::from_der(&list(32)).is_ok());
    assert_eq!(Crl::from_der(&list(33)).unwrap_err(), EvidenceError::TooManyEntries);
    let about = [(&TREE.leaf.certificate, Status::Good)];
    let response = ResponsePlan { extensions: extensions(33).collect(), ..ResponsePlan::new() };
    let response = response.sign(&TREE.intermediate, &TREE.intermediate.certificate, &about);
    assert_eq!(OcspResponse::from_der(&response).unwrap_err(), EvidenceError::TooManyEntries);

    let point = |number: usize| {
        let names = tlv(0x86, b"http://a").repeat(number);
        let point = tlv(0x30, &tlv(0xa0, &tlv(0xa0, &names)));
        ListPlan { extensions: vec![extension("2.5.29.28", true, &point)], ..ListPlan::new() }.sign(&TREE.root)
    };
    assert!(Crl::from_der(&point(64)).is_ok());
    assert_eq!(Crl::from_der(&point(65)).unwrap_err(), EvidenceError::TooManyEntries);
}

#[test]
fn evidence_is_kept_once_and_not_without_end() {
    let mut evidence = Evidence::new();
    for _ in 0..2 {
        evidence.add_crl(Crl::from_der(&LIST).unwrap());
        evidence.add_ocsp_response(OcspResponse::from_der(&RESPONSE).unwrap());
    }
    assert_eq!((evidence.crls().len(), evidence.ocsp_responses().len()), (1, 1));
    // Each signature is another one.
    for _ in 0..=Evidence::MAX {
        evidence.add_crl(Crl::from_der(&ListPlan::new().sign(&TREE.intermediate)).unwrap());
    }
    assert_eq!(evidence.crls().len(), Evidence::MAX);
}

#[test]
fn a_heap_of_evidence_costs_a_bounded_number_of_signature_checks() {
    // Both CAs bear one name, so that every list may be either's: 64 checks for each certificate.
    let name = |plan: &mut Plan| plan.intermediate.distinguished_name = plan.root.distinguished_name.clone();
    let tree = Tree::new(name);
    let path = tree.validate(trusted()).unwrap();
    let forged = |mut der: Vec<u8>| {
        *der.last_mut().unwrap() ^= 1;
        der
    };
    let heap: Vec<_> = (0..Evidence::MAX).map(|_| forged(ListPlan::new().sign(&tree.root))).collect();
    let mut evidence = lists(&heap);
    let judge = |evidence: &Evidence| check(&path, evidence, trusted(), Demand::WhenAvailable);
    assert!(judge(&evidence).unwrap().iter().all(|it| it.cleared_by.is_none()));
    let about = [(&tree.leaf.certificate, Status::Good)];
    let one_more = ResponsePlan::new().sign(&tree.intermediate, &tree.intermediate.certificate, &about);
    evidence.add_all(&responses(&[one_more]));
    assert_eq!(judge(&evidence), Err(RevocationError::TooComplex));
}

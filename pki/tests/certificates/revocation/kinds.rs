//! Lists that are not the whole of what one CA has to say: deltas, pieces, indirect ones, and ones by keys for lists alone.

use pki::{
    certificate::Certificate,
    revocation::{Demand, Evidence, RevocationError, check},
};
use rcgen::{CertificateParams, CustomExtension, KeyUsagePurpose, date_time_ymd};

use super::{
    TREE,
    crl_maker::ListPlan,
    der::{ENUMERATED, INTEGER, extension, seq, subject, tlv},
    lists, required, when_available,
};
use crate::support::{Issued, Tree, leaf, now, trusted};

const NUMBER: &str = "2.5.29.20";
const REASON: &str = "2.5.29.21";
const DELTA: &str = "2.5.29.27";
const POINT: &str = "2.5.29.28";
const CERTIFICATE_ISSUER: &str = "2.5.29.29";
const KEY_COMPROMISE: u8 = 1;
const HOLD: u8 = 6;
const REMOVED: u8 = 8;

fn number(number: u8) -> Vec<u8> {
    extension(NUMBER, false, &tlv(INTEGER, &[number]))
}

/// An entry for the leaf.
fn entry(reason: u8) -> (Vec<u8>, Vec<Vec<u8>>) {
    let reason = extension(REASON, false, &tlv(ENUMERATED, &[reason]));
    (TREE.leaf.certificate.certificate_serial().to_vec(), vec![reason])
}

/// A list of the intermediate's, by its number.
fn list(at: u8, entries: Vec<(Vec<u8>, Vec<Vec<u8>>)>) -> ListPlan {
    ListPlan { entries, extensions: vec![number(at)], ..ListPlan::new() }
}

/// What came after the list of that number.
fn delta(base: u8, at: u8, entries: Vec<(Vec<u8>, Vec<Vec<u8>>)>) -> ListPlan {
    let indicator = extension(DELTA, true, &tlv(INTEGER, &[base]));
    ListPlan { entries, extensions: vec![number(at), indicator], ..ListPlan::new() }
}

fn by_intermediate(plans: &[ListPlan]) -> Evidence {
    lists(&plans.iter().map(|plan| plan.sign(&TREE.intermediate)).collect::<Vec<_>>())
}

/// Whether the leaf is cleared, or `Err` when it is revoked.
fn leaf_is_cleared(evidence: &Evidence) -> Result<bool, RevocationError> {
    when_available(evidence, trusted()).map(|findings| findings[0].cleared_by.is_some())
}

#[test]
fn rfc_5280_a_delta_revokes_by_itself_and_clears_nobody() {
    assert_eq!(leaf_is_cleared(&by_intermediate(&[delta(1, 2, vec![])])), Ok(false));
    assert!(leaf_is_cleared(&by_intermediate(&[delta(1, 2, vec![entry(KEY_COMPROMISE)])])).is_err());
    assert_eq!(leaf_is_cleared(&by_intermediate(&[delta(1, 2, vec![entry(REMOVED)])])), Ok(false));
    assert!(leaf_is_cleared(&by_intermediate(&[list(1, vec![]), delta(1, 2, vec![entry(KEY_COMPROMISE)])])).is_err());
}

#[test]
fn rfc_5280_a_delta_keeps_the_list_alive_that_it_amends() {
    let old = |at| ListPlan { next_update: Some(now().plus_seconds(-60)), ..list(at, vec![]) };
    assert_eq!(leaf_is_cleared(&by_intermediate(&[old(3)])), Ok(false));
    // RFC 5280 §5.2.4: at least as new as the delta's base, and older than the delta.
    for (at, base, newer, cleared) in
        [(3, 3, 4, true), (3, 2, 4, true), (3, 4, 5, false), (3, 3, 3, false), (3, 1, 2, false)]
    {
        let evidence = by_intermediate(&[old(at), delta(base, newer, vec![])]);
        assert_eq!(leaf_is_cleared(&evidence), Ok(cleared), "{at} {base} {newer}");
    }
    // A delta that has expired itself, and one that nobody entitled signed.
    let stale = ListPlan { next_update: Some(now().plus_seconds(-1)), ..delta(3, 4, vec![]) };
    assert_eq!(leaf_is_cleared(&by_intermediate(&[old(3), stale])), Ok(false));
    let forged = [old(3).sign(&TREE.intermediate), delta(3, 4, vec![]).sign(&TREE.root)];
    assert_eq!(leaf_is_cleared(&lists(&forged)), Ok(false));
}

#[test]
fn rfc_5280_a_delta_lifts_a_hold_and_nothing_else() {
    let lifted =
        |reason| leaf_is_cleared(&by_intermediate(&[list(1, vec![entry(reason)]), delta(1, 2, vec![entry(REMOVED)])]));
    assert_eq!(lifted(HOLD), Ok(true));
    assert!(lifted(KEY_COMPROMISE).is_err());
    assert!(leaf_is_cleared(&by_intermediate(&[list(1, vec![entry(HOLD)]), delta(1, 2, vec![])])).is_err());
    let other_base = by_intermediate(&[list(1, vec![entry(HOLD)]), delta(2, 3, vec![entry(REMOVED)])]);
    assert!(leaf_is_cleared(&other_base).is_err());
    // In a list that is no delta, it takes nothing back.
    assert!(leaf_is_cleared(&by_intermediate(&[list(1, vec![entry(REMOVED)])])).is_err());
}

/// IssuingDistributionPoint with onlySomeReasons: bits from the first octet's highest.
fn some_reasons(bits: [u8; 2]) -> Vec<u8> {
    extension(POINT, true, &seq(&[tlv(0x83, &[&[7], &bits[..]].concat())]))
}

#[test]
fn rfc_5280_lists_for_some_reasons_clear_together() {
    let piece = |bits| ListPlan { extensions: vec![some_reasons(bits)], ..ListPlan::new() };
    let (compromise, others) = ([0b0110_0000, 0], [0b0001_1111, 0b1000_0000]);
    assert_eq!(leaf_is_cleared(&by_intermediate(&[piece(compromise)])), Ok(false));
    assert_eq!(leaf_is_cleared(&by_intermediate(&[piece(compromise), piece(others)])), Ok(true));
    let without_hold = [others[0] & !0b10, others[1]];
    assert_eq!(leaf_is_cleared(&by_intermediate(&[piece(compromise), piece(without_hold)])), Ok(false));
    let stale = ListPlan { next_update: Some(now()), this_update: now(), ..piece(others) };
    let cleared = when_available(&by_intermediate(&[piece(compromise), stale]), trusted()).unwrap();
    assert_eq!(cleared[0].cleared_by.unwrap().period.this_update, now().plus_seconds(-3600), "the oldest of them");
    // A hold is not lifted by a later list that says nothing of holds.
    let held = ListPlan { entries: vec![entry(HOLD)], ..piece(others) };
    let later = ListPlan { this_update: now(), ..piece(compromise) };
    assert!(leaf_is_cleared(&by_intermediate(&[held, later])).is_err());
    let refused = required(&by_intermediate(&[piece(compromise)]), trusted()).unwrap_err();
    assert!(matches!(refused, RevocationError::Unknown { .. }), "{refused}");
}

/// A tree whose leaf leaves its lists to `issuer`.
fn delegating(issuer: &Certificate) -> Tree {
    let point = seq(&[seq(&[tlv(0xa2, &tlv(0xa4, &subject(issuer)))])]);
    Tree::new(|plan| plan.leaf.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 31], point)])
}

#[test]
fn rfc_5280_an_indirect_list_counts_where_the_certificate_says_so() {
    // Named by the certificate: the root.
    let tree = delegating(&Tree::new(|_| ()).root.certificate);
    let path = tree.validate(trusted()).unwrap();
    let indirect = extension(POINT, true, &seq(&[tlv(0x84, &[0xff])]));
    let about = |issuer: &Certificate| extension(CERTIFICATE_ISSUER, true, &seq(&[tlv(0xa4, &subject(issuer))]));
    let serial = tree.leaf.certificate.certificate_serial().to_vec();
    let plan = |entries| ListPlan { entries, extensions: vec![indirect.clone()], ..ListPlan::new() };
    let judge = |plan: &ListPlan, signer: &Issued| {
        let evidence = lists(&[plan.sign(signer)]);
        check(&path, &evidence, trusted(), Demand::WhenAvailable).map(|it| it[0].cleared_by.is_some())
    };
    assert_eq!(judge(&plan(vec![]), &tree.root), Ok(true));
    assert_eq!(judge(&ListPlan::new(), &tree.root), Ok(false), "not an indirect one");
    // The same number of another CA's certificate is another certificate; an issuer holds for all entries that follow.
    let ours = about(&tree.intermediate.certificate);
    let others = about(&tree.leaf.certificate);
    assert_eq!(judge(&plan(vec![(serial.clone(), vec![])]), &tree.root), Ok(true));
    assert_eq!(judge(&plan(vec![(serial.clone(), vec![others.clone()])]), &tree.root), Ok(true));
    assert!(judge(&plan(vec![(serial.clone(), vec![ours.clone()])]), &tree.root).is_err());
    assert!(judge(&plan(vec![(vec![1], vec![ours.clone()]), (serial.clone(), vec![])]), &tree.root).is_err());
    let last_counts = vec![(vec![1], vec![ours.clone()]), (vec![2], vec![others]), (serial.clone(), vec![])];
    assert_eq!(judge(&plan(last_counts), &tree.root), Ok(true));
    // Of a certificate that says nothing of the kind, such a list says nothing.
    let plain = Tree::new(|_| ());
    let entries = vec![(plain.leaf.certificate.certificate_serial().to_vec(), vec![ours])];
    let evidence = lists(&[plan(entries).sign(&plain.root)]);
    let path = plain.validate(trusted()).unwrap();
    let found = check(&path, &evidence, trusted(), Demand::WhenAvailable).unwrap();
    assert!(found[0].cleared_by.is_none());
}

#[test]
fn rfc_5280_keys_for_lists_alone_are_certified_by_the_ca_or_the_one_above_it() {
    let tree = Tree::new(|_| ());
    let path = tree.validate(trusted()).unwrap();
    let signer = |change: &dyn Fn(&mut CertificateParams), certifier: &Issued| {
        let mut params = leaf("intermediate");
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
        change(&mut params);
        certifier.issue(params)
    };
    let same = |_: &mut CertificateParams| ();
    let clears = |signer: &Issued, more: &[Vec<u8>]| {
        let mut evidence = lists(&[&[ListPlan::new().sign(signer)], more].concat());
        evidence.add_certificate(signer.certificate.clone());
        check(&path, &evidence, trusted(), Demand::WhenAvailable).unwrap()[0].cleared_by.is_some()
    };
    assert!(clears(&signer(&same, &tree.intermediate), &[]));
    assert!(clears(&signer(&same, &tree.root), &[]));
    // Everybody below the anchor could be called so.
    assert!(!clears(&signer(&same, &tree.leaf), &[]));
    assert!(!clears(&signer(&same, &Issued::root(crate::support::ca("root"))), &[]));
    let unfit: [&dyn Fn(&mut CertificateParams); 3] = [
        &|params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature],
        &|params| params.not_after = date_time_ymd(2026, 1, 1),
        &|params| params.distinguished_name = leaf("other").distinguished_name,
    ];
    for change in unfit {
        assert!(!clears(&signer(change, &tree.root), &[]));
    }
    // One that was revoked itself.
    let revoked = signer(&same, &tree.root);
    assert!(!clears(&revoked, &[ListPlan::naming(&revoked.certificate).sign(&tree.root)]));
}

#[test]
fn rfc_5280_the_names_of_cas_are_compared_without_case() {
    // RFC 5280 §7.1: a list under the CA's name in capitals.
    let loud = Issued::root(crate::support::ca("INTERMEDIATE"));
    let tree = Tree::new(|_| ());
    let der = ListPlan::new().sign_as(&tree.intermediate, &loud.certificate);
    let path = tree.validate(trusted()).unwrap();
    let found = check(&path, &lists(&[der]), trusted(), Demand::WhenAvailable).unwrap();
    assert!(found[0].cleared_by.is_some());
}

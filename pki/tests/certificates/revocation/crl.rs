//! Revocation lists.

use pki::{
    certificate::Certificate,
    revocation::{Crl, Demand, Evidence, EvidenceError, EvidenceKind, Reason, RevocationError, check},
};
use rcgen::{
    CertificateRevocationListParams, CrlDistributionPoint, CrlIssuingDistributionPoint, CrlScope, KeyIdMethod,
    KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber,
};

use super::{
    TREE, blamed,
    crl_maker::ListPlan,
    der::{ENUMERATED, INTEGER, extension, seq, subject, tlv},
    lists, path, required, when_available,
};
use crate::support::{Issued, Tree, ca, now, trusted, untrusted};

const REASON_CODE: &str = "2.5.29.21";
const HOLD: u8 = 6;
const KEY_COMPROMISE: u8 = 1;

/// By rcgen.
fn by_rcgen(issuer: &Issued, revoked: &[&Certificate], point: Option<CrlIssuingDistributionPoint>) -> Vec<u8> {
    let entry = |certificate: &&Certificate| RevokedCertParams {
        serial_number: SerialNumber::from_slice(certificate.certificate_serial()),
        revocation_time: now().plus_seconds(-7200).to_offset_date_time(),
        reason_code: Some(RevocationReason::KeyCompromise),
        invalidity_date: Some(now().to_offset_date_time()),
    };
    let params = CertificateRevocationListParams {
        this_update: now().plus_seconds(-3600).to_offset_date_time(),
        next_update: now().plus_seconds(3600).to_offset_date_time(),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: point,
        revoked_certs: revoked.iter().map(entry).collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    issuer.revoke(&params)
}

fn good() -> [Vec<u8>; 2] {
    [ListPlan::new().sign(&TREE.intermediate), ListPlan::new().sign(&TREE.root)]
}

/// The leaf is on a list of this age, for this reason.
fn listed(reason: u8, hours_ago: i64) -> Vec<u8> {
    let mut plan = ListPlan::naming(&TREE.leaf.certificate);
    plan.entries[0].1 = vec![extension(REASON_CODE, false, &tlv(ENUMERATED, &[reason]))];
    plan.this_update = now().plus_seconds(-3600 * hours_ago);
    plan.sign(&TREE.intermediate)
}

#[test]
fn cli_38_lists_of_every_ca_clear_the_whole_path() {
    for [of_leaf, of_intermediate] in
        [good(), [by_rcgen(&TREE.intermediate, &[], None), by_rcgen(&TREE.root, &[&TREE.root.certificate], None)]]
    {
        let evidence = lists(&[of_intermediate.clone(), of_leaf.clone()]);
        let findings = required(&evidence, trusted()).unwrap();
        assert_eq!(findings.len(), 2, "the anchor is not judged");
        let decided: Vec<_> = findings.iter().map(|it| it.cleared_by.unwrap().sha256).collect();
        assert_eq!(decided, [&of_leaf, &of_intermediate].map(|der| pki::digest::sha256(der)));
        assert_eq!(findings[0].certificate, TREE.leaf.certificate.sha256());
        assert_eq!(findings[0].cleared_by.unwrap().kind, EvidenceKind::Crl);
    }
}

#[test]
fn art_16_a_certificate_on_a_list_is_refused_with_date_and_reason() {
    for (issuer, named) in [(&TREE.intermediate, &TREE.leaf), (&TREE.root, &TREE.intermediate)] {
        let evidence = lists(&[by_rcgen(issuer, &[&named.certificate], None)]);
        for demand in [Demand::Required, Demand::WhenAvailable] {
            // The other certificate has no list at all: that one is revoked says more.
            let refused = check(&path(), &evidence, trusted(), demand).unwrap_err();
            let RevocationError::Revoked { revocation, answer, .. } = &refused else { panic!("{refused}") };
            assert_eq!(blamed(&refused), named.certificate.subject().to_string().trim_start_matches("CN="));
            assert_eq!(revocation.reason, Some(Reason::KeyCompromise));
            assert_eq!(revocation.when, now().plus_seconds(-7200));
            assert_eq!(answer.kind, EvidenceKind::Crl);
            assert!(refused.to_string().contains("keyCompromise"), "{refused}");
        }
    }
}

#[test]
fn sec_04_what_must_be_known_and_is_not_is_refused() {
    assert_eq!(blamed(&required(Evidence::none(), trusted()).unwrap_err()), "leaf");
    let [of_leaf, of_intermediate] = good();
    let refused = required(&lists(&[of_leaf]), trusted()).unwrap_err();
    assert!(matches!(refused, RevocationError::Unknown { .. }) && blamed(&refused) == "intermediate", "{refused}");
    assert_eq!(blamed(&required(&lists(&[of_intermediate]), trusted()).unwrap_err()), "leaf");
}

#[test]
fn vch_13_what_is_missing_is_missed_only_where_it_is_demanded() {
    let findings = when_available(Evidence::none(), trusted()).unwrap();
    assert!(findings.len() == 2 && findings.iter().all(|it| it.cleared_by.is_none()));
    let evidence = lists(&[listed(KEY_COMPROMISE, 1)]);
    assert_eq!(check(&path(), &evidence, trusted(), Demand::Forbidden), Ok(Vec::new()));
}

#[test]
fn a_list_that_does_not_hold_now_clears_nobody_and_both_clocks_are_shown() {
    let of_intermediate = good()[1].clone();
    let periods = [(-7200, Some(-1)), (1, Some(3600)), (-7200, None)];
    for (this_update, next_update) in periods {
        let plan = ListPlan {
            this_update: now().plus_seconds(this_update),
            next_update: next_update.map(|seconds| now().plus_seconds(seconds)),
            ..ListPlan::new()
        };
        let evidence = lists(&[plan.sign(&TREE.intermediate), of_intermediate.clone()]);
        let refused = required(&evidence, trusted()).unwrap_err();
        assert!(matches!(refused, RevocationError::Stale { .. }) && blamed(&refused) == "leaf", "{refused}");
        let text = refused.to_string();
        assert!(text.contains(&now().to_string()) && text.contains(&plan.this_update.to_string()), "{text}");
        when_available(&evidence, trusted()).unwrap();
        // DEV-14, RFC 8572 §9.1: no dates are judged by a clock that may not be believed.
        assert!(required(&evidence, untrusted()).unwrap()[0].cleared_by.is_some());
    }
    // The last moment still counts.
    let plan = ListPlan { next_update: Some(now()), this_update: now(), ..ListPlan::new() };
    required(&lists(&[plan.sign(&TREE.intermediate), of_intermediate]), trusted()).unwrap();
}

#[test]
fn dev_14_without_a_trusted_clock_nothing_is_missed_but_a_revocation_counts() {
    let findings = required(Evidence::none(), untrusted()).unwrap();
    assert!(findings.iter().all(|it| it.cleared_by.is_none()));
    let refused = required(&lists(&[listed(KEY_COMPROMISE, 1)]), untrusted()).unwrap_err();
    assert!(matches!(refused, RevocationError::Revoked { .. }), "{refused}");
}

#[test]
fn a_revocation_counts_however_old_its_list_is_and_only_a_hold_is_lifted() {
    let later = good()[0].clone();
    for clock in [trusted(), untrusted()] {
        let judge = |ders: &[Vec<u8>]| when_available(&lists(ders), clock).is_ok();
        assert!(!judge(&[listed(KEY_COMPROMISE, 9000)]));
        assert!(!judge(&[listed(KEY_COMPROMISE, 9000), later.clone()]));
        assert!(!judge(&[listed(HOLD, 9000)]));
        assert!(judge(&[listed(HOLD, 9000), later.clone()]), "lifted by the later list");
        assert!(!judge(&[later.clone(), listed(HOLD, 0)]), "the hold is the last word");
        assert!(!judge(&[later.clone(), listed(HOLD, 1)]), "as old as the list that clears");
    }
}

#[test]
fn a_reason_that_cannot_be_read_takes_nothing_from_the_fact() {
    let refused = when_available(&lists(&[listed(7, 1)]), trusted()).unwrap_err();
    assert!(
        matches!(&refused, RevocationError::Revoked { revocation, .. } if revocation.reason.is_none()),
        "{refused}"
    );
}

#[test]
fn only_the_key_that_issued_the_certificate_says_whether_it_is_revoked() {
    // Same name, other key; right key, other name.
    let namesake = Issued::root(ca("intermediate"));
    for plan in [ListPlan::new(), ListPlan::naming(&TREE.leaf.certificate)] {
        for stranger in [&namesake, &TREE.root, &TREE.leaf] {
            let evidence = lists(&[plan.sign(stranger), good()[1].clone()]);
            assert_eq!(blamed(&required(&evidence, trusted()).unwrap_err()), "leaf");
            when_available(&evidence, trusted()).unwrap();
        }
    }
}

#[test]
fn a_ca_that_may_not_sign_lists_signs_none() {
    // RFC 5280 §4.2.1.3: cRLSign.
    for (usages, counts) in [
        (vec![KeyUsagePurpose::KeyCertSign], false),
        (vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign], true),
        (vec![], true),
    ] {
        let tree = Tree::new(|plan| plan.intermediate.key_usages = usages.clone());
        let evidence = lists(&[ListPlan::naming(&tree.leaf.certificate).sign(&tree.intermediate)]);
        let path = tree.validate(trusted()).unwrap();
        let judged = check(&path, &evidence, trusted(), Demand::WhenAvailable);
        assert_eq!(judged.is_err(), counts, "{usages:?}");
    }
}

#[test]
fn a_list_clears_only_what_it_covers_and_revokes_whom_it_names() {
    // RFC 5280 §5.2.5, §6.3.3.
    let point = |scope, uri: &str| {
        let distribution_point = CrlDistributionPoint { uris: vec![uri.to_owned()] };
        Some(CrlIssuingDistributionPoint { distribution_point, scope })
    };
    let tree = Tree::new(|plan| {
        for params in [&mut plan.leaf, &mut plan.intermediate] {
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec!["http://a".to_owned()] }];
        }
    });
    let path = tree.validate(trusted()).unwrap();
    for (scope, uri, clears_leaf, clears_intermediate) in [
        (None, "http://a", true, true),
        (Some(CrlScope::UserCertsOnly), "http://a", true, false),
        (Some(CrlScope::CaCertsOnly), "http://a", false, true),
        (None, "http://b", false, false),
    ] {
        let evidence = lists(&[&tree.intermediate, &tree.root].map(|it| by_rcgen(it, &[], point(scope, uri))));
        let findings = check(&path, &evidence, trusted(), Demand::WhenAvailable).unwrap();
        let cleared: Vec<_> = findings.iter().map(|it| it.cleared_by.is_some()).collect();
        assert_eq!(cleared, [clears_leaf, clears_intermediate], "{scope:?} {uri}");
        let naming = lists(&[by_rcgen(&tree.intermediate, &[&tree.leaf.certificate], point(scope, uri))]);
        check(&path, &naming, trusted(), Demand::WhenAvailable).unwrap_err();
    }
    // A list with a distribution point says nothing about certificates that name none.
    let evidence = lists(&[by_rcgen(&TREE.intermediate, &[], point(None, "http://a"))]);
    assert!(when_available(&evidence, trusted()).unwrap()[0].cleared_by.is_none());
}

#[test]
fn a_list_for_some_reasons_clears_nobody() {
    const POINT: &str = "2.5.29.28";
    let mut plan = ListPlan::new();
    plan.extensions = vec![extension(POINT, true, &seq(&[vec![0x83, 0x02, 0x06, 0x40]]))];
    assert!(when_available(&lists(&[plan.sign(&TREE.intermediate)]), trusted()).unwrap()[0].cleared_by.is_none());
    plan.entries = ListPlan::naming(&TREE.leaf.certificate).entries;
    when_available(&lists(&[plan.sign(&TREE.intermediate)]), trusted()).unwrap_err();
}

#[test]
fn lists_that_cannot_be_used_are_refused_when_they_are_read() {
    const POINT: &str = "2.5.29.28";
    let with = |extension: Vec<u8>| ListPlan { extensions: vec![extension], ..ListPlan::new() };
    let entry_with = |extension: Vec<u8>| ListPlan { entries: vec![(vec![1], vec![extension])], ..number() };
    fn number() -> ListPlan {
        ListPlan { extensions: vec![extension("2.5.29.20", false, &tlv(INTEGER, &[1]))], ..ListPlan::new() }
    }
    let read = |plan: ListPlan| Crl::from_der(&plan.sign(&TREE.intermediate)).map(drop);
    assert_eq!(read(number()), Ok(()));
    let attributes = seq(&[vec![0x85, 0x01, 0xff]]);
    assert_eq!(read(with(extension(POINT, true, &attributes))), Err(EvidenceError::AttributeCertificates));
    // RFC 5280 §5.3.3: whose certificate an entry is about may be said in an indirect list only.
    let foreign = extension("2.5.29.29", true, &seq(&[tlv(0xa4, &subject(&TREE.root.certificate))]));
    let indirect = extension(POINT, true, &seq(&[vec![0x84, 0x01, 0xff]]));
    assert_eq!(read(entry_with(foreign.clone())), Err(EvidenceError::ForeignEntry));
    assert_eq!(read(ListPlan { extensions: vec![indirect], ..entry_with(foreign) }), Ok(()));
    let unknown = extension("1.3.6.1.4.1.99999.1", true, &[5, 0]);
    assert!(matches!(read(with(unknown.clone())), Err(EvidenceError::CriticalExtension(_))));
    assert!(matches!(read(entry_with(unknown)), Err(EvidenceError::CriticalExtension(_))));
    let harmless = extension("1.3.6.1.4.1.99999.1", false, &[5, 0]);
    assert_eq!(read(entry_with(harmless.clone())), Ok(()));
    let twice = ListPlan { extensions: vec![harmless.clone(), harmless], ..ListPlan::new() };
    assert!(matches!(read(twice), Err(EvidenceError::DuplicateExtension(_))));
    // RFC 5280 §5.1.2.1.
    assert_eq!(read(ListPlan { version: None, ..number() }), Err(EvidenceError::Version));
    assert_eq!(read(ListPlan { version: Some(2), ..ListPlan::new() }), Err(EvidenceError::Version));
    assert_eq!(read(ListPlan { version: None, ..ListPlan::new() }), Ok(()), "OpenSSL's default");
}

//! Certificate policies (RFC 5280 §6.1 with RFC 9618), from extensions written by hand.

use const_oid::ObjectIdentifier;
use pki::{
    certificate::{Certificate, CertificateError},
    path::{self, PathError, Policy, PolicyRules, Purpose},
};
use rcgen::CustomExtension;

use crate::{
    revocation::der::{INTEGER, oid, seq, tlv},
    support::{Issued, Tree, ca, leaf, trusted},
};

const ANY: &str = "2.5.29.32.0";
const A: &str = "1.3.6.1.4.1.99999.1";
const B: &str = "1.3.6.1.4.1.99999.2";
const C: &str = "1.3.6.1.4.1.99999.3";

/// One extension of the family 2.5.29, critical.
fn extension(number: u64, value: Vec<u8>) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, number], value);
    extension.set_criticality(true);
    extension
}

fn policies(ids: &[&str]) -> CustomExtension {
    extension(32, seq(&ids.iter().map(|id| seq(&[oid(id)])).collect::<Vec<_>>()))
}

fn mappings(pairs: &[(&str, &str)]) -> CustomExtension {
    extension(33, seq(&pairs.iter().map(|(issuer, subject)| seq(&[oid(issuer), oid(subject)])).collect::<Vec<_>>()))
}

fn require_explicit(after: u8) -> CustomExtension {
    extension(36, seq(&[tlv(0x80, &[after])]))
}

fn inhibit_mapping(after: u8) -> CustomExtension {
    extension(36, seq(&[tlv(0x81, &[after])]))
}

fn inhibit_any(after: u8) -> CustomExtension {
    extension(54, tlv(INTEGER, &[after]))
}

/// What a path is valid for, whose intermediate and leaf hold these extensions.
fn judge(
    intermediate: Vec<CustomExtension>,
    leaf: Vec<CustomExtension>,
    rules: PolicyRules<'_>,
) -> Result<Vec<String>, PathError> {
    let tree = Tree::new(|plan| {
        plan.intermediate.custom_extensions = intermediate;
        plan.leaf.custom_extensions = leaf;
    });
    let policy = Policy { policies: rules, ..Policy::new(trusted(), Purpose::Signing) };
    let (bag, anchors) = ([tree.intermediate.certificate], [tree.root.certificate]);
    let path = path::validate(&tree.leaf.certificate, &bag, &anchors, &policy)?;
    Ok(path.policies().iter().map(ToString::to_string).collect())
}

const FREE: PolicyRules<'_> =
    PolicyRules { acceptable: &[], require_explicit: false, inhibit_mapping: false, inhibit_any: false };
const EXPLICIT: PolicyRules<'_> = PolicyRules { require_explicit: true, ..FREE };

fn refused(result: Result<Vec<String>, PathError>) {
    assert!(matches!(result, Err(PathError::Policy { .. })), "{result:?}");
}

#[test]
fn rfc_5280_what_all_certificates_name_is_what_the_path_is_valid_for() {
    let both = |above: &[&str], below: &[&str]| judge(vec![policies(above)], vec![policies(below)], FREE).unwrap();
    assert_eq!(both(&[A, B], &[B, C]), [B]);
    assert_eq!(both(&[A], &[A]), [A]);
    assert_eq!(both(&[ANY], &[A]), [A]);
    assert_eq!(both(&[A], &[ANY]), [A]);
    assert_eq!(both(&[ANY], &[ANY]), [ANY]);
    assert!(both(&[A], &[B]).is_empty(), "valid for none, and none is demanded");
    assert!(judge(vec![policies(&[A])], vec![], FREE).unwrap().is_empty());
}

#[test]
fn rfc_5280_one_may_be_demanded_by_the_caller_and_by_every_ca() {
    refused(judge(vec![], vec![], EXPLICIT));
    refused(judge(vec![policies(&[A])], vec![policies(&[B])], EXPLICIT));
    assert_eq!(judge(vec![policies(&[A])], vec![policies(&[A])], EXPLICIT).unwrap(), [A]);
    refused(judge(vec![policies(&[A]), require_explicit(0)], vec![policies(&[B])], FREE));
    assert_eq!(judge(vec![policies(&[A]), require_explicit(0)], vec![policies(&[A])], FREE).unwrap(), [A]);
    // After one more certificate, of which there is none.
    judge(vec![policies(&[A]), require_explicit(2)], vec![], FREE).unwrap();
    // In the last certificate it counts when it is zero.
    refused(judge(vec![], vec![require_explicit(0)], FREE));
}

#[test]
fn rfc_5280_only_some_may_be_acceptable() {
    let (a, b) = (ObjectIdentifier::new_unwrap(A), ObjectIdentifier::new_unwrap(B));
    let only = |acceptable: &[ObjectIdentifier], above: &[&str], below: &[&str]| {
        judge(vec![policies(above)], vec![policies(below)], PolicyRules { acceptable, ..EXPLICIT })
    };
    assert_eq!(only(&[a], &[A, B], &[A, B]).unwrap(), [A]);
    refused(only(&[b], &[A], &[A]));
    assert_eq!(only(&[a, b], &[ANY], &[ANY]).unwrap(), [A, B]);
    assert_eq!(only(&[b], &[ANY], &[A, B]).unwrap(), [B]);
}

#[test]
fn rfc_5280_a_mapped_policy_is_known_by_the_anchors_name_for_it() {
    let above = |extra: Vec<CustomExtension>| [vec![policies(&[A]), mappings(&[(A, B)])], extra].concat();
    assert_eq!(judge(above(vec![]), vec![policies(&[B])], EXPLICIT).unwrap(), [A]);
    refused(judge(above(vec![]), vec![policies(&[A])], EXPLICIT));
    refused(judge(above(vec![]), vec![policies(&[B])], PolicyRules { inhibit_mapping: true, ..EXPLICIT }));
    // It forbids those below, and not itself.
    assert_eq!(judge(above(vec![inhibit_mapping(0)]), vec![policies(&[B])], EXPLICIT).unwrap(), [A]);
    // What anyPolicy stands for may be mapped as well; it then stands for that name no more (RFC 5280 §6.1.3 (d)(1)(ii)).
    let any = || vec![policies(&[ANY]), mappings(&[(A, B)])];
    assert_eq!(judge(any(), vec![policies(&[B])], EXPLICIT).unwrap(), [A]);
    assert_eq!(judge(any(), vec![policies(&[C])], EXPLICIT).unwrap(), [C]);
    for (from, to) in [(ANY, A), (A, ANY)] {
        let result = judge(vec![policies(&[A]), mappings(&[(from, to)])], vec![], FREE);
        assert!(matches!(result, Err(PathError::AnyPolicyMapped { .. })), "{result:?}");
    }
}

#[test]
fn rfc_5280_any_policy_may_stand_for_none() {
    assert_eq!(judge(vec![policies(&[ANY])], vec![policies(&[ANY])], EXPLICIT).unwrap(), [ANY]);
    refused(judge(vec![policies(&[ANY])], vec![policies(&[A])], PolicyRules { inhibit_any: true, ..EXPLICIT }));
    refused(judge(vec![policies(&[A]), inhibit_any(0)], vec![policies(&[ANY])], EXPLICIT));
    assert_eq!(judge(vec![policies(&[ANY]), inhibit_any(0)], vec![policies(&[A])], EXPLICIT).unwrap(), [A]);
}

#[test]
fn what_an_anchor_demands_binds_those_below() {
    let judge = |below: Vec<CustomExtension>| {
        let tree = Tree::new(|plan| {
            plan.root.custom_extensions = vec![require_explicit(0)];
            plan.intermediate.custom_extensions = below.clone();
            plan.leaf.custom_extensions = below;
        });
        tree.validate(trusted()).map(drop)
    };
    judge(vec![policies(&[A])]).unwrap();
    judge(vec![]).unwrap_err();
}

#[test]
fn a_path_of_one_is_valid_for_what_it_names() {
    let policy = Policy { policies: EXPLICIT, ..Policy::new(trusted(), Purpose::Signing) };
    let judge = |extensions: Vec<CustomExtension>| {
        let mut params = leaf("alone");
        params.custom_extensions = extensions;
        let alone = Issued::root(params).certificate;
        path::validate(&alone, &[], std::slice::from_ref(&alone), &policy).map(|path| path.policies().len())
    };
    assert_eq!(judge(vec![policies(&[A])]), Ok(1));
    assert!(judge(vec![]).is_err());
}

#[test]
fn rfc_9618_mappings_of_everything_to_everything_cost_little() {
    // Each of six CAs maps each of forty policies to each: a tree would have forty to the sixth leaves.
    let ids: Vec<_> = (1..=40).map(|number| format!("1.3.6.1.4.1.99999.{number}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let pairs: Vec<_> = ids.iter().flat_map(|a| ids.iter().map(move |b| (*a, *b))).collect();
    let root = Issued::root(ca("root"));
    let (anchors, mut bag, mut last) = ([root.certificate.clone()], Vec::new(), root);
    for depth in 0..6 {
        let mut params = ca(&format!("ca {depth}"));
        params.custom_extensions = vec![policies(&ids), mappings(&pairs)];
        last = last.issue(params);
        bag.push(last.certificate.clone());
    }
    let mut params = leaf("leaf");
    params.custom_extensions = vec![policies(&[A])];
    let end_entity = last.issue(params).certificate;
    let policy = Policy { policies: EXPLICIT, ..Policy::new(trusted(), Purpose::Signing) };
    assert_eq!(path::validate(&end_entity, &bag, &anchors, &policy).unwrap().policies().len(), ids.len());
}

#[test]
fn empty_policy_extensions_are_refused_when_they_are_read() {
    let key = rcgen::KeyPair::generate().unwrap();
    for number in [32, 33, 36] {
        let mut params = ca("ca");
        params.custom_extensions = vec![extension(number, seq(&[]))];
        let read = Certificate::from_der(params.self_signed(&key).unwrap().der());
        assert!(matches!(read, Err(CertificateError::EmptyExtension(_))), "{number}");
    }
}

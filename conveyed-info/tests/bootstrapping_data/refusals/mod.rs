//! Every refusal of the engine: what was wrong, the reason that is given, and the check that noticed it.

mod of_conveyed_information;
mod of_owner_certificates;
mod of_vouchers;

use pki::certificate::Certificate;
use verdict::{Outcome, ReasonCode, Refusal};

use crate::support::World;

/// What was changed, the change, the reason, the check.
struct Case(&'static str, fn(&mut World), ReasonCode, &'static str);

fn run(cases: &[Case]) {
    for Case(name, change, reason, check) in cases {
        let mut world = World::new();
        world.verify().unwrap();
        change(&mut world);
        match world.verify() {
            Err(refusal) => assert_refused(name, &refusal, *reason, check),
            Ok(accepted) => panic!("{name}: accepted {accepted:?}"),
        }
    }
}

/// The refusal says why, and its trace ends with the one check that failed.
fn assert_refused(case: &str, refusal: &Refusal, reason: ReasonCode, check: &str) {
    let (last, earlier) = refusal.trace.checks().split_last().unwrap();
    assert_eq!((refusal.reason, last.check), (reason, check), "{case}: {refusal}");
    assert_eq!(last.outcome, Outcome::Refused(reason), "{case}");
    assert_eq!(last.note.as_deref(), Some(refusal.detail.as_str()), "{case}");
    assert!(!refusal.detail.is_empty(), "{case}");
    let refused_earlier = earlier.iter().any(|check| matches!(check.outcome, Outcome::Refused(_)));
    assert!(!refused_earlier, "{case}: something was looked at after a refusal");
}

/// The same certificate, said to be signed with ECDSA and SHA-224 in place of SHA-256.
fn with_weak_algorithm(certificate: &Certificate) -> Certificate {
    const ECDSA_WITH_SHA_256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let mut der = certificate.der().to_vec();
    let places: Vec<_> = (0..der.len()).filter(|at| der[*at..].starts_with(&ECDSA_WITH_SHA_256)).collect();
    assert_eq!(places.len(), 2);
    places.into_iter().for_each(|at| der[at + 7] = 1);
    Certificate::from_der(&der).unwrap()
}

/// A structure ends with the signature.
fn last_octet_flipped(mut der: Vec<u8>) -> Vec<u8> {
    *der.last_mut().unwrap() ^= 1;
    der
}

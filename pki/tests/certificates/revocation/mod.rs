//! Whether certificates have been revoked, from evidence made by rcgen and by hand.

mod crl;
mod crl_maker;
pub(crate) mod der;
mod hostile;
mod kinds;
mod ocsp;
mod ocsp_maker;

use std::sync::LazyLock;

use pki::{
    path::Path,
    revocation::{self, Crl, Demand, Evidence, Finding, OcspResponse, RevocationError},
    time::Clock,
};

use crate::support::{Tree, trusted};

/// Root, intermediate, leaf.
static TREE: LazyLock<Tree> = LazyLock::new(|| Tree::new(|_| ()));

fn path() -> Path {
    TREE.validate(trusted()).unwrap()
}

fn lists(ders: &[Vec<u8>]) -> Evidence {
    let mut evidence = Evidence::new();
    ders.iter().for_each(|der| evidence.add_crl(Crl::from_der(der).unwrap()));
    evidence
}

fn responses(ders: &[Vec<u8>]) -> Evidence {
    let mut evidence = Evidence::new();
    ders.iter().for_each(|der| evidence.add_ocsp_response(OcspResponse::from_der(der).unwrap()));
    evidence
}

/// Everything about the path of [`TREE`] must be known.
fn required(evidence: &Evidence, clock: Clock) -> Result<Vec<Finding>, RevocationError> {
    revocation::check(&path(), evidence, clock, Demand::Required)
}

fn when_available(evidence: &Evidence, clock: Clock) -> Result<Vec<Finding>, RevocationError> {
    revocation::check(&path(), evidence, clock, Demand::WhenAvailable)
}

/// Whom an error is about: the value of a common name.
fn blamed(error: &RevocationError) -> &str {
    match error {
        RevocationError::Revoked { subject, .. }
        | RevocationError::Unknown { subject }
        | RevocationError::Stale { subject, .. } => subject.trim_start_matches("CN="),
        _ => "nobody",
    }
}

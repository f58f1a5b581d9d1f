//! Revocation lists and OCSP responses: nothing decides about a certificate but what its CA signed.
#![no_main]

use std::{slice::from_ref, sync::LazyLock};

use der::Encode;
use fuzz::{
    Seed,
    der::{element, sequence},
    world::{FixedKey, WORLD},
};
use pki::{
    certificate::Certificate,
    digest::sha256,
    key::Signer,
    path::{self, Path, Policy, Purpose},
    revocation::{Crl, Demand, Evidence, OcspResponse, RevocationError, check as judge},
    time::Clock,
};

fuzz::target!(seeds, check);

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const ECDSA_WITH_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const SHA256: &[u8] = b"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01";
const OCSP_BASIC: &[u8] = b"\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01";

/// A statement of the device CA.
struct Statement {
    /// What it signed.
    body: Vec<u8>,
    /// The whole, as it travels.
    whole: Vec<u8>,
    status: Status,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Good,
    Revoked,
}

static STATEMENTS: LazyLock<Vec<Statement>> = LazyLock::new(|| {
    let statuses = [Status::Good, Status::Revoked];
    statuses.into_iter().flat_map(|status| [list(status), response(status)]).collect()
});

static PATH: LazyLock<Path> = LazyLock::new(|| {
    let policy = Policy::new(Clock::Trusted(WORLD.now), Purpose::DeviceIdentity);
    path::validate(idevid(), &WORLD.idevid[1..], from_ref(&WORLD.device_root), &policy).expect("a genuine path")
});

fn idevid() -> &'static Certificate {
    &WORLD.idevid[0]
}

fn seeds() -> Vec<Seed> {
    let clock = Clock::Trusted(WORLD.now);
    for statement in STATEMENTS.iter() {
        assert_eq!(
            decided(&statement.whole, clock),
            Some(statement.status == Status::Good),
            "a seed that says nothing"
        );
    }
    STATEMENTS.iter().map(|statement| statement.whole.clone()).collect()
}

fn signed(body: Vec<u8>, wrap: impl FnOnce(Vec<u8>) -> Vec<u8>, status: Status) -> Statement {
    let signature = FixedKey::device_ca().sign(&body).expect("a signature");
    let bits = element(0x03, &[&[0], &signature[..]].concat());
    let whole = wrap(sequence(&[&body, ECDSA_WITH_SHA256, &bits]));
    Statement { body, whole, status }
}

/// RFC 5280 §5.1.
fn list(status: Status) -> Statement {
    let serial = match status {
        Status::Good => &[0x2a][..],
        Status::Revoked => idevid().certificate_serial(),
    };
    let entry = sequence(&[&element(INTEGER, serial), &element(UTC_TIME, b"260920000000Z")]);
    let number = sequence(&[b"\x06\x03\x55\x1d\x14", &element(OCTET_STRING, b"\x02\x01\x05")]);
    let body = sequence(&[
        &element(INTEGER, &[1]),
        ECDSA_WITH_SHA256,
        &idevid().issuer().to_der().expect("a name"),
        &element(UTC_TIME, b"260921000000Z"),
        &element(UTC_TIME, b"261021000000Z"),
        &sequence(&[&entry]),
        &element(0xa0, &sequence(&[&number])),
    ]);
    signed(body, |whole| whole, status)
}

/// RFC 6960 §4.2.1.
fn response(status: Status) -> Statement {
    let name = idevid().issuer().to_der().expect("a name");
    let key = WORLD.idevid[1].public_key().subject_public_key();
    let id = sequence(&[
        SHA256,
        &element(OCTET_STRING, &sha256(&name).0),
        &element(OCTET_STRING, &sha256(key).0),
        &element(INTEGER, idevid().certificate_serial()),
    ]);
    let status_der = match status {
        Status::Good => element(0x80, &[]),
        Status::Revoked => element(0xa1, &element(GENERALIZED_TIME, b"20260920000000Z")),
    };
    let single = sequence(&[
        &id,
        &status_der,
        &element(GENERALIZED_TIME, b"20260921000000Z"),
        &element(0xa0, &element(GENERALIZED_TIME, b"20261021000000Z")),
    ]);
    let body =
        sequence(&[&element(0xa1, &name), &element(GENERALIZED_TIME, b"20260921000000Z"), &sequence(&[&single])]);
    let wrap = |basic: Vec<u8>| {
        let bytes = sequence(&[OCSP_BASIC, &element(OCTET_STRING, &basic)]);
        sequence(&[&element(0x0a, &[0]), &element(0xa0, &bytes)])
    };
    signed(body, wrap, status)
}

/// Whether the device's certificate counts as good, or as revoked, by `bytes` alone.
fn decided(bytes: &[u8], clock: Clock) -> Option<bool> {
    let mut evidence = Evidence::new();
    if let Ok(list) = Crl::from_der(bytes) {
        assert_eq!(list.der(), bytes);
        assert!(list.len() <= Crl::MAX_ENTRIES);
        evidence.add_crl(list);
    }
    if let Ok(response) = OcspResponse::from_der(bytes) {
        assert_eq!(response.der(), bytes);
        assert!(response.len() <= OcspResponse::MAX_RESPONSES);
        evidence.add_ocsp_response(response);
    }
    match judge(&PATH, &evidence, clock, Demand::WhenAvailable) {
        Ok(findings) => findings.iter().any(|finding| finding.cleared_by.is_some()).then_some(true),
        Err(RevocationError::Revoked { .. }) => Some(false),
        Err(_) => None,
    }
}

fn check(bytes: &[u8]) {
    for clock in [Clock::Trusted(WORLD.now), Clock::Untrusted { at_least: WORLD.now }] {
        let Some(good) = decided(bytes, clock) else { continue };
        // Whatever is around it: what was signed must be there, octet for octet.
        let said = |statement: &Statement| {
            (statement.status == Status::Good) == good
                && bytes.windows(statement.body.len()).any(|window| window == statement.body)
        };
        assert!(STATEMENTS.iter().any(said), "decided by something that the CA never said");
    }
}

//! Certificates: what is read can be written, and no path leads anywhere but to what the CAs signed.
#![no_main]

use std::slice::from_ref;

use fuzz::{Seed, world::WORLD};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    path::{self, Policy, Purpose},
    time::Clock,
};

fuzz::target!(seeds, check);

fn seeds() -> Vec<Seed> {
    WORLD.certificates().iter().map(|it| it.der().to_vec()).collect()
}

fn check(bytes: &[u8]) {
    if let Ok(chain) = Certificate::chain_from_file(bytes) {
        assert!(!chain.is_empty());
    }
    let Ok(certificate) = Certificate::from_der(bytes) else { return };
    assert_eq!(certificate.der(), bytes);
    let pem = certificate.to_pem();
    assert_eq!(Certificate::chain_from_pem(pem.as_bytes()).as_deref(), Ok(from_ref(&certificate)));
    // Shown to people in traces.
    drop(format!("{certificate:?} {} {} {}", certificate.subject(), certificate.not_before(), certificate.not_after()));
    if let Ok(serial_number) = SerialNumber::from_certificate(&certificate) {
        assert_eq!(SerialNumber::new(serial_number.as_str()).as_ref(), Ok(&serial_number));
    }
    for clock in [Clock::Trusted(WORLD.now), Clock::Untrusted { at_least: WORLD.now }] {
        for purpose in [Purpose::DeviceIdentity, Purpose::Signing, Purpose::TlsServer] {
            let policy = Policy::new(clock, purpose);
            judge(&certificate, &policy);
        }
    }
}

/// As an end entity, and as an intermediate of genuine ones.
fn judge(certificate: &Certificate, policy: &Policy<'_>) {
    let anchors = [WORLD.device_root.clone(), WORLD.voucher_root.clone(), WORLD.owner_chain[1].clone()];
    let genuine = WORLD.certificates();
    let (idevid, device_ca) = (&WORLD.idevid[0], &WORLD.idevid[1]);
    for path in [
        path::validate(certificate, from_ref(device_ca), &anchors, policy),
        path::validate(idevid, from_ref(certificate), &anchors, policy),
    ] {
        for step in path.iter().flat_map(|path| path.certificates()) {
            // The signature itself is not signed: with ECDSA anybody can turn one into another that verifies.
            let signed = step.as_x509().tbs_certificate();
            assert!(genuine.iter().any(|it| it.as_x509().tbs_certificate() == signed), "accepted {step:?}");
        }
    }
}

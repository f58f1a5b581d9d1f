//! Paths: validated, against rustls-webpki on the same chains. Both sides begin with the octets of all certificates but the
//! anchor's, as a handshake brings them.

use std::{collections::BTreeMap, hint::black_box, slice::from_ref, time::Duration};

use pki::{
    certificate::Certificate,
    path::{self, Policy, Purpose},
    time::{Clock, Timestamp},
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, UnixTime};

use crate::artifacts::compare;

/// What [`measure`] measures.
pub(crate) const METRICS: &[&str] = &[
    "path_ratio",
    "path_ratio_2",
    "path_ratio_3",
    "path_ratio_5",
    "paths_per_second_2",
    "paths_per_second_3",
    "paths_per_second_5",
];

/// When both sides validate: 2026-06-01.
const NOW: u64 = 1_780_272_000;

/// Certificates from the end entity to the anchor, by P-256 keys.
struct Chain {
    ders: Vec<CertificateDer<'static>>,
}

impl Chain {
    fn of(length: usize) -> Self {
        let params = |name: String, is_ca: IsCa, usage: KeyUsagePurpose| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = is_ca;
            params.key_usages = vec![usage];
            params.use_authority_key_identifier_extension = true;
            params
        };
        let ca = |depth: usize| {
            params(format!("CA {depth}"), IsCa::Ca(BasicConstraints::Unconstrained), KeyUsagePurpose::KeyCertSign)
        };
        let key = KeyPair::generate().unwrap();
        let mut above = (ca(0), key);
        let mut ders = vec![above.0.self_signed(&above.1).unwrap().der().clone()];
        for depth in 1..length {
            let below = if depth + 1 == length {
                params("end entity".to_owned(), IsCa::NoCa, KeyUsagePurpose::DigitalSignature)
            } else {
                ca(depth)
            };
            let key = KeyPair::generate().unwrap();
            let made = below.signed_by(&key, &Issuer::from_params(&above.0, &above.1)).unwrap();
            ders.push(made.der().clone());
            above = (below, key);
        }
        ders.reverse();
        Self { ders }
    }

    fn ours(&self, anchor: &Certificate, policy: &Policy<'_>) {
        let given = self.ders.iter().take(self.ders.len() - 1);
        let read: Vec<_> = given.map(|der| Certificate::from_der(der).unwrap()).collect();
        let (end_entity, intermediates) = read.split_first().unwrap();
        black_box(path::validate(end_entity, intermediates, from_ref(anchor), policy).unwrap());
    }

    fn theirs(&self, anchor: &rustls::pki_types::TrustAnchor<'_>, now: UnixTime) {
        let end_entity = webpki::EndEntityCert::try_from(&self.ders[0]).unwrap();
        let intermediates = &self.ders[1..self.ders.len() - 1];
        let verified = end_entity.verify_for_usage(
            &[webpki::ring::ECDSA_P256_SHA256],
            from_ref(anchor),
            intermediates,
            now,
            webpki::KeyUsage::client_auth(),
            None,
            None,
        );
        black_box(verified.unwrap().anchor());
    }
}

pub(crate) fn measure() -> BTreeMap<&'static str, f64> {
    let mut metrics = BTreeMap::new();
    let policy = Policy::new(Clock::Trusted(Timestamp::from_unix(NOW.cast_signed())), Purpose::DeviceIdentity);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    for (length, ratio, rate) in [
        (2, "path_ratio_2", "paths_per_second_2"),
        (3, "path_ratio_3", "paths_per_second_3"),
        (5, "path_ratio_5", "paths_per_second_5"),
    ] {
        let chain = Chain::of(length);
        let root = chain.ders.last().unwrap();
        let anchor = Certificate::from_der(root).unwrap();
        let trusted = webpki::anchor_from_trusted_cert(root).unwrap();
        let compared = compare(|| chain.ours(&anchor, &policy), || chain.theirs(&trusted, now));
        println!(
            "validate a path of {length} certificates: {:.0}/s, {:.2} of rustls-webpki",
            compared.rate, compared.ratio
        );
        metrics.insert(ratio, compared.ratio);
        metrics.insert(rate, compared.rate);
        // The one that stands for all: what most factories issue.
        if length == 3 {
            metrics.insert("path_ratio", compared.ratio);
        }
    }
    metrics
}

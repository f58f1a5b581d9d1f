//! Whatever is done to a certificate's bytes: reading it, and everything one may ask it afterwards, never panics.

use std::sync::LazyLock;

use pki::{
    certificate::{Certificate, CertificateError},
    identity::SerialNumber,
    path::{self, Policy, Purpose},
    server_name,
};
use proptest::{collection::vec, prelude::*};
use rcgen::DnType;

use crate::support::{Tree, untrusted};

/// A tree whose leaf holds every extension that is read.
static TREE: LazyLock<Tree> = LazyLock::new(|| {
    Tree::new(|plan| {
        plan.leaf.distinguished_name.push(DnType::from_oid(&[2, 5, 4, 5]), "SN-0001");
        plan.leaf.subject_alt_names = vec![rcgen::SanType::DnsName("sztp.example.net".try_into().unwrap())];
        plan.leaf.is_ca = rcgen::IsCa::ExplicitNoCa;
        plan.leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    })
});

fn ask_everything(certificate: &Certificate) {
    let shown = format!("{certificate:?} {} {}", certificate.not_before(), certificate.not_after());
    assert!(!shown.is_empty());
    let reread = Certificate::chain_from_pem(certificate.to_pem().as_bytes()).unwrap();
    assert_eq!(reread, std::slice::from_ref(certificate));
    drop(SerialNumber::from_certificate(certificate));
    drop(server_name::verify(certificate, "sztp.example.net"));
    assert!(certificate.verify_signature(certificate.public_key()).is_err());
}

proptest! {
    #[test]
    fn a_mutated_certificate_never_panics_and_never_validates(
        changes in vec((any::<prop::sample::Index>(), 1_u8..), 1..6),
        kept in any::<prop::sample::Index>(),
        truncate in prop::bool::weighted(0.1),
    ) {
        let original = TREE.leaf.certificate.der();
        let mut der = original.to_vec();
        for (index, change) in changes {
            let place = index.index(der.len());
            der[place] ^= change;
        }
        if truncate {
            der.truncate(kept.index(der.len()));
        }
        if let Ok(certificate) = Certificate::from_der(&der) {
            ask_everything(&certificate);
            let policy = Policy::new(untrusted(), Purpose::DeviceIdentity);
            let bag = [TREE.intermediate.certificate.clone()];
            let anchors = [TREE.root.certificate.clone()];
            let validated = path::validate(&certificate, &bag, &anchors, &policy);
            prop_assert!(validated.is_err() || der == original);
        }
    }

    #[test]
    fn noise_is_no_certificate(noise in vec(any::<u8>(), 0..300)) {
        prop_assert!(Certificate::from_der(&noise).is_err());
        prop_assert!(Certificate::chain_from_file(&noise).is_err());
    }
}

#[test]
fn the_untouched_certificate_answers_everything() {
    ask_everything(&TREE.leaf.certificate);
    assert_eq!(SerialNumber::from_certificate(&TREE.leaf.certificate).unwrap().as_str(), "SN-0001");
    server_name::verify(&TREE.leaf.certificate, "sztp.example.net").unwrap();
}

#[test]
fn trailing_bytes_and_giants_are_refused() {
    let mut der = TREE.leaf.certificate.der().to_vec();
    der.push(0);
    assert!(matches!(Certificate::from_der(&der), Err(CertificateError::Der(_))));
    der.resize(Certificate::MAX_DER + 1, 0);
    assert_eq!(Certificate::from_der(&der).unwrap_err(), CertificateError::TooLarge);
}

#[test]
fn both_algorithm_fields_must_agree() {
    // RFC 5280 §4.1.1.2: the outer field names SHA-384, the signed one SHA-256.
    let mut der = TREE.leaf.certificate.der().to_vec();
    let sha256 = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    let outer = (0..der.len()).rfind(|&start| der[start..].starts_with(&sha256)).unwrap();
    der[outer + 9] = 0x03;
    assert_eq!(Certificate::from_der(&der).unwrap_err(), CertificateError::AlgorithmFieldsDiffer);
}

#[test]
fn an_extension_twice_is_refused() {
    // RFC 5280 §4.2: extendedKeyUsage (2.5.29.37) renamed to a second keyUsage (2.5.29.15).
    let mut der = TREE.leaf.certificate.der().to_vec();
    let eku = [0x06, 0x03, 0x55, 0x1d, 0x25];
    let place = (0..der.len()).find(|&start| der[start..].starts_with(&eku)).unwrap();
    der[place + 4] = 0x0f;
    assert!(matches!(Certificate::from_der(&der), Err(CertificateError::DuplicateExtension(_))));
}

#[test]
fn extensions_are_counted_before_they_are_compared() {
    // Each is another one, so that a quadratic search would go through all of them.
    let key = rcgen::KeyPair::generate().unwrap();
    let with = |number: u64| {
        let mut params = rcgen::CertificateParams::default();
        params.custom_extensions = (0..number)
            .map(|it| rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, it], vec![5, 0]))
            .collect();
        Certificate::from_der(params.self_signed(&key).unwrap().der())
    };
    assert!(with(64).is_ok());
    assert_eq!(with(65).unwrap_err(), CertificateError::TooManyExtensions);
}

#[test]
fn a_file_holds_pem_or_der() {
    let chain = [&TREE.leaf, &TREE.intermediate].map(|it| it.certificate.clone());
    let pem = format!("a comment\n{}{}", chain[0].to_pem(), chain[1].to_pem());
    assert_eq!(Certificate::chain_from_file(pem.as_bytes()).unwrap(), chain);
    assert_eq!(Certificate::chain_from_file(chain[0].der()).unwrap(), chain[..1]);
    let key = pki::key::FileKey::generate_p256().unwrap().to_pem();
    assert_eq!(Certificate::chain_from_file(key.as_bytes()).unwrap_err(), CertificateError::Pem);
}

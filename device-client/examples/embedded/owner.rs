//! What exists before the device is powered: its identity, and what its owner put on a card. Elsewhere, others make it.

use conveyed_info::{
    discovery::{ArtifactKind, removable_storage::Layout},
    information::{BootImage, Configuration, ConfigurationHandling, OnboardingInformation},
    make::{self, Style},
    voucher::{Assertion, Freshness, Voucher},
};
use device_client::machine::{AllowedTargets, FinalReport, ImageSignature, Policy, Switch};
use pki::{certificate::Certificate, digest::sha256, identity::SerialNumber, key::FileKey, time::Timestamp};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

use super::platform::Card;

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const IMAGE: &[u8] = b"the next operating system";

fn ca(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn certified(name: DnType, value: &str, ca: &CertifiedIssuer<'_, KeyPair>) -> (FileKey, Vec<Certificate>) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(name, value);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let pair = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&pair, ca).unwrap();
    let chain = [certificate.der(), ca.der()].map(|der| Certificate::from_der(der).unwrap());
    (FileKey::from_pkcs8_der(&pair.serialize_der()).unwrap(), chain.to_vec())
}

/// What the factory burnt into the device, and the card that its owner sent.
pub(crate) fn prepare() -> (Policy, Card) {
    let serial_number = SerialNumber::new("UNIT-7").unwrap();
    let (masa, owner_ca) = (ca("manufacturer"), ca("owner"));
    let (_, idevid) = certified(DnType::CustomDnType(vec![2, 5, 4, 5]), serial_number.as_str(), &ca("factory"));
    let (masa_key, masa_chain) = certified(DnType::CommonName, "masa", &masa);
    let (owner_key, owner_chain) = certified(DnType::CommonName, "owner", &owner_ca);

    let voucher = Voucher {
        created_on: Some(Timestamp::from_unix(NOW - 3600)),
        freshness: Freshness::Unlimited,
        assertion: Assertion::Verified,
        serial_number: serial_number.clone(),
        idevid_issuer: None,
        pinned_domain_cert: Certificate::from_der(owner_ca.der()).unwrap(),
        domain_cert_revocation_checks: None,
    };
    let plan = OnboardingInformation {
        boot_image: Some(BootImage {
            os_name: None,
            os_version: Some("2".to_owned()),
            download_uris: vec!["file:///os.bin".to_owned()],
            sha256: Some(sha256(IMAGE)),
        }),
        configuration: Some(Configuration { handling: ConfigurationHandling::Replace, content: b"on".to_vec() }),
        ..OnboardingInformation::default()
    };
    let conveyed = make::signed_conveyed_information(&plan.into(), Style::default(), &owner_key, &owner_chain).unwrap();
    let owner = make::owner_certificate(&owner_chain).unwrap();
    let voucher = make::ownership_voucher(&voucher, &masa_key, &masa_chain).unwrap();

    let mut card = Card::default();
    let folder = Layout::default().folder(&serial_number).unwrap();
    for (kind, der) in [
        (ArtifactKind::ConveyedInformation, conveyed.der()),
        (ArtifactKind::OwnerCertificate, owner.der()),
        (ArtifactKind::OwnershipVoucher, voucher.der()),
    ] {
        card.insert(folder.write_path(kind).to_string(), der.to_vec());
    }
    card.insert("os.bin".to_owned(), IMAGE.to_vec());

    let policy = Policy {
        serial_number,
        idevid: idevid[0].clone(),
        decryption_key: None,
        voucher_anchors: masa_chain[1..].to_vec(),
        well_known: Vec::new(),
        accepted_assertions: vec![Assertion::Verified],
        allowed_targets: AllowedTargets::default(),
        hw_model: None,
        credentials: None,
        ssh_host_keys: Vec::new(),
        trust_anchors: Vec::new(),
        switch: Switch::Marker,
        // No server hears of data from a card.
        final_report: FinalReport::Plain,
        image_signature: ImageSignature::NotConfigured,
        sources: vec!["card slot".to_owned()],
    };
    (policy, card)
}

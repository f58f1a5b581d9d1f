//! One device, its manufacturer and its owner, all in order; a test changes one thing and looks what comes of it.

mod ocsp;
mod parties;
mod structures;

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding, OwnerCertificate, OwnershipVoucher, Unverified, Verified,
    cms::{AeadPolicy, ContentType, Draft, certificates_with_evidence},
    information::{Information, OnboardingInformation, Script},
    profile::InputProfile,
    verify::{self, Accepted, Context, Decryption, Findings, Source},
    voucher::{Assertion, Freshness, Nonce, Voucher},
};
pub(crate) use ocsp::{Says, ocsp_response};
pub(crate) use parties::{Party, ca, end_entity};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    revocation::Evidence,
    time::{Clock, Timestamp},
};
pub(crate) use structures::{Naming, Structure, attribute, bag_in_order, standard_attributes, tlv};
use verdict::Refusal;

/// What the clock of these tests says.
pub(crate) fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-06-01T00:00:00Z").unwrap()
}

/// Everybody, what they are about to make, and what the device knows.
pub(crate) struct World {
    pub(crate) masa_root: Party,
    pub(crate) masa: Party,
    pub(crate) owner_ca: Party,
    pub(crate) owner: Party,
    pub(crate) idevid: Party,

    pub(crate) voucher: Voucher,
    /// The certificates in the owner certificate artifact.
    pub(crate) bag: Vec<Certificate>,
    /// What is stapled to them.
    pub(crate) stapled: Evidence,
    pub(crate) information: Information,
    /// Artifacts given in place of those that would be made.
    pub(crate) instead: Instead,

    pub(crate) source: Source,
    pub(crate) anchors: Vec<Certificate>,
    pub(crate) serial_number: SerialNumber,
    pub(crate) nonce: Option<Nonce>,
    pub(crate) clock: Clock,
    pub(crate) assertions: Vec<Assertion>,
    /// Whether the device opens what is encrypted to its IDevID.
    pub(crate) decryption: Option<AeadPolicy>,
    pub(crate) profile: InputProfile,
    /// What a device with a network fetched about revocation.
    pub(crate) fetched: Evidence,
}

/// See [`World::instead`].
#[derive(Default)]
pub(crate) struct Instead {
    pub(crate) conveyed_information: Option<Vec<u8>>,
    pub(crate) owner_certificate: Option<Vec<u8>>,
    pub(crate) ownership_voucher: Option<Vec<u8>>,
}

impl World {
    pub(crate) fn new() -> Self {
        let masa_root = Party::root(ca("masa root"));
        let masa = masa_root.issue(end_entity("masa"));
        let owner_ca = Party::root(ca("owner ca"));
        let owner = owner_ca.issue(end_entity("owner"));
        let idevid = Party::root(ca("idevid ca")).issue(end_entity("device"));
        let serial_number = SerialNumber::new("SN-0001").unwrap();
        let voucher = Voucher {
            created_on: Some(now().plus_seconds(-60)),
            freshness: Freshness::ExpiresOn { expires_on: now().plus_seconds(60), last_renewal_date: None },
            assertion: Assertion::Verified,
            serial_number: serial_number.clone(),
            idevid_issuer: None,
            pinned_domain_cert: owner_ca.certificate.clone(),
            domain_cert_revocation_checks: None,
        };
        Self {
            bag: vec![owner.certificate.clone()],
            stapled: Evidence::new(),
            information: onboarding(),
            instead: Instead::default(),
            source: Source::Untrusted,
            anchors: vec![masa_root.certificate.clone()],
            nonce: None,
            clock: Clock::Trusted(now()),
            assertions: vec![Assertion::Verified],
            decryption: None,
            profile: InputProfile::Strict,
            fetched: Evidence::new(),
            masa_root,
            masa,
            owner_ca,
            owner,
            idevid,
            voucher,
            serial_number,
        }
    }

    /// The voucher document, signed by the MASA.
    pub(crate) fn signed_voucher(&self) -> Vec<u8> {
        self.masa.sign(ContentType::AnimaJsonVoucher, &self.voucher.to_json())
    }

    /// The conveyed information, signed by the owner.
    pub(crate) fn signed_information(&self) -> Vec<u8> {
        self.owner.sign(ContentType::ConveyedInfoJson, &self.information.encode(Encoding::Json))
    }

    /// All three artifacts.
    pub(crate) fn signed(&self) -> BootstrappingData {
        let Instead { conveyed_information, owner_certificate, ownership_voucher } = &self.instead;
        let conveyed_information = conveyed_information.clone().unwrap_or_else(|| self.signed_information());
        let owner_certificate =
            owner_certificate.clone().unwrap_or_else(|| certificates_with_evidence(&self.bag, &self.stapled).unwrap());
        let ownership_voucher = ownership_voucher.clone().unwrap_or_else(|| self.signed_voucher());
        BootstrappingData::Signed {
            conveyed_information: ConveyedInformation::from_der(conveyed_information).unwrap(),
            owner_certificate: OwnerCertificate::from_der(owner_certificate).unwrap(),
            ownership_voucher: OwnershipVoucher::from_der(ownership_voucher).unwrap(),
        }
    }

    /// Gives the device all three artifacts.
    pub(crate) fn verify(&self) -> Result<Verified<Accepted>, Refusal> {
        self.judge(self.signed())
    }

    /// Gives the device conveyed information alone.
    pub(crate) fn verify_alone(&self, der: Vec<u8>) -> Result<Verified<Accepted>, Refusal> {
        self.judge(BootstrappingData::Unsigned(ConveyedInformation::from_der(der).unwrap()))
    }

    /// Gives the device `data`.
    pub(crate) fn judge(&self, data: BootstrappingData) -> Result<Verified<Accepted>, Refusal> {
        self.judge_with_findings(data).0
    }

    /// Gives the device `data`, and asks what else it found out.
    pub(crate) fn judge_with_findings(
        &self,
        data: BootstrappingData,
    ) -> (Result<Verified<Accepted>, Refusal>, Findings) {
        let mut findings = Findings::default();
        let context = Context {
            source: self.source,
            voucher_anchors: &self.anchors,
            serial_number: &self.serial_number,
            idevid: Some(&self.idevid.certificate),
            nonce: self.nonce.as_ref(),
            clock: self.clock,
            assertions: &self.assertions,
            decryption: self.decryption.map(|aead| Decryption {
                key: &self.idevid.key,
                certificate: Some(&self.idevid.certificate),
                aead,
            }),
            profile: self.profile,
            revocation: &self.fetched,
        };
        let result = verify::verify_with_findings(Unverified::new(data), &context, &mut findings);
        (result, findings)
    }
}

impl Party {
    /// Signs with this party's certificate alone.
    pub(crate) fn sign(&self, content_type: ContentType, content: &[u8]) -> Vec<u8> {
        Draft::sign(content_type, content, &self.key, std::slice::from_ref(&self.certificate)).unwrap()
    }
}

/// Onboarding information with one script.
pub(crate) fn onboarding() -> Information {
    let script = Some(Script(b"#!/bin/sh\n".to_vec()));
    OnboardingInformation { pre_configuration_script: script, ..OnboardingInformation::default() }.into()
}

/// A nonce of 16 equal octets.
pub(crate) fn nonce(octet: u8) -> Nonce {
    Nonce::for_request(vec![octet; 16]).unwrap()
}

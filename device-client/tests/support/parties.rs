//! Keys and certificates, and what is signed with them.

use std::time::SystemTime;

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding, OwnerCertificate, OwnershipVoucher,
    cms::{self, ContentType, Draft},
    information::{
        BootImage, BootstrapServer, Configuration, ConfigurationHandling, Information, OnboardingInformation,
        RedirectInformation, Script, TrustAnchor,
    },
    rpc::{BootstrappingAnswer, ReportingLevel},
    voucher::{Assertion, Freshness, Voucher},
};
use pki::{certificate::Certificate, digest::sha256, identity::SerialNumber, key::FileKey, time::Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose,
};

/// Serial number of the device.
pub(crate) const SERIAL: &str = "SN-1";

/// Somebody with a key and a certificate.
pub(crate) struct Party {
    pub(crate) certificate: Certificate,
    pub(crate) key: FileKey,
    params: CertificateParams,
}

/// Parameters with a common name.
pub(crate) fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    params
}

/// Parameters of a CA.
pub(crate) fn ca(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params
}

/// Parameters of a server's certificate.
pub(crate) fn host(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "server");
    params
}

impl Party {
    pub(crate) fn root(name: &str) -> Self {
        let key = FileKey::generate_p256().unwrap();
        let params = ca(name);
        let certificate = params.self_signed(&pair(&key)).unwrap();
        Self { certificate: Certificate::from_der(certificate.der()).unwrap(), key, params }
    }

    pub(crate) fn issue(&self, params: CertificateParams) -> Self {
        let key = FileKey::generate_p256().unwrap();
        let issuer = Issuer::new(self.params.clone(), pair(&self.key));
        let certificate = params.signed_by(&pair(&key), &issuer).unwrap();
        Self { certificate: Certificate::from_der(certificate.der()).unwrap(), key, params }
    }

    /// A revocation list on which nobody stands, made an hour ago, good for two.
    pub(crate) fn revocation_list(&self) -> Vec<u8> {
        let date = |seconds| now().plus_seconds(seconds).to_offset_date_time();
        let list = CertificateRevocationListParams {
            this_update: date(-3600),
            next_update: date(3600),
            crl_number: rcgen::SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&Issuer::new(self.params.clone(), self.pair())).unwrap().der().to_vec()
    }

    /// Signs with its certificate attached.
    pub(crate) fn sign(&self, content_type: ContentType, content: &[u8]) -> Vec<u8> {
        Draft::sign(content_type, content, &self.key, std::slice::from_ref(&self.certificate)).unwrap()
    }

    pub(crate) fn pair(&self) -> KeyPair {
        pair(&self.key)
    }
}

fn pair(key: &FileKey) -> KeyPair {
    KeyPair::try_from(key.pkcs8_der()).unwrap()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

/// Everybody who has to do with one device.
pub(crate) struct Parties {
    pub(crate) manufacturer: Party,
    pub(crate) device: Party,
    pub(crate) masa: Party,
    pub(crate) owner_ca: Party,
    pub(crate) owner: Party,
    /// Who certifies the owner's servers.
    pub(crate) tls: Party,
}

impl Parties {
    pub(crate) fn new() -> Self {
        let manufacturer = Party::root("manufacturer");
        let mut device = named("device");
        device.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), SERIAL);
        let device = manufacturer.issue(device);
        let owner_ca = Party::root("owner ca");
        let owner = owner_ca.issue(named("owner"));
        Self { manufacturer, device, masa: Party::root("masa"), owner_ca, owner, tls: Party::root("tls") }
    }

    /// The voucher for the device and the owner, created an hour ago, good for ever.
    pub(crate) fn voucher(&self) -> Voucher {
        Voucher {
            created_on: Some(now().plus_seconds(-3600)),
            freshness: Freshness::Unlimited,
            assertion: Assertion::Verified,
            serial_number: SerialNumber::new(SERIAL).unwrap(),
            idevid_issuer: None,
            pinned_domain_cert: self.owner_ca.certificate.clone(),
            domain_cert_revocation_checks: None,
        }
    }

    pub(crate) fn anchor(&self) -> TrustAnchor {
        TrustAnchor::new(std::slice::from_ref(&self.tls.certificate)).unwrap()
    }

    /// A draft in which everything is in order.
    pub(crate) fn draft(&self, information: impl Into<Information>) -> SignedDraft<'_> {
        SignedDraft {
            parties: self,
            masa: &self.masa,
            voucher: self.voucher(),
            voucher_type: ContentType::AnimaJsonVoucher,
            bag: vec![self.owner.certificate.clone(), self.owner_ca.certificate.clone()],
            signer: &self.owner,
            information_type: ContentType::ConveyedInfoJson,
            document: information.into().encode(Encoding::Json),
        }
    }

    /// Signed data in which everything is in order.
    pub(crate) fn signed(&self, information: impl Into<Information>) -> BootstrappingData {
        self.draft(information).finish()
    }

    /// An owner's certificate that says where its revocation list is.
    pub(crate) fn owner_with_list(&self, uri: &str) -> Party {
        let mut params = named("owner");
        params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![uri.to_owned()] }];
        self.owner_ca.issue(params)
    }
}

/// Signed data about to be made. A test changes one thing.
pub(crate) struct SignedDraft<'a> {
    parties: &'a Parties,
    pub(crate) masa: &'a Party,
    pub(crate) voucher: Voucher,
    pub(crate) voucher_type: ContentType,
    pub(crate) bag: Vec<Certificate>,
    pub(crate) signer: &'a Party,
    pub(crate) information_type: ContentType,
    pub(crate) document: Vec<u8>,
}

impl SignedDraft<'_> {
    pub(crate) fn finish(&self) -> BootstrappingData {
        let information = self.signer.sign(self.information_type, &self.document);
        let voucher = self.masa.sign(self.voucher_type, &self.voucher.to_json());
        BootstrappingData::Signed {
            conveyed_information: ConveyedInformation::from_der(information).unwrap(),
            owner_certificate: OwnerCertificate::from_der(cms::certificates_only(&self.bag).unwrap()).unwrap(),
            ownership_voucher: OwnershipVoucher::from_der(voucher).unwrap(),
        }
    }
}

/// Unsigned data.
pub(crate) fn unsigned(information: impl Into<Information>) -> BootstrappingData {
    let document = information.into().encode(Encoding::Json);
    let artifact = cms::bare(ContentType::ConveyedInfoJson, &document).unwrap();
    BootstrappingData::Unsigned(ConveyedInformation::from_der(artifact).unwrap())
}

/// A redirect to one server.
pub(crate) fn redirect(address: &str, port: u16, trust_anchor: Option<TrustAnchor>) -> RedirectInformation {
    RedirectInformation::new(vec![BootstrapServer { address: address.to_owned(), port, trust_anchor }]).unwrap()
}

/// The configuration that an honest owner gives.
pub(crate) const HOSTNAME: &str = "leaf-1";

/// Onboarding information with nothing but a configuration.
pub(crate) fn onboarding() -> OnboardingInformation {
    let content = format!("{{\"hostname\":\"{HOSTNAME}\"}}").into_bytes();
    OnboardingInformation {
        configuration: Some(Configuration { handling: ConfigurationHandling::Merge, content }),
        ..OnboardingInformation::default()
    }
}

/// The same with a script to run first.
pub(crate) fn with_script(script: &str) -> OnboardingInformation {
    let script = Script(format!("#!/bin/sh\n{script}\n").into_bytes());
    OnboardingInformation { pre_configuration_script: Some(script), ..onboarding() }
}

/// The same with an image to install first, which is known by its digest.
pub(crate) fn with_image(image: &[u8], download_uris: Vec<String>) -> OnboardingInformation {
    let boot_image = Some(BootImage {
        os_name: Some("os".into()),
        os_version: Some("2".into()),
        download_uris,
        sha256: Some(sha256(image)),
    });
    OnboardingInformation { boot_image, ..onboarding() }
}

/// The body of an answer that gives `data`.
pub(crate) fn body(data: BootstrappingData, encoding: Encoding) -> Vec<u8> {
    BootstrappingAnswer { reporting_level: ReportingLevel::Minimal, data }.encode(encoding)
}

//! A manufacturer, an owner and their documents: made once for all runs.

use std::{
    net::SocketAddr,
    sync::{Arc, LazyLock},
};

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding, OwnerCertificate, OwnershipVoucher,
    cms::{self, ContentType, Draft},
    information::{BootImage, Configuration, ConfigurationHandling, Information, OnboardingInformation, Script},
    rpc::{BootstrappingAnswer, ReportingLevel},
    voucher::{Assertion, Freshness, Voucher},
};
use device_client::Server;
use device_client::machine::{
    AllowedTargets, FinalReport, ImageSignature, OnboardingStep, Policy, Switch, WellKnownServer,
};
use pki::{certificate::Certificate, digest::sha256, identity::SerialNumber, key::FileKey, time::Timestamp};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Map, Value};
use verdict::Digest;

const SERIAL: &str = "SN-1";

/// What stands in everything that nobody may find later.
pub(crate) const CANARY: &str = "canary";

/// Where the two servers are.
pub(crate) const SERVERS: [&str; 2] = ["192.0.2.1:443", "192.0.2.2:443"];

/// Where images are.
pub(crate) const URIS: [&str; 2] = ["https://images.example/first", "https://images.example/second"];

/// A document and everything that follows from it.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) plan: OnboardingInformation,
    pub(crate) digest: Digest,
    /// What a server answers, at each reporting level.
    pub(crate) answers: [Vec<u8>; 2],
    /// The same signed, for places that nobody trusts.
    pub(crate) signed: BootstrappingData,
}

impl Document {
    pub(crate) fn script(&self, step: OnboardingStep) -> Option<&Script> {
        match step {
            OnboardingStep::PreScript => self.plan.pre_configuration_script.as_ref(),
            OnboardingStep::Configuration => None,
            OnboardingStep::PostScript => self.plan.post_configuration_script.as_ref(),
        }
    }

    /// What a device is configured with when this document is applied to `base`, and nothing else is.
    pub(crate) fn configured(&self, base: Option<&[u8]>) -> Option<Vec<u8>> {
        let Some(configuration) = &self.plan.configuration else { return base.map(<[u8]>::to_vec) };
        Some(match configuration.handling {
            ConfigurationHandling::Replace => configuration.content.clone(),
            ConfigurationHandling::Merge => merged(base, &configuration.content),
        })
    }
}

/// The patches have no depth, so that this is all there is to merging.
pub(crate) fn merged(base: Option<&[u8]>, patch: &[u8]) -> Vec<u8> {
    let object = |bytes: &[u8]| serde_json::from_slice::<Map<String, Value>>(bytes).unwrap();
    let mut merged = base.map(object).unwrap_or_default();
    for (name, value) in object(patch) {
        if value.is_null() {
            merged.remove(&name)
        } else {
            merged.insert(name, value)
        };
    }
    let mut bytes = serde_json::to_vec_pretty(&merged).unwrap();
    bytes.push(b'\n');
    bytes
}

/// Everything that exists before the device is powered.
pub(crate) struct Factory {
    pub(crate) policy: Policy,
    pub(crate) key: Arc<FileKey>,
    pub(crate) server_chain: Vec<Certificate>,
    pub(crate) documents: Vec<Document>,
    pub(crate) images: Vec<Vec<u8>>,
}

pub(crate) fn factory() -> &'static Factory {
    static FACTORY: LazyLock<Factory> = LazyLock::new(Factory::new);
    &FACTORY
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix(1_800_000_000)
}

pub(crate) fn server(text: &str) -> Server {
    let address: SocketAddr = text.parse().unwrap();
    Server::new(&address.ip().to_string(), address.port())
}

struct Party {
    certificate: Certificate,
    key: FileKey,
    params: CertificateParams,
}

impl Party {
    fn new(params: CertificateParams, issuer: Option<&Self>) -> Self {
        let key = FileKey::generate_p256().unwrap();
        let pair = |key: &FileKey| KeyPair::try_from(key.pkcs8_der()).unwrap();
        let certificate = match issuer {
            Some(issuer) => {
                params.signed_by(&pair(&key), &Issuer::new(issuer.params.clone(), pair(&issuer.key))).unwrap()
            }
            None => params.self_signed(&pair(&key)).unwrap(),
        };
        Self { certificate: Certificate::from_der(certificate.der()).unwrap(), key, params }
    }

    fn root(name: &str) -> Self {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self::new(params, None)
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Factory {
    fn new() -> Self {
        let (manufacturer, masa, owner_ca, tls) =
            (Party::root("manufacturer"), Party::root("masa"), Party::root("owner ca"), Party::root("tls"));
        let owner = Party::new(named("owner"), Some(&owner_ca));
        let mut device = named("device");
        device.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), SERIAL);
        let device = Party::new(device, Some(&manufacturer));
        let addresses = SERVERS.map(|text| server(text).host().to_owned()).to_vec();
        let server_chain = vec![Party::new(CertificateParams::new(addresses).unwrap(), Some(&tls)).certificate];
        let well_known = |text| WellKnownServer { server: server(text), anchors: vec![tls.certificate.clone()] };
        let policy = Policy {
            credentials: None,
            serial_number: SerialNumber::new(SERIAL).unwrap(),
            idevid: device.certificate.clone(),
            decryption_key: None,
            voucher_anchors: vec![masa.certificate.clone()],
            well_known: SERVERS.map(well_known).to_vec(),
            accepted_assertions: vec![Assertion::Verified],
            allowed_targets: AllowedTargets::default(),
            hw_model: None,
            ssh_host_keys: Vec::new(),
            trust_anchors: Vec::new(),
            switch: Switch::Marker,
            final_report: FinalReport::Plain,
            image_signature: ImageSignature::NotConfigured,
            sources: vec!["first".to_owned()],
        };
        let images = vec![vec![1; 100], vec![2; 37]];
        let sign = |document: &[u8]| signed(document, &masa, &owner_ca, &owner);
        let documents = plans(&images).into_iter().map(|plan| document(plan, sign)).collect();
        Self { policy, key: Arc::new(device.key), server_chain, documents, images }
    }
}

fn signed(document: &[u8], masa: &Party, owner_ca: &Party, owner: &Party) -> BootstrappingData {
    let chain = |party: &Party| vec![party.certificate.clone()];
    let information = Draft::sign(ContentType::ConveyedInfoJson, document, &owner.key, &chain(owner)).unwrap();
    let voucher = Voucher {
        created_on: Some(now().plus_seconds(-3600)),
        freshness: Freshness::Unlimited,
        assertion: Assertion::Verified,
        serial_number: SerialNumber::new(SERIAL).unwrap(),
        idevid_issuer: None,
        pinned_domain_cert: owner_ca.certificate.clone(),
        domain_cert_revocation_checks: None,
    };
    let voucher = Draft::sign(ContentType::AnimaJsonVoucher, &voucher.to_json(), &masa.key, &chain(masa)).unwrap();
    let bag = cms::certificates_only(&[owner.certificate.clone(), owner_ca.certificate.clone()]).unwrap();
    BootstrappingData::Signed {
        conveyed_information: ConveyedInformation::from_der(information).unwrap(),
        owner_certificate: OwnerCertificate::from_der(bag).unwrap(),
        ownership_voucher: OwnershipVoucher::from_der(voucher).unwrap(),
    }
}

fn document(plan: OnboardingInformation, sign: impl Fn(&[u8]) -> BootstrappingData) -> Document {
    let encoded = Information::from(plan.clone()).encode(Encoding::Json);
    let bare = cms::bare(ContentType::ConveyedInfoJson, &encoded).unwrap();
    let answer = |reporting_level| {
        let data = BootstrappingData::Unsigned(ConveyedInformation::from_der(bare.clone()).unwrap());
        BootstrappingAnswer { reporting_level, data }.encode(Encoding::Json)
    };
    let answers = [answer(ReportingLevel::Minimal), answer(ReportingLevel::Verbose)];
    Document { plan, digest: sha256(&encoded), answers, signed: sign(&encoded) }
}

/// The documents. Each sets names of its own, so that one on top of another shows.
fn plans(images: &[Vec<u8>]) -> Vec<OnboardingInformation> {
    let script = |name: &str| Some(Script(format!("#!/bin/sh\n# {CANARY} {name}\n").into_bytes()));
    let configuration = |handling, text: &str| {
        let content = text.replace("SECRET", CANARY).into_bytes();
        Some(Configuration { handling, content })
    };
    let merge = |text| configuration(ConfigurationHandling::Merge, text);
    let replace = |text| configuration(ConfigurationHandling::Replace, text);
    let image = |index: usize| {
        Some(BootImage {
            os_name: Some("os".to_owned()),
            os_version: Some(format!("{}", index + 2)),
            download_uris: URIS.map(str::to_owned).to_vec(),
            sha256: Some(sha256(&images[index])),
        })
    };
    let plan = |boot_image, pre: &str, configuration, post: &str| OnboardingInformation {
        boot_image,
        pre_configuration_script: if pre.is_empty() { None } else { script(pre) },
        configuration,
        post_configuration_script: if post.is_empty() { None } else { script(post) },
    };
    vec![
        plan(image(0), "0 pre", merge(r#"{"zero":"SECRET","old":null}"#), "0 post"),
        plan(None, "1 pre", merge(r#"{"one":"SECRET"}"#), "1 post"),
        plan(None, "", replace(r#"{"two":"SECRET"}"#), "2 post"),
        plan(image(1), "3 pre", None, ""),
        plan(None, "", merge(r#"{"four":"SECRET"}"#), ""),
        plan(image(1), "", replace(r#"{"five":"SECRET"}"#), "5 post"),
    ]
}

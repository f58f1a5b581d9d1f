//! A manufacturer, an owner, a device, and servers to put between them.

use std::{net::SocketAddr, sync::Arc};

use conveyed_info::{
    BootstrappingData, ConveyedInformation, Encoding, OwnerCertificate, OwnershipVoucher,
    cms::{self, ContentType, Draft},
    information::{
        BootstrapServer, Configuration, ConfigurationHandling, Information, OnboardingInformation, RedirectInformation,
        Script, TrustAnchor,
    },
    rpc::{BootstrappingAnswer, ErrorTag, ReportingLevel, RestconfError, YANG_DATA_JSON},
    voucher::{Assertion, Freshness, Nonce, Voucher},
};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    key::FileKey,
    time::{Clock, Timestamp},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
};

use super::captured;
use crate::{
    Outcome, Server,
    env::sim::{SimulatedServer, Simulation},
    machine::{
        AllowedTargets, Answer, Discovery, FinalReport, History, ImageSignature, Machine, Origin, Policy, Request,
        RunningImage, Situation, Switch, WellKnownServer,
    },
};

pub(super) const SERIAL: &str = "SN-42";

/// A CA, or anything else with a key and a certificate.
pub(super) struct Party {
    pub(super) certificate: Certificate,
    pub(super) key: FileKey,
    params: CertificateParams,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn pair(key: &FileKey) -> KeyPair {
    KeyPair::try_from(pki_bytes(key)).unwrap()
}

fn pki_bytes(key: &FileKey) -> &[u8] {
    key.pkcs8_der()
}

impl Party {
    pub(super) fn root(name: &str) -> Self {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let key = FileKey::generate_p256().unwrap();
        let certificate = params.self_signed(&pair(&key)).unwrap();
        Self { certificate: Certificate::from_der(certificate.der()).unwrap(), key, params }
    }

    fn issue_with(&self, params: CertificateParams) -> Self {
        let key = FileKey::generate_p256().unwrap();
        let issuer = Issuer::new(self.params.clone(), pair(&self.key));
        let certificate = params.signed_by(&pair(&key), &issuer).unwrap();
        Self { certificate: Certificate::from_der(certificate.der()).unwrap(), key, params }
    }

    pub(super) fn issue(&self, name: &str) -> Self {
        self.issue_with(params(name))
    }

    pub(super) fn issue_ca(&self, name: &str) -> Self {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self.issue_with(params)
    }

    pub(super) fn issue_server(&self, host: &str) -> Self {
        let mut server = CertificateParams::new(vec![host.to_owned()]).unwrap();
        server.distinguished_name.push(DnType::CommonName, "server");
        self.issue_with(server)
    }

    /// With CRL distribution points.
    pub(super) fn issue_pointing(&self, name: &str, places: &[&str]) -> Self {
        let mut params = params(name);
        params.use_authority_key_identifier_extension = true;
        let point = |uri: &&str| CrlDistributionPoint { uris: vec![(*uri).to_owned()] };
        params.crl_distribution_points = places.iter().map(point).collect();
        self.issue_with(params)
    }

    /// A revocation list, made an hour ago, good for two.
    pub(super) fn revocation_list(&self, revoked: &[&Certificate]) -> Vec<u8> {
        let date = |seconds| now().plus_seconds(seconds).to_offset_date_time();
        let entry = |certificate: &&Certificate| RevokedCertParams {
            serial_number: rcgen::SerialNumber::from_slice(certificate.certificate_serial()),
            revocation_time: date(-7200),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date(-3600),
            next_update: date(3600),
            crl_number: rcgen::SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let issuer = Issuer::new(self.params.clone(), pair(&self.key));
        list.signed_by(&issuer).unwrap().der().to_vec()
    }

    fn issue_device(&self) -> Self {
        let mut device = params("device");
        device.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), SERIAL);
        self.issue_with(device)
    }
}

/// Everything that exists before the device is powered.
pub(super) struct World {
    pub(super) masa: Party,
    pub(super) owner_ca: Party,
    pub(super) owner: Party,
    pub(super) tls: Party,
    pub(super) device: Party,
    pub(super) policy: Policy,
    pub(super) situation: Situation,
    pub(super) sim: Simulation,
    /// The capture of the last attempt.
    pub(super) capture: Vec<u8>,
    /// How long ago vouchers were created, in seconds.
    pub(super) voucher_age: i64,
    /// Whether vouchers demand that revocation is checked.
    pub(super) revocation_checks: Option<bool>,
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_unix(1_800_000_000)
}

impl World {
    /// A world whose first source names `servers` and is believed as far as `origin` says.
    pub(super) fn new(origin: Origin, servers: &[&str]) -> Self {
        let manufacturer = Party::root("manufacturer");
        let device = manufacturer.issue_device();
        let masa = Party::root("masa");
        let owner_ca = Party::root("owner ca");
        let owner = owner_ca.issue("owner");
        let mut sim = Simulation::new(Clock::Trusted(now()));
        let servers = servers.iter().map(|text| server(text)).collect();
        sim.sources.push(Ok(Discovery::of_servers(servers, origin)));
        let policy = Policy {
            serial_number: SerialNumber::new(SERIAL).unwrap(),
            idevid: device.certificate.clone(),
            decryption_key: None,
            voucher_anchors: vec![masa.certificate.clone()],
            well_known: Vec::new(),
            accepted_assertions: vec![Assertion::Verified],
            allowed_targets: AllowedTargets::default(),
            hw_model: Some("m-1".to_owned()),
            credentials: None,
            ssh_host_keys: Vec::new(),
            trust_anchors: Vec::new(),
            switch: Switch::Marker,
            final_report: FinalReport::Plain,
            image_signature: ImageSignature::Required,
            sources: vec!["first".to_owned()],
        };
        let running = RunningImage { os_name: Some("os".into()), os_version: Some("1".into()), sha256: None };
        let situation =
            Situation { running, installed: None, nonce: None, history: History::default(), newest_voucher: None };
        Self {
            masa,
            owner_ca,
            owner,
            tls: Party::root("tls"),
            device,
            policy,
            situation,
            sim,
            capture: Vec::new(),
            voucher_age: 3600,
            revocation_checks: None,
        }
    }

    /// A device whose factory list names this server, with the TLS root as its anchor.
    pub(super) fn trusting(text: &str) -> Self {
        let mut world = Self::new(Origin::Factory, &[text]);
        let anchors = vec![world.tls.certificate.clone()];
        world.policy.well_known.push(WellKnownServer { server: server(text), anchors });
        world
    }

    /// Puts a server with a genuine certificate at its address.
    pub(super) fn serve(&mut self, text: &str, answer: impl FnMut(&Request) -> Answer + Send + 'static) {
        let certificate = self.tls.issue_server(server(text).host()).certificate;
        self.serve_with(text, vec![certificate], answer);
    }

    pub(super) fn serve_with(
        &mut self,
        text: &str,
        chain: Vec<Certificate>,
        answer: impl FnMut(&Request) -> Answer + Send + 'static,
    ) {
        let address: SocketAddr = text.parse().unwrap();
        self.sim.servers.insert(address, SimulatedServer::new(chain, answer));
    }

    pub(super) fn run(&mut self) -> Outcome {
        self.sim.events.clear();
        self.sim.requests.clear();
        let machine = Machine::new(Arc::new(self.policy.clone()), self.situation.clone());
        let (outcome, capture) = captured::drive(machine, &self.policy, &self.situation, &mut self.sim);
        self.capture = capture;
        if let Some(voucher) = self.sim.newest_voucher {
            self.situation.newest_voucher = Some(voucher);
        }
        for fact in std::mem::take(&mut self.sim.facts) {
            self.situation.history.add(fact);
        }
        outcome
    }

    pub(super) fn anchor(&self) -> TrustAnchor {
        TrustAnchor::new(std::slice::from_ref(&self.tls.certificate)).unwrap()
    }

    pub(super) fn voucher(&self, freshness: Freshness) -> Voucher {
        Voucher {
            created_on: Some(now().plus_seconds(-self.voucher_age)),
            freshness,
            assertion: Assertion::Verified,
            serial_number: SerialNumber::new(SERIAL).unwrap(),
            idevid_issuer: None,
            pinned_domain_cert: self.owner_ca.certificate.clone(),
            domain_cert_revocation_checks: self.revocation_checks,
        }
    }

    pub(super) fn signed_by(&self, signer: &Party, information: &Information) -> BootstrappingData {
        self.signed_with(signer, information, Freshness::Unlimited)
    }

    pub(super) fn signed_with(
        &self,
        signer: &Party,
        information: &Information,
        freshness: Freshness,
    ) -> BootstrappingData {
        let chain = std::slice::from_ref(&signer.certificate);
        let document = information.encode(Encoding::Json);
        let signed = Draft::sign(ContentType::ConveyedInfoJson, &document, &signer.key, chain).unwrap();
        let masa = std::slice::from_ref(&self.masa.certificate);
        let voucher = self.voucher(freshness).to_json();
        let voucher = Draft::sign(ContentType::AnimaJsonVoucher, &voucher, &self.masa.key, masa).unwrap();
        let bag = cms::certificates_only(&[signer.certificate.clone(), self.owner_ca.certificate.clone()]).unwrap();
        BootstrappingData::Signed {
            conveyed_information: ConveyedInformation::from_der(signed).unwrap(),
            owner_certificate: OwnerCertificate::from_der(bag).unwrap(),
            ownership_voucher: OwnershipVoucher::from_der(voucher).unwrap(),
        }
    }

    pub(super) fn signed(&self, information: impl Into<Information>) -> BootstrappingData {
        self.signed_by(&self.owner, &information.into())
    }
}

pub(super) fn server(text: &str) -> Server {
    let (host, port) = text.rsplit_once(':').unwrap();
    Server::new(host, port.parse().unwrap())
}

pub(super) fn unsigned(information: impl Into<Information>) -> BootstrappingData {
    let document = information.into().encode(Encoding::Json);
    let artifact = cms::bare(ContentType::ConveyedInfoJson, &document).unwrap();
    BootstrappingData::Unsigned(ConveyedInformation::from_der(artifact).unwrap())
}

pub(super) fn redirect(targets: &[(&str, Option<TrustAnchor>)]) -> RedirectInformation {
    let target = |(text, anchor): &(&str, Option<TrustAnchor>)| {
        let server = server(text);
        BootstrapServer { address: server.host().to_owned(), port: server.port(), trust_anchor: anchor.clone() }
    };
    RedirectInformation::new(targets.iter().map(target).collect()).unwrap()
}

/// Both scripts and a configuration.
pub(super) fn plan() -> OnboardingInformation {
    OnboardingInformation {
        boot_image: None,
        pre_configuration_script: Some(Script(b"#!/bin/sh\npre".to_vec())),
        configuration: Some(Configuration { handling: ConfigurationHandling::Merge, content: b"{}".to_vec() }),
        post_configuration_script: Some(Script(b"#!/bin/sh\npost".to_vec())),
    }
}

pub(super) fn empty(status: u16) -> Answer {
    Answer { status, media_type: None, retry_after: None, body: Vec::new() }
}

pub(super) fn give(data: BootstrappingData, reporting_level: ReportingLevel) -> Answer {
    let body = BootstrappingAnswer { reporting_level, data }.encode(Encoding::Json);
    Answer { status: 200, media_type: Some(YANG_DATA_JSON.to_owned()), retry_after: None, body }
}

pub(super) fn nothing() -> Answer {
    let error = RestconfError::new(ErrorTag::InvalidValue, "nothing-for-this-device");
    Answer {
        status: 404,
        media_type: Some(YANG_DATA_JSON.to_owned()),
        retry_after: None,
        body: error.encode(Encoding::Json),
    }
}

/// No room: to be asked again in so many seconds.
pub(super) fn later(seconds: u64) -> Answer {
    Answer { retry_after: Some(std::time::Duration::from_secs(seconds)), ..empty(503) }
}

/// A server that gives `data` and acknowledges every report.
pub(super) fn giving(data: BootstrappingData, level: ReportingLevel) -> impl FnMut(&Request) -> Answer + Send {
    move |request| match request {
        Request::HostMeta => empty(404),
        Request::BootstrappingData { .. } => give(data.clone(), level),
        Request::Progress { .. } => empty(204),
    }
}

pub(super) fn nonce() -> Nonce {
    Nonce::for_request(vec![5; 32]).unwrap()
}

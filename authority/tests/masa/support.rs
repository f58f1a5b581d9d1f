//! A manufacturer with a MASA, two owners with registrars, and a device. Keys are made each time.

use authority::{
    ManufacturerParty,
    masa::{
        Approval, Authentication, Decision, Domain, Grant, Known, KnownDevice, LineName, MasaPolicy, Owner, OwnerName,
        Owners, Ownership, Person, ProductLine, judge,
    },
};
use conveyed_info::{
    OwnershipVoucher, SignedVoucherRequest, Unverified, Verified,
    cms::SignedData,
    make,
    profile::InputProfile,
    verify::{RegistrarContext, RegistrarRequest, RegistrarUsage, verify_voucher_request},
    voucher::{Freshness, Nonce, Voucher, VoucherRequestDocument},
};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    key::FileKey,
    path::{self, Path, Policy, Purpose},
    revocation::{Crl, Demand, Evidence},
    time::{Clock, Timestamp},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose as Usage,
    IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose::{CrlSign, DigitalSignature, KeyCertSign},
    RevokedCertParams,
};

pub(crate) const DAY: i64 = 86_400;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix(1_790_000_000)
}

pub(crate) fn nonce() -> Nonce {
    Nonce::for_request(vec![7; 16]).unwrap()
}

pub(crate) fn serial_number(text: &str) -> SerialNumber {
    SerialNumber::new(text).unwrap()
}

pub(crate) fn name(text: &str) -> OwnerName {
    OwnerName::new(text).unwrap()
}

pub(crate) fn person(text: &str) -> Person {
    Person::new(text).unwrap()
}

/// An owner's domain and its registrar, whose certificate lives thirty days.
pub(crate) struct Site {
    params: CertificateParams,
    pair: KeyPair,
    pub(crate) root: Certificate,
    pub(crate) key: FileKey,
    pub(crate) chain: Vec<Certificate>,
}

impl Site {
    pub(crate) fn new(name: &str, days: i64) -> Self {
        let mut params = params(name, days);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyCertSign, CrlSign];
        let pair = KeyPair::generate().unwrap();
        let root = Certificate::from_der(params.self_signed(&pair).unwrap().der()).unwrap();
        let (mut own, own_pair) = (self::params(&format!("{name} registrar"), 30), KeyPair::generate().unwrap());
        own.key_usages = vec![DigitalSignature];
        own.extended_key_usages = vec![Usage::ClientAuth, Usage::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 28])];
        let made = own.signed_by(&own_pair, &Issuer::from_params(&params, &pair)).unwrap();
        let key = FileKey::from_pkcs8_der(&own_pair.serialize_der()).unwrap();
        let chain = vec![Certificate::from_der(made.der()).unwrap(), root.clone()];
        Self { params, pair, key, chain, root }
    }

    /// What its CA says about revoked certificates, a minute ago.
    pub(crate) fn revocation_list(&self, revoked: &[Certificate]) -> Crl {
        let revoked = revoked.iter().map(|certificate| RevokedCertParams {
            serial_number: rcgen::SerialNumber::from_slice(certificate.certificate_serial()),
            revocation_time: now().to_offset_date_time(),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: now().plus_seconds(-60).to_offset_date_time(),
            next_update: now().plus_seconds(DAY).to_offset_date_time(),
            crl_number: rcgen::SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Crl::from_der(params.signed_by(&Issuer::from_params(&self.params, &self.pair)).unwrap().der()).unwrap()
    }

    /// As the MASA's listener finds it out.
    pub(crate) fn tls(&self) -> Path {
        let policy = Policy::new(Clock::Trusted(now()), Purpose::DeviceIdentity);
        path::validate(&self.chain[0], &[], std::slice::from_ref(&self.root), &policy).unwrap()
    }

    pub(crate) fn owner(&self, text: &str) -> Owner {
        let domains = vec![Domain { pinned: self.root.clone(), above: Vec::new(), registrar_cas: Vec::new() }];
        Owner { name: name(text), contact: format!("{text}@example.com"), domains }
    }

    pub(crate) fn sign(&self, document: &VoucherRequestDocument) -> SignedVoucherRequest {
        make::voucher_request(document, &self.key, &self.chain).unwrap()
    }
}

fn params(name: &str, days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now().plus_seconds(-DAY).to_offset_date_time();
    params.not_after = now().plus_seconds(days * DAY).to_offset_date_time();
    params.use_authority_key_identifier_extension = true;
    params
}

pub(crate) struct World {
    pub(crate) maker: ManufacturerParty,
    pub(crate) one: Site,
    pub(crate) two: Site,
    pub(crate) owners: Owners,
    pub(crate) devices: Vec<KnownDevice>,
    pub(crate) policy: MasaPolicy,
    pub(crate) approval: Option<Approval>,
    pub(crate) revocation: Evidence,
    pub(crate) demand: Demand,
    pub(crate) now: Timestamp,
}

impl World {
    /// SN-1 belongs to `one`; `two` is known and owns nothing.
    pub(crate) fn new() -> Self {
        let (one, two) = (Site::new("One", 3650), Site::new("Two", 3650));
        let owners = Owners::new(vec![one.owner("one"), two.owner("two")]).unwrap();
        let owned = Ownership::Owned { by: name("one"), since: now() };
        Self {
            maker: ManufacturerParty::new("Maker", now()).unwrap(),
            devices: vec![device("SN-1", owned)],
            policy: MasaPolicy::default(),
            approval: None,
            revocation: Evidence::new(),
            demand: Demand::WhenAvailable,
            now: now(),
            one,
            two,
            owners,
        }
    }

    pub(crate) fn verified(&self, request: SignedVoucherRequest) -> Verified<RegistrarRequest> {
        let context = RegistrarContext {
            registrar_anchors: self.owners.registrar_anchors(),
            device_anchors: self.maker.device_anchors(),
            voucher_anchors: self.maker.voucher_anchors(),
            clock: Clock::Trusted(now()),
            profile: InputProfile::Strict,
            usage: RegistrarUsage::CmcRa,
            revocation: Evidence::none(),
            demand: Demand::WhenAvailable,
        };
        verify_voucher_request(Unverified::new(request), &context).unwrap()
    }

    /// What becomes of a request of this site, sent by itself.
    pub(crate) fn ask(&self, site: &Site, document: &VoucherRequestDocument) -> Decision {
        self.ask_as(site, document, Authentication::Tls(&site.tls()))
    }

    pub(crate) fn ask_as(
        &self,
        site: &Site,
        document: &VoucherRequestDocument,
        authentication: Authentication<'_>,
    ) -> Decision {
        judge(self.verified(site.sign(document)), &self.known(authentication))
    }

    pub(crate) fn known<'a>(&'a self, authentication: Authentication<'a>) -> Known<'a> {
        Known {
            owners: &self.owners,
            devices: &self.devices,
            authentication,
            approval: self.approval.as_ref(),
            revocation: &self.revocation,
            demand: self.demand,
            policy: &self.policy,
            now: self.now,
        }
    }

    /// What the device would be shown.
    pub(crate) fn signed(&self, grant: &Grant) -> (OwnershipVoucher, Voucher) {
        let artifact = self.maker.masa().sign(grant).unwrap();
        let signed = SignedData::from_der(artifact.der()).unwrap();
        let voucher = Voucher::from_json(signed.verify_signer().unwrap().content).unwrap();
        (artifact, voucher)
    }
}

pub(crate) fn device(serial: &str, ownership: Ownership) -> KnownDevice {
    let line = ProductLine {
        name: LineName::new("Model").unwrap(),
        clock: authority::masa::DeviceClock::Kept,
        serial_numbers: authority::masa::SerialNumbers::Unique,
    };
    KnownDevice { serial_number: serial_number(serial), line, ownership }
}

pub(crate) fn nonced() -> VoucherRequestDocument {
    let document = VoucherRequestDocument::new(serial_number("SN-1"), now());
    VoucherRequestDocument { freshness: Freshness::Nonce(nonce()), ..document }
}

pub(crate) fn nonceless() -> VoucherRequestDocument {
    VoucherRequestDocument::new(serial_number("SN-1"), now())
}

pub(crate) fn granted(decision: Decision) -> Grant {
    match decision {
        Decision::Issue(grant) => *grant,
        other => panic!("a voucher was expected: {other:?}"),
    }
}

pub(crate) fn refused(decision: Decision) -> (verdict::ReasonCode, u16) {
    match decision {
        Decision::Refused(refused) => (refused.refusal.reason, refused.status()),
        other => panic!("a refusal was expected: {other:?}"),
    }
}

//! A manufacturer, an owner with a registrar, a device; and others of each kind. Keys are made each time.

use conveyed_info::{
    SignedVoucherRequest, Unverified, Verified,
    make::{self, MakeError},
    profile::InputProfile,
    verify::{RegistrarContext, RegistrarRequest, RegistrarUsage, verify_voucher_request},
    voucher::{Freshness, Nonce, VoucherRequestDocument},
};
use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    key::FileKey,
    revocation::{Demand, Evidence},
    time::{Clock, Timestamp},
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose as Usage, IsCa, Issuer, KeyPair,
    KeyUsagePurpose::{CrlSign, DigitalSignature, KeyCertSign},
};
use verdict::Refusal;

pub(crate) const CMC_RA: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 3, 28];

pub(crate) struct Party {
    pub(crate) key: FileKey,
    /// The certificate, then its CA.
    pub(crate) chain: Vec<Certificate>,
    params: CertificateParams,
    pair: KeyPair,
}

impl Party {
    pub(crate) fn ca(name: &str) -> Self {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyCertSign, CrlSign];
        let pair = KeyPair::generate().unwrap();
        let der = params.self_signed(&pair).unwrap().der().to_vec();
        Self::new(params, pair, &der, None)
    }

    pub(crate) fn certify(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (mut params, pair) = (params(name), KeyPair::generate().unwrap());
        params.key_usages = vec![DigitalSignature];
        change(&mut params);
        let der = params.signed_by(&pair, &self.issuer()).unwrap().der().to_vec();
        Self::new(params, pair, &der, self.chain.first())
    }

    pub(crate) fn registrar(&self, name: &str) -> Self {
        let usages = vec![Usage::ServerAuth, Usage::ClientAuth, Usage::Other(CMC_RA.to_vec())];
        self.certify(name, |params| params.extended_key_usages = usages)
    }

    pub(crate) fn device(&self, serial_number: &str) -> Self {
        let attribute = DnType::from_oid(&[2, 5, 4, 5]);
        self.certify("Model", |params| params.distinguished_name.push(attribute, serial_number))
    }

    pub(crate) fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.pair)
    }

    fn new(params: CertificateParams, pair: KeyPair, der: &[u8], ca: Option<&Certificate>) -> Self {
        let key = FileKey::from_pkcs8_der(&pair.serialize_der()).unwrap();
        let chain = [Certificate::from_der(der).unwrap()].into_iter().chain(ca.cloned()).collect();
        Self { key, chain, params, pair }
    }

    pub(crate) fn certificate(&self) -> &Certificate {
        &self.chain[0]
    }

    pub(crate) fn sign(&self, document: &VoucherRequestDocument) -> Result<SignedVoucherRequest, MakeError> {
        make::voucher_request(document, &self.key, &self.chain)
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now().plus_seconds(-86_400).to_offset_date_time();
    params.not_after = now().plus_seconds(86_400).to_offset_date_time();
    params.use_authority_key_identifier_extension = true;
    params
}

pub(crate) fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-06-01T00:00:00Z").unwrap()
}

pub(crate) fn nonce(octet: u8) -> Nonce {
    Nonce::for_request(vec![octet; 16]).unwrap()
}

pub(crate) fn serial_number(text: &str) -> SerialNumber {
    SerialNumber::new(text).unwrap()
}

pub(crate) struct World {
    pub(crate) domain: Party,
    pub(crate) registrar: Party,
    pub(crate) devices: Party,
    pub(crate) device: Party,
    pub(crate) vouchers: Party,
    pub(crate) masa: Party,
}

impl World {
    pub(crate) fn new() -> Self {
        let (domain, devices, vouchers) = (Party::ca("Domain"), Party::ca("Devices"), Party::ca("Vouchers"));
        Self {
            registrar: domain.registrar("Registrar"),
            device: devices.device("SN-1"),
            masa: vouchers.certify("MASA", |_| ()),
            domain,
            devices,
            vouchers,
        }
    }

    pub(crate) fn context(&self) -> RegistrarContext<'_> {
        RegistrarContext {
            registrar_anchors: &self.domain.chain,
            device_anchors: &self.devices.chain,
            voucher_anchors: &self.vouchers.chain,
            clock: Clock::Trusted(now()),
            profile: InputProfile::Strict,
            usage: RegistrarUsage::CmcRa,
            revocation: Evidence::none(),
            demand: Demand::WhenAvailable,
        }
    }

    /// Asks for a voucher for SN-1 with nonce 7.
    pub(crate) fn document(&self) -> VoucherRequestDocument {
        let document = VoucherRequestDocument::new(serial_number("SN-1"), now());
        VoucherRequestDocument { freshness: Freshness::Nonce(nonce(7)), ..document }
    }

    /// What the registrar sends around what the device signed.
    pub(crate) fn around(&self, prior: &SignedVoucherRequest) -> SignedVoucherRequest {
        let prior = Some(prior.der().to_vec());
        self.registrar.sign(&VoucherRequestDocument { prior_signed_voucher_request: prior, ..self.document() }).unwrap()
    }

    pub(crate) fn judge(&self, request: &SignedVoucherRequest) -> Result<Verified<RegistrarRequest>, Refusal> {
        judge(request, &self.context())
    }
}

pub(crate) fn judge(
    request: &SignedVoucherRequest,
    context: &RegistrarContext<'_>,
) -> Result<Verified<RegistrarRequest>, Refusal> {
    verify_voucher_request(Unverified::new(request.clone()), context)
}

// The parties of the examples in the crate's documentation, included there as a module. Their keys are made each time.

use pki::{certificate::Certificate, identity::SerialNumber, key::FileKey, revocation::Crl, time::Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose::{self, CrlSign, DigitalSignature, KeyAgreement, KeyCertSign},
};

use conveyed_info::{
    BootstrappingData,
    information::{BootstrapServer, Information, RedirectInformation},
    make::{self, Style},
    voucher::{Assertion, Freshness, Voucher},
};

/// Somebody with a private key, a certificate and whoever certified it.
pub struct Party {
    pub key: FileKey,
    /// The certificate, then its CA.
    pub chain: Vec<Certificate>,
    params: CertificateParams,
    pair: KeyPair,
}

impl Party {
    fn ca(name: &str) -> Self {
        let mut params = params(name, &[KeyCertSign, CrlSign]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pair = KeyPair::generate().unwrap();
        let der = params.self_signed(&pair).unwrap().der().to_vec();
        Self::new(params, pair, &der, None)
    }

    fn certify(&self, name: &str, usages: &[KeyUsagePurpose]) -> Self {
        let (params, pair) = (params(name, usages), KeyPair::generate().unwrap());
        let der = params.signed_by(&pair, &Issuer::from_params(&self.params, &self.pair)).unwrap().der().to_vec();
        Self::new(params, pair, &der, self.chain.first())
    }

    fn new(params: CertificateParams, pair: KeyPair, der: &[u8], ca: Option<&Certificate>) -> Self {
        let key = FileKey::from_pkcs8_der(&pair.serialize_der()).unwrap();
        let chain = [Certificate::from_der(der).unwrap()].into_iter().chain(ca.cloned()).collect();
        Self { key, chain, params, pair }
    }

    /// Its own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.chain[0]
    }

    /// A revocation list that names nobody; an hour old and good for another.
    pub fn revocation_list(&self) -> Vec<u8> {
        let params = CertificateRevocationListParams {
            this_update: now().plus_seconds(-3600).to_offset_date_time(),
            next_update: now().plus_seconds(3600).to_offset_date_time(),
            crl_number: rcgen::SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&Issuer::from_params(&self.params, &self.pair)).unwrap().der().to_vec()
    }
}

fn params(name: &str, usages: &[KeyUsagePurpose]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = usages.to_vec();
    params.use_authority_key_identifier_extension = true;
    params
}

/// The moment of the examples.
pub fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-06-01T00:00:00Z").unwrap()
}

pub struct Parties {
    /// Signs vouchers for the manufacturer; its chain ends in the anchor that devices know.
    pub masa: Party,
    pub owner_ca: Party,
    /// Signs conveyed information.
    pub owner: Party,
    pub device: Party,
}

pub fn parties() -> Parties {
    let owner_ca = Party::ca("Owner CA");
    Parties {
        masa: Party::ca("Manufacturer").certify("MASA", &[DigitalSignature]),
        owner: owner_ca.certify("Owner", &[DigitalSignature]),
        owner_ca,
        device: Party::ca("Manufacturer of Identities").certify("SN-0001", &[DigitalSignature, KeyAgreement]),
    }
}

impl Parties {
    /// The anchor for vouchers.
    pub fn anchors(&self) -> &[Certificate] {
        &self.masa.chain[1..]
    }

    pub fn serial_number(&self) -> SerialNumber {
        SerialNumber::new("SN-0001").unwrap()
    }

    /// Says that SN-0001 belongs to whoever the owner's CA certifies.
    pub fn voucher(&self) -> Voucher {
        Voucher {
            created_on: Some(now().plus_seconds(-60)),
            freshness: Freshness::ExpiresOn { expires_on: now().plus_seconds(86_400), last_renewal_date: None },
            assertion: Assertion::Verified,
            serial_number: self.serial_number(),
            idevid_issuer: None,
            pinned_domain_cert: self.owner_ca.certificate().clone(),
            domain_cert_revocation_checks: None,
        }
    }

    /// A redirect to one server.
    pub fn information(&self) -> Information {
        let server = BootstrapServer { address: "sztp.example.net".to_owned(), port: 443, trust_anchor: None };
        RedirectInformation::new(vec![server]).unwrap().into()
    }

    /// All three artifacts.
    pub fn data(&self) -> BootstrappingData {
        let Self { masa, owner, .. } = self;
        let signed = make::signed_conveyed_information(&self.information(), Style::default(), &owner.key, &owner.chain);
        BootstrappingData::Signed {
            conveyed_information: signed.unwrap(),
            owner_certificate: make::owner_certificate(&owner.chain).unwrap(),
            ownership_voucher: make::ownership_voucher(&self.voucher(), &masa.key, &masa.chain).unwrap(),
        }
    }
}

//! Keys and certificates, made when a test asks for them.

use pki::{certificate::Certificate, key::FileKey, revocation::Crl, time::Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber,
};

use super::now;

/// Somebody with a key and a certificate.
pub(crate) struct Party {
    pub(crate) key: FileKey,
    pub(crate) certificate: Certificate,
    params: CertificateParams,
    pair: KeyPair,
}

impl Party {
    /// Certified by itself.
    pub(crate) fn root(params: CertificateParams) -> Self {
        let pair = KeyPair::generate().unwrap();
        let der = params.self_signed(&pair).unwrap().der().to_vec();
        Self::new(params, pair, &der)
    }

    /// Certified by this one.
    pub(crate) fn issue(&self, params: CertificateParams) -> Self {
        let pair = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.pair);
        let der = params.signed_by(&pair, &issuer).unwrap().der().to_vec();
        Self::new(params, pair, &der)
    }

    /// A revocation list by this one that names `revoked`; made an hour ago, good for two.
    pub(crate) fn revoke(&self, revoked: &[&Certificate]) -> Crl {
        self.revoke_until(revoked, now().plus_seconds(3600))
    }

    /// As [`Party::revoke`], with the date of the next list.
    pub(crate) fn revoke_until(&self, revoked: &[&Certificate], next_update: Timestamp) -> Crl {
        let entry = |certificate: &&Certificate| RevokedCertParams {
            serial_number: SerialNumber::from_slice(certificate.certificate_serial()),
            revocation_time: now().plus_seconds(-7200).to_offset_date_time(),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: now().plus_seconds(-3600).to_offset_date_time(),
            next_update: next_update.to_offset_date_time(),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&Issuer::from_params(&self.params, &self.pair)).unwrap();
        Crl::from_der(list.der()).unwrap()
    }

    /// Another certificate by this one for the key and name of `other`.
    pub(crate) fn renew(&self, other: &Self, serial: u64) -> Certificate {
        let mut params = other.params.clone();
        params.serial_number = Some(SerialNumber::from(serial));
        let issuer = Issuer::from_params(&self.params, &self.pair);
        Certificate::from_der(params.signed_by(&other.pair, &issuer).unwrap().der()).unwrap()
    }

    fn new(params: CertificateParams, pair: KeyPair, der: &[u8]) -> Self {
        let key = FileKey::from_pkcs8_der(&pair.serialize_der()).unwrap();
        Self { key, certificate: Certificate::from_der(der).unwrap(), params, pair }
    }
}

/// A CA.
pub(crate) fn ca(name: &str) -> CertificateParams {
    let mut params = end_entity(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// An end entity that may sign and has a key identifier.
pub(crate) fn end_entity(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params
}

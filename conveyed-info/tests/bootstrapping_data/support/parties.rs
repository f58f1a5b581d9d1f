//! Keys and certificates, made when a test asks for them.

use pki::{certificate::Certificate, key::FileKey};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

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

//! Certificates for tests: a root, an intermediate and a leaf by default, each to be changed before it is issued.

use pki::{
    certificate::Certificate,
    path::{self, Path, PathError, Policy, Purpose},
    time::{Clock, Timestamp},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// What the clock of these tests says.
pub(crate) fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2026-06-01T00:00:00Z").unwrap()
}

/// A clock that may be believed, at [`now`].
pub(crate) fn trusted() -> Clock {
    Clock::Trusted(now())
}

/// A clock that may not.
pub(crate) fn untrusted() -> Clock {
    Clock::Untrusted { at_least: now() }
}

/// A certificate with the key it speaks for.
pub(crate) struct Issued {
    pub(crate) certificate: Certificate,
    params: CertificateParams,
    key: KeyPair,
}

impl Issued {
    /// Signed by itself.
    pub(crate) fn root(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        Self { certificate: Certificate::from_der(made.der()).unwrap(), params, key }
    }

    /// Signed by this one, for a new key.
    pub(crate) fn issue(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = self.certify(&params, &key);
        Self { certificate, params, key }
    }

    /// Another certificate for the name and key of `other`, signed by this one.
    pub(crate) fn cross_certify(&self, other: &Self) -> Certificate {
        self.certify(&other.params, &other.key)
    }

    /// Another certificate for the key of `other`, signed by this one.
    pub(crate) fn renew(&self, other: &Self, params: &CertificateParams) -> Certificate {
        self.certify(params, &other.key)
    }

    /// Signs `message` with this one's key.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        rcgen::SigningKey::sign(&self.key, message).unwrap()
    }

    /// A revocation list signed by this one.
    pub(crate) fn revoke(&self, list: &CertificateRevocationListParams) -> Vec<u8> {
        list.signed_by(&Issuer::from_params(&self.params, &self.key)).unwrap().der().to_vec()
    }

    fn certify(&self, params: &CertificateParams, key: &KeyPair) -> Certificate {
        let issuer = Issuer::from_params(&self.params, &self.key);
        Certificate::from_der(params.signed_by(key, &issuer).unwrap().der()).unwrap()
    }
}

/// A CA without a limit on the path below it.
pub(crate) fn ca(name: &str) -> CertificateParams {
    let mut params = leaf(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// An end entity that may sign.
pub(crate) fn leaf(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params
}

/// What is about to be issued.
pub(crate) struct Plan {
    pub(crate) root: CertificateParams,
    pub(crate) intermediate: CertificateParams,
    pub(crate) leaf: CertificateParams,
}

/// Root, intermediate, leaf.
pub(crate) struct Tree {
    pub(crate) root: Issued,
    pub(crate) intermediate: Issued,
    pub(crate) leaf: Issued,
}

impl Tree {
    /// A tree in which everything is in order, after `change`.
    pub(crate) fn new(change: impl FnOnce(&mut Plan)) -> Self {
        let mut plan = Plan { root: ca("root"), intermediate: ca("intermediate"), leaf: leaf("leaf") };
        change(&mut plan);
        let root = Issued::root(plan.root);
        let intermediate = root.issue(plan.intermediate);
        let leaf = intermediate.issue(plan.leaf);
        Self { root, intermediate, leaf }
    }

    /// Validates the leaf to the root, for signing.
    pub(crate) fn validate(&self, clock: Clock) -> Result<Path, PathError> {
        self.validate_for(Purpose::Signing, clock)
    }

    /// Validates the leaf to the root.
    pub(crate) fn validate_for(&self, purpose: Purpose, clock: Clock) -> Result<Path, PathError> {
        let policy = Policy::new(clock, purpose);
        let bag = [self.intermediate.certificate.clone()];
        path::validate(&self.leaf.certificate, &bag, std::slice::from_ref(&self.root.certificate), &policy)
    }
}

/// The same certificate with every `from` replaced by `to`, which must be as long. Its signature no longer verifies.
pub(crate) fn patched(certificate: &Certificate, from: &[u8], to: &[u8]) -> Certificate {
    let mut der = certificate.der().to_vec();
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = (0..der.len()).filter(|&start| der[start..].starts_with(from)).collect();
    assert!(!places.is_empty(), "nothing to patch");
    for start in places {
        der[start..start + to.len()].copy_from_slice(to);
    }
    Certificate::from_der(&der).unwrap()
}

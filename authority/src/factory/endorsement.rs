//! What a TPM shows of its endorsement key.

use pki::{
    certificate::Certificate,
    digest::Digest,
    path::{self, Policy, Purpose},
    time::{Clock, Timestamp},
    tpm::PublicArea,
};

use super::FactoryRefused;

/// An endorsement key, and the certificate that the TPM's maker gave it, with those between it and the maker's root. Shown by
/// the device, and worth nothing before an order vouches for it.
#[derive(Clone, Debug)]
pub struct Endorsement {
    /// The key.
    pub key: PublicArea,
    /// The certificate first; none when the TPM has none.
    pub chain: Vec<Certificate>,
}

impl Endorsement {
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.key.key().spki_sha256()
    }

    /// The maker's certificate leads to one of `anchors`, and is for this key.
    pub(super) fn vouched(&self, anchors: &[Certificate], now: Timestamp) -> Result<(), FactoryRefused> {
        let (own, between) = self.chain.split_first().ok_or(FactoryRefused::NoMakersCertificate)?;
        if own.public_key() != self.key.key() {
            return Err(FactoryRefused::MakersCertificateOfAnother);
        }
        // TCG EK Credential Profile §3.2: an extended key usage of its own, and a subject in a critical subjectAltName.
        let policy = Policy::new(Clock::Trusted(now), Purpose::DeviceIdentity);
        path::validate(own, between, anchors, &policy).map(drop).map_err(FactoryRefused::MakersCertificate)
    }
}

//! What a device is known by once it is bootstrapped: the keys and certificates that it reports (RFC 8572 §7.3).

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use conveyed_info::information::TrustAnchor;
use pki::{
    certificate::Certificate,
    digest::{Digest, sha256},
    time::Timestamp,
};

use crate::audit::ReportedKey;

/// A reported key, as people look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reported {
    /// An SSH host key (SRV-15).
    HostKey {
        /// As `ssh-keygen -l` writes it: `SHA256:` and the digest of the key in base64.
        fingerprint: String,
    },
    /// A chain of CA certificates, under whose first the device's own is issued (ART-35).
    Chain(Vec<ReportedCertificate>),
    /// Something that was kept although it is no chain.
    Opaque,
}

/// A certificate of a reported chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedCertificate {
    /// Whose it is.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// SHA-256 of it.
    pub sha256: Digest,
    /// Until when it is good.
    pub not_after: Timestamp,
}

/// What [`ReportedKey::kind`] says of a chain.
pub const TRUST_ANCHOR_CERT: &str = "trust-anchor-cert";

impl Reported {
    /// Reads a key as it was stored.
    #[must_use]
    pub fn of(key: &ReportedKey) -> Self {
        if key.kind != TRUST_ANCHOR_CERT {
            let digest = STANDARD_NO_PAD.encode(sha256(&key.data).0);
            return Self::HostKey { fingerprint: format!("SHA256:{digest}") };
        }
        match TrustAnchor::from_der(&key.data) {
            Ok(anchor) => Self::Chain(anchor.chain().iter().map(ReportedCertificate::of).collect()),
            Err(_) => Self::Opaque,
        }
    }
}

impl ReportedCertificate {
    fn of(certificate: &Certificate) -> Self {
        Self {
            subject: certificate.subject_text(),
            issuer: certificate.issuer().to_string(),
            sha256: certificate.sha256(),
            not_after: certificate.not_after(),
        }
    }
}

#[cfg(test)]
mod tests {
    use authority::OwnerParty;

    use super::*;

    #[test]
    fn srv_13_a_chain_is_listed_from_its_lowest_ca_to_its_root() {
        let now = Timestamp::from_system(std::time::SystemTime::now());
        let party = OwnerParty::new("Owner", &["127.0.0.1".to_owned()], now).unwrap();
        let anchor = TrustAnchor::new(party.tls_anchor()).unwrap();
        let key = |data: &[u8]| ReportedKey { kind: TRUST_ANCHOR_CERT.to_owned(), data: data.to_vec() };
        let Reported::Chain(chain) = Reported::of(&key(anchor.der())) else { panic!() };
        let [first, last] = [chain.first().unwrap(), chain.last().unwrap()];
        assert_eq!(first.sha256, anchor.lowest().unwrap().sha256());
        assert_eq!((&last.issuer, last.not_after > now), (&last.subject, true));
        assert_eq!(Reported::of(&key(b"junk")), Reported::Opaque);
    }

    #[test]
    fn srv_15_a_fingerprint_is_written_as_ssh_keygen_writes_it() {
        // What `ssh-keygen -lf` says of `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA…` is proved in interop-tests.
        let key = ReportedKey { kind: "ssh-ed25519".to_owned(), data: Vec::new() };
        let Reported::HostKey { fingerprint } = Reported::of(&key) else { panic!() };
        assert_eq!(fingerprint, "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU");
    }
}

//! What a verification found out beside its result.

use pki::{certificate::Certificate, digest::Digest, path::Path, revocation, time::Timestamp};

use crate::voucher::Voucher;

/// What a verification found out beside its result: see [`super::verify_with_findings`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The voucher, as soon as everything about it is in order: signer, dates, device, nonce. What became of the rest is
    /// another matter.
    pub voucher: Option<VoucherFacts>,
    /// Where evidence can be had without which the owner certificate was refused, as
    /// [`verdict::ReasonCode::RevocationUnchecked`] (RFC 8572 §5.4). The certificates that name these places validate to the
    /// one that an authentic voucher pins, so that no stranger chooses them (SEC-04).
    pub wanted: Vec<EvidenceLocation>,
}

/// What is worth remembering of a voucher that verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoucherFacts {
    /// When the manufacturer says that it made it.
    pub created_on: Option<Timestamp>,
    /// Who the owner is: SHA-256 over the SubjectPublicKeyInfo of the pinned certificate, so that a certificate that is
    /// renewed on its key is the same owner's.
    pub owner: Digest,
}

impl From<&Voucher> for VoucherFacts {
    fn from(voucher: &Voucher) -> Self {
        Self { created_on: voucher.created_on, owner: voucher.pinned_domain_cert.public_key().spki_sha256() }
    }
}

/// A place where evidence about a certificate's revocation can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvidenceLocation {
    /// A revocation list (RFC 5280 §4.2.1.13), to be fetched.
    RevocationList {
        /// Where: an `http` or `https` URI.
        uri: String,
    },
    /// An OCSP responder (RFC 6960), to be asked.
    OcspResponder {
        /// Where: an `http` or `https` URI.
        uri: String,
        /// What to ask: DER, as the body of a POST.
        request: Vec<u8>,
    },
}

impl EvidenceLocation {
    /// Where it is.
    #[must_use]
    pub fn uri(&self) -> &str {
        match self {
            Self::RevocationList { uri } | Self::OcspResponder { uri, .. } => uri,
        }
    }

    /// Where evidence about each certificate of a path but its anchor can be had; lists first, since one speaks about many.
    pub(super) fn all_of(path: &Path) -> Vec<Self> {
        let pairs = || path.certificates().windows(2).filter_map(|pair| pair.first().zip(pair.last()));
        let lists = pairs().flat_map(|(certificate, _)| lists_of(certificate));
        let responders = pairs().flat_map(|(certificate, issuer)| responders_of(certificate, issuer));
        let mut places: Vec<Self> = Vec::new();
        for place in lists.chain(responders) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }
}

fn lists_of(certificate: &Certificate) -> impl Iterator<Item = EvidenceLocation> {
    certificate.crl_distribution_points().into_iter().map(|uri| EvidenceLocation::RevocationList { uri })
}

fn responders_of(certificate: &Certificate, issuer: &Certificate) -> impl Iterator<Item = EvidenceLocation> {
    let request = revocation::ocsp_request(certificate, issuer);
    let ask = move |uri| request.clone().map(|request| EvidenceLocation::OcspResponder { uri, request });
    certificate.ocsp_responders().into_iter().filter_map(ask)
}

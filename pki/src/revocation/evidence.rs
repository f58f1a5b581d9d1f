//! What others bring to a judgement.

use std::sync::Arc;

use super::{Crl, OcspResponse};
use crate::certificate::Certificate;

/// Revocation lists and OCSP responses that may tell something about a path. Candidates only: nothing here is verified.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    // Shared, since what one artifact brings is judged together with what others bring.
    crls: Vec<Arc<Crl>>,
    responses: Vec<Arc<OcspResponse>>,
    certificates: Vec<Arc<Certificate>>,
}

impl Evidence {
    /// Most lists, and most responses, that are kept.
    pub const MAX: usize = 64;

    /// No evidence at all.
    #[must_use]
    pub const fn new() -> Self {
        Self { crls: Vec::new(), responses: Vec::new(), certificates: Vec::new() }
    }

    /// No evidence at all, for those who have none to give.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: Evidence = Evidence::new();
        &NONE
    }

    /// Adds a revocation list. One that is there already, or exceeds [`Evidence::MAX`], is dropped.
    pub fn add_crl(&mut self, crl: Crl) {
        self.share_crl(&Arc::new(crl));
    }

    fn share_crl(&mut self, crl: &Arc<Crl>) {
        if self.crls.len() < Self::MAX && self.crls.iter().all(|known| known.der() != crl.der()) {
            self.crls.push(Arc::clone(crl));
        }
    }

    /// Adds an OCSP response. One that is there already, or exceeds [`Evidence::MAX`], is dropped.
    pub fn add_ocsp_response(&mut self, response: OcspResponse) {
        self.share_ocsp_response(&Arc::new(response));
    }

    fn share_ocsp_response(&mut self, response: &Arc<OcspResponse>) {
        if self.responses.len() < Self::MAX && self.responses.iter().all(|known| known.der() != response.der()) {
            self.responses.push(Arc::clone(response));
        }
    }

    /// Adds the certificate of somebody who may have signed a list with another key than the CA's. One that is there already,
    /// or exceeds [`Evidence::MAX`], is dropped.
    pub fn add_certificate(&mut self, certificate: Certificate) {
        self.share_certificate(&Arc::new(certificate));
    }

    fn share_certificate(&mut self, certificate: &Arc<Certificate>) {
        if self.certificates.len() < Self::MAX && !self.certificates.contains(certificate) {
            self.certificates.push(Arc::clone(certificate));
        }
    }

    /// Adds everything that `other` holds.
    pub fn add_all(&mut self, other: &Self) {
        other.crls.iter().for_each(|crl| self.share_crl(crl));
        other.responses.iter().for_each(|response| self.share_ocsp_response(response));
        other.certificates.iter().for_each(|certificate| self.share_certificate(certificate));
    }

    /// The revocation lists.
    #[must_use]
    pub fn crls(&self) -> impl ExactSizeIterator<Item = &Crl> {
        self.crls.iter().map(AsRef::as_ref)
    }

    /// The OCSP responses.
    #[must_use]
    pub fn ocsp_responses(&self) -> impl ExactSizeIterator<Item = &OcspResponse> {
        self.responses.iter().map(AsRef::as_ref)
    }

    /// The certificates of those who may have signed lists.
    #[must_use]
    pub fn certificates(&self) -> impl ExactSizeIterator<Item = &Certificate> {
        self.certificates.iter().map(AsRef::as_ref)
    }
}

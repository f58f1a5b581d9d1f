//! Files of several revocation lists.

use rustls_pki_types::{CertificateRevocationListDer, pem::PemObject};

use super::{Crl, EvidenceError};

impl Crl {
    /// As an `X509 CRL` PEM block.
    #[must_use]
    pub fn to_pem(&self) -> String {
        der::pem::encode_string("X509 CRL", der::pem::LineEnding::LF, self.der()).unwrap_or_default()
    }

    /// Reads every `X509 CRL` block of a PEM file, in order.
    ///
    /// # Errors
    /// [`EvidenceError::Pem`] when there is none or the armour is broken, otherwise as [`Crl::from_der`].
    pub fn all_from_pem(pem: &[u8]) -> Result<Vec<Self>, EvidenceError> {
        let lists = CertificateRevocationListDer::pem_slice_iter(pem)
            .map(|block| Self::from_der(&block.map_err(|_| EvidenceError::Pem)?))
            .collect::<Result<Vec<_>, _>>()?;
        if lists.is_empty() { Err(EvidenceError::Pem) } else { Ok(lists) }
    }
}

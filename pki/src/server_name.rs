//! Whether a TLS server's certificate names the address it was reached by (RFC 6125, RFC 9525).

use rustls_pki_types::{CertificateDer, ServerName};

use crate::certificate::Certificate;

/// Whether `certificate` holds `name` (a DNS name or an IP address) as subject alternative name. The common name is
/// never looked at.
///
/// # Errors
/// [`NameError`] when it does not, or when `name` is neither a DNS name nor an IP address.
pub fn verify(certificate: &Certificate, name: &str) -> Result<(), NameError> {
    let refuse = || NameError { name: name.to_owned() };
    let server_name = ServerName::try_from(name).map_err(|_| refuse())?;
    let der = CertificateDer::from(certificate.der());
    let end_entity = webpki::EndEntityCert::try_from(&der).map_err(|_| refuse())?;
    end_entity.verify_is_valid_for_subject_name(&server_name).map_err(|_| refuse())
}

/// The certificate does not name the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server's certificate does not name {name}")]
pub struct NameError {
    /// The name that was looked for.
    pub name: String,
}

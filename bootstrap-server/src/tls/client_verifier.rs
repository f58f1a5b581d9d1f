//! A rustls client verifier that accepts what real IDevIDs look like.
//!
//! The stock verifier refuses unknown critical extensions and odd extended key usages, both of which real devices have.
//! The path is therefore validated by `pki`; the handshake's own signature stays with the TLS provider.

use std::sync::Arc;

use pki::time::Timestamp;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerMisbehaved, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use verdict::{ReasonCode, Refusal};

use super::{Identities, Strictness};

#[derive(Debug)]
pub(super) struct DeviceVerifier {
    pub(super) identities: Arc<Identities>,
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) strictness: Strictness,
}

impl DeviceVerifier {
    /// RSA PKCS#1 v1.5 signs handshakes of old secure elements, and only at the listener that is theirs.
    fn takes(&self, scheme: SignatureScheme) -> bool {
        use SignatureScheme::{RSA_PKCS1_SHA1, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512};
        match scheme {
            RSA_PKCS1_SHA1 => false,
            RSA_PKCS1_SHA256 | RSA_PKCS1_SHA384 | RSA_PKCS1_SHA512 => self.strictness == Strictness::Legacy,
            _ => true,
        }
    }
}

impl ClientCertVerifier for DeviceVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // No hints: they would tell anybody who knocks whose devices live here.
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        // Asked for, not required: a peer without a certificate is told so in HTTP (RFC 8040 §2.5).
        false
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        bounded(end_entity, intermediates).map_err(as_tls_error)?;
        let chain: Vec<_> = std::iter::once(end_entity).chain(intermediates).cloned().collect();
        let now = Timestamp::from_unix(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        match self.identities.judge(&chain, now) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(refusal) => Err(as_tls_error(refusal)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if !self.takes(signed.scheme) {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.provider.signature_verification_algorithms.supported_schemes();
        schemes.retain(|scheme| self.takes(*scheme));
        schemes
    }
}

/// Refuses what costs more to judge than any device's chain.
pub(super) fn bounded(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Result<(), Refusal> {
    let octets = intermediates.iter().fold(end_entity.len(), |sum, certificate| sum.saturating_add(certificate.len()));
    if intermediates.len() < MAX_CERTIFICATES && octets <= MAX_OCTETS {
        return Ok(());
    }
    let certificates = intermediates.len().saturating_add(1);
    let detail = format!("{certificates} certificates of {octets} octets: at most {MAX_CERTIFICATES} of {MAX_OCTETS}");
    Err(Refusal::new(ReasonCode::CertificateMalformed, detail))
}

/// Longest chain a device may show: as long as a path may be.
const MAX_CERTIFICATES: usize = pki::path::Path::MAX_LENGTH;
/// Most that it may weigh, in octets.
const MAX_OCTETS: usize = 16 * 1024;

/// Wraps a refusal so that it survives rustls. The peer sees an alert and no reason (SEC-23).
pub(super) fn as_tls_error(refusal: Refusal) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
}

/// Whether a handshake failed for the peer's certificate.
pub(super) fn is_refusal(error: &std::io::Error) -> bool {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(tls, Some(Error::InvalidCertificate(_)))
}

/// The refusal of a handshake that failed.
pub(crate) fn refusal_in(error: &std::io::Error) -> Refusal {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidCertificate(CertificateError::Other(OtherError(inner)))) => inner
            .downcast_ref::<Refusal>()
            .cloned()
            .unwrap_or_else(|| Refusal::new(ReasonCode::IdevidUntrusted, error.to_string())),
        Some(Error::InvalidCertificate(_)) => Refusal::new(ReasonCode::IdevidUntrusted, error.to_string()),
        _ => Refusal::new(ReasonCode::HandshakeFailed, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_heavy_chains_are_refused_unread() {
        let of = |octets: usize| CertificateDer::from(vec![0; octets]);
        assert!(bounded(&of(1000), &vec![of(1000); 7]).is_ok());
        assert!(bounded(&of(1000), &vec![of(1000); 8]).is_err());
        assert!(bounded(&of(8 * 1024), &[of(8 * 1024)]).is_ok());
        assert!(bounded(&of(8 * 1024), &[of(8 * 1024 + 1)]).is_err());
    }
}

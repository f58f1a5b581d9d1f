//! TLS to servers whose certificates are judged elsewhere.
//!
//! The handshake proves that the server holds the key of the certificate it shows; whether that certificate means
//! anything is decided by the machine, before anything is sent (RFC 8572 §5.5). There is no resumption: a ticket would
//! carry one connection's judgement into another one's.

use std::sync::Arc;

use pki::key::Signer;
use rustls::{
    CertificateError, CipherSuite, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        Resumption, WantsClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::tls_key::TlsKey;

/// The configuration for every connection to a bootstrap server. It shows the whole chain of its IDevID when a server asks
/// (RFC 8572 §5.3; CLI-10, CLI-12).
///
/// # Errors
/// [`Error`] when certificate and key do not belong together.
pub fn client_config(
    chain: &[pki::certificate::Certificate],
    key: Arc<dyn Signer>,
) -> Result<Arc<ClientConfig>, Error> {
    let chain: Vec<_> = chain.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect();
    let certified = CertifiedKey::new(chain, Arc::new(TlsKey::new(key)));
    certified.keys_match()?;
    Ok(finish(builder()?.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))))
}

/// The configuration for servers of boot images, who need not know which device asks: it shows no certificate. The
/// image itself is verified (CLI-61).
///
/// # Errors
/// [`Error`] when the provider supports no protocol version.
pub fn anonymous_client_config() -> Result<Arc<ClientConfig>, Error> {
    Ok(finish(builder()?.with_no_client_auth()))
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Error> {
    let mut provider = ring::default_provider();
    // The server leaves the choice to us. What is short is as good here, and costs both sides less (RFC 8446 §9.1).
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    let provider = Arc::new(provider);
    let verifier = Arc::new(JudgedLater { provider: Arc::clone(&provider) });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier))
}

fn finish(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.resumption = Resumption::disabled();
    // RFC 8446 §8: early data could be replayed (SEC-25).
    config.enable_early_data = false;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Takes any chain, and checks for real that the server holds the key of its first certificate.
#[derive(Debug)]
struct JudgedLater {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for JudgedLater {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // What cannot be read cannot be judged later either.
        pki::certificate::Certificate::from_der(end_entity)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
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
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bootstrap_servers_see_the_identity_and_image_servers_do_not() {
        let key = pki::key::FileKey::generate_p256().unwrap();
        let pair = rcgen::KeyPair::try_from(key.pkcs8_der()).unwrap();
        let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&pair).unwrap();
        let certificate = pki::certificate::Certificate::from_der(certificate.der()).unwrap();
        let other = Arc::new(pki::key::FileKey::generate_p256().unwrap());
        client_config(std::slice::from_ref(&certificate), other).unwrap_err();
        assert!(client_config(&[certificate], Arc::new(key)).unwrap().client_auth_cert_resolver.has_certs());
        assert!(!anonymous_client_config().unwrap().client_auth_cert_resolver.has_certs());
    }
}

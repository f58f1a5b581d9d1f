//! The rustls configuration of the device listener.

use std::sync::Arc;

use pki::{certificate::Certificate, key::FileKey};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::ServerSessionMemoryCache,
};

use super::{Identities, client_verifier::DeviceVerifier};

/// TLS sessions kept for resumption.
const SESSIONS: usize = 4096;

/// Builds the configuration: TLS 1.2 and 1.3, a client certificate asked for, no early data (RCF-01, SEC-25).
pub(crate) fn server_config(
    chain: &[Certificate],
    key: &FileKey,
    identities: Arc<Identities>,
) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(DeviceVerifier { identities, provider: Arc::clone(&provider) });
    let chain = chain.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec()));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.max_early_data_size = 0;
    // A device resumes once if at all; every ticket takes a place in the cache.
    config.send_tls13_tickets = 1;
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    Ok(config)
}

/// The listener's TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the device listener's certificate and key: {0}")]
pub(crate) struct TlsError(#[from] rustls::Error);

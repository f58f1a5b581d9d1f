//! The rustls configuration of the listeners for devices.

use std::sync::Arc;

use rustls::{
    NamedGroup, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    server::ServerSessionMemoryCache,
};

use super::{Identities, ReloadableCertificate, client_verifier::DeviceVerifier};

/// TLS sessions kept for peers that resume by a session's name; who takes tickets keeps them itself.
const SESSIONS: usize = 4096;

/// How far a listener goes to meet old devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// TLS 1.2 and 1.3, certificates without weak signatures.
    Strict,
    /// TLS 1.2 only, whose handshake some secure elements can sign (RSA PKCS#1 v1.5), and certificates signed with RSA
    /// and SHA-1 too.
    Legacy,
}

impl Strictness {
    const fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        const LEGACY: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
        match self {
            Self::Strict => rustls::ALL_VERSIONS,
            Self::Legacy => LEGACY,
        }
    }
}

/// Whether key exchange is hybrid with a post-quantum method (X25519MLKEM768) where the peer can do that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostQuantum {
    /// It is what the server likes best.
    Preferred,
    /// It is not offered: for measurements, and for paths that cannot carry its long messages.
    Off,
}

/// Algorithms and key exchange of a listener.
pub(crate) fn provider(post_quantum: PostQuantum) -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    if post_quantum == PostQuantum::Off {
        provider.kx_groups.retain(|group| group.name() != NamedGroup::X25519MLKEM768);
    }
    Arc::new(provider)
}

/// Builds the configuration: a client certificate asked for, sessions resumed, no early data (RCF-01, SEC-25).
pub(crate) fn server_config(
    provider: Arc<CryptoProvider>,
    certificate: Arc<ReloadableCertificate>,
    identities: Arc<Identities>,
    strictness: Strictness,
) -> Result<ServerConfig, TlsError> {
    let verifier = Arc::new(DeviceVerifier { identities, provider: Arc::clone(&provider), strictness });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(strictness.versions())?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.max_early_data_size = 0;
    // The peer keeps the session, encrypted under keys that change and are lost with the process: ten thousand devices
    // cost no memory here. One ticket is enough, since a device resumes once if at all.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    Ok(config)
}

/// The listener's TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the listener's certificate and key: {0}")]
pub(crate) struct TlsError(#[from] rustls::Error);

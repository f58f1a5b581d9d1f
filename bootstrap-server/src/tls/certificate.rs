//! The server's own certificate, which may be replaced while the server runs.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use pki::{certificate::Certificate, key::FileKey};
use rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::TlsError;

/// Certificate chain and key of one listener. A handshake takes what is there when it begins; what is under way, and
/// sessions that are resumed, do not notice a change.
pub(crate) struct ReloadableCertificate {
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl ReloadableCertificate {
    pub(crate) fn new(provider: Arc<CryptoProvider>, chain: &[Certificate], key: &FileKey) -> Result<Self, TlsError> {
        let current = RwLock::new(certified(&provider, chain, key)?);
        Ok(Self { provider, current })
    }

    /// Another one, if it can be used.
    pub(crate) fn certified(&self, chain: &[Certificate], key: &FileKey) -> Result<Arc<CertifiedKey>, TlsError> {
        certified(&self.provider, chain, key)
    }

    /// Puts another one in its place.
    pub(crate) fn replace(&self, new: Arc<CertifiedKey>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
    }
}

fn certified(provider: &CryptoProvider, chain: &[Certificate], key: &FileKey) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = chain.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec()));
    Ok(Arc::new(CertifiedKey::from_der(chain, key, provider)?))
}

impl ResolvesServerCert for ReloadableCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // One certificate for every name: a device may call by any of them, or by an address.
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for ReloadableCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReloadableCertificate")
    }
}

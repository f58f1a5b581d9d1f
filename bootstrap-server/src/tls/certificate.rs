//! The server's own certificate, which may be replaced while the server runs.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use pki::{certificate::Certificate, key::OpenKey};
use rustls::{
    pki_types::CertificateDer,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{TlsError, signing_key::ListenerKey};

/// Certificate chain and key of one listener. A handshake takes what is there when it begins; what is under way, and
/// sessions that are resumed, do not notice a change.
pub(crate) struct ReloadableCertificate {
    current: RwLock<Arc<CertifiedKey>>,
}

impl ReloadableCertificate {
    pub(crate) fn new(chain: &[Certificate], key: &OpenKey) -> Result<Self, TlsError> {
        Ok(Self { current: RwLock::new(Self::certified(chain, key)?) })
    }

    /// Another one, if it can be used.
    pub(crate) fn certified(chain: &[Certificate], key: &OpenKey) -> Result<Arc<CertifiedKey>, TlsError> {
        let chain = chain.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect();
        let certified = CertifiedKey::new(chain, Arc::new(ListenerKey(key.signer())));
        certified.keys_match()?;
        Ok(Arc::new(certified))
    }

    /// Puts another one in its place.
    pub(crate) fn replace(&self, new: Arc<CertifiedKey>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
    }
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

//! Whether the certificate that is served is one that devices will accept.

use std::path::Path;

use conveyed_info::information::TrustAnchor;
use pki::{
    certificate::Certificate,
    key::{Locator, OpenKey, Signer},
    path::{self, Policy, Purpose},
    server_name,
    time::{Clock, Timestamp},
};

use super::ConfigError;

/// The certificate that devices see, from its file.
pub(super) struct ServerCertificate<'a> {
    pub(super) path: &'a Path,
    pub(super) chain: &'a [Certificate],
}

impl ServerCertificate<'_> {
    /// Checks what a device will check that comes here by our own redirect. Dates are left out: a certificate that has
    /// expired is warned about, since the server's clock may be the one that is wrong.
    pub(super) fn check(
        &self,
        names: &[String],
        (anchor_path, anchor): (&Path, &TrustAnchor),
        (place, key): (&Locator, &OpenKey),
    ) -> Result<(), ConfigError> {
        let path = || self.path.to_owned();
        let (own, intermediates) =
            self.chain.split_first().ok_or_else(|| ConfigError::NoCertificate { path: path() })?;
        if own.public_key() != Signer::public_key(key) {
            return Err(ConfigError::KeyMismatch { path: path(), key: place.clone() });
        }
        if names.is_empty() {
            return Err(ConfigError::NoNames);
        }
        for name in names {
            server_name::verify(own, name).map_err(|source| ConfigError::Name { path: path(), source })?;
        }
        // RFC 8572 §6.3: issued under the lowest CA of the chain, not merely under its root.
        let policy = Policy::new(Clock::Untrusted { at_least: Timestamp::from_unix(0) }, Purpose::TlsServer);
        path::validate(own, intermediates, anchor.lowest().map(std::slice::from_ref).unwrap_or_default(), &policy)
            .map_err(|source| ConfigError::OtherAnchor {
                path: path(),
                anchor: anchor_path.to_owned(),
                source: Box::new(source),
            })?;
        let now = Timestamp::from_system(std::time::SystemTime::now());
        if !(own.not_before()..=own.not_after()).contains(&now) {
            tracing::warn!(path = %self.path.display(), not_before = %own.not_before(), not_after = %own.not_after(),
                "the server's certificate is outside its validity: devices that know the time will refuse it");
        }
        Ok(())
    }
}

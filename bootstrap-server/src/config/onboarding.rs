//! What a server onboards devices with: its listeners for them, and the owner's signing side.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use conveyed_info::information::{BootstrapServer, RedirectInformation, TrustAnchor};
use pki::{
    certificate::Certificate,
    digest::{Digest, Sha256},
    key::{Locator, OpenKey},
};

use super::{
    ConfigError, Document, KeyPlace, PostQuantum, Registrar, Revocation, RevocationFiles, certificates, registrar,
    server_certificate::ServerCertificate,
};
use crate::owner::Owner;

/// What devices are onboarded with, loaded and checked.
#[derive(Debug)]
pub struct OnboardingConfig {
    /// Where to listen for devices; port 0 picks a free one.
    pub listen: SocketAddr,
    /// How redirects name this server.
    pub names: Vec<String>,
    /// The port in redirects; `None` is the port listened on.
    pub public_port: Option<u16>,
    /// The chain that redirects name as trust anchor.
    pub trust_anchor: TrustAnchor,
    /// The TLS certificate chain.
    pub certificate: Vec<Certificate>,
    /// The TLS key.
    pub key: OpenKey,
    /// Hybrid key exchange.
    pub post_quantum: PostQuantum,
    /// The listener for old devices.
    pub legacy: Option<LegacyListener>,
    /// What is known of revoked device certificates.
    pub revocation: Arc<Revocation>,
    /// Where that was read, to be read again when it changes.
    pub revocation_files: RevocationFiles,
    /// The owner's signing side.
    pub owner: Owner,
    /// What manufacturers are asked for vouchers as, if they are.
    pub registrar: Option<Registrar>,
    /// Boot images.
    pub images: Vec<(Digest, PathBuf)>,
}

/// A listener for devices that can do no better than TLS 1.2 and certificates signed with SHA-1.
#[derive(Debug)]
pub struct LegacyListener {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The port in redirects; `None` is the port listened on.
    pub public_port: Option<u16>,
    /// The TLS certificate chain.
    pub certificate: Vec<Certificate>,
    /// The TLS key.
    pub key: OpenKey,
}

impl OnboardingConfig {
    /// Loads the files that `document` names, if it has a listener for devices.
    pub(super) fn load(document: &Document, folder: &Path) -> Result<Option<Self>, ConfigError> {
        let (listener, owner) = match (&document.device_listener, &document.owner) {
            (Some(listener), Some(owner)) => (listener, owner),
            (None, None) if document.legacy_device_listener.is_none() && document.registrar.is_none() => {
                return Ok(None);
            }
            (None, _) => return Err(ConfigError::HalfOnboarding { there: "owner", missing: "device-listener" }),
            (Some(_), None) => return Err(ConfigError::HalfOnboarding { there: "device-listener", missing: "owner" }),
        };
        let at = |path: &Path| folder.join(path);
        let anchor_path = at(&listener.trust_anchor);
        let trust_anchor = TrustAnchor::new(&certificates(&anchor_path)?)
            .map_err(|source| ConfigError::TrustAnchor { path: anchor_path.clone(), source })?;
        let served = |certificate: &Path, key: &Locator, passphrase_file: Option<&PathBuf>| {
            let (certificate, key) =
                (at(certificate), KeyPlace::new(folder, key, passphrase_file.map(PathBuf::as_path)));
            let (chain, tls_key) = (certificates(&certificate)?, key.open()?);
            ServerCertificate { path: &certificate, chain: &chain }.check(
                &listener.names,
                (&anchor_path, &trust_anchor),
                (key.locator(), &tls_key),
            )?;
            Ok::<_, ConfigError>((chain, tls_key))
        };
        let (certificate, tls_key) = served(&listener.certificate, &listener.key, listener.passphrase_file.as_ref())?;
        let legacy = document.legacy_device_listener.as_ref().map(|legacy| {
            let (certificate, key) = served(&legacy.certificate, &legacy.key, legacy.passphrase_file.as_ref())?;
            let (listen, public_port) = (legacy.listen, legacy.public_port);
            Ok::<_, ConfigError>(LegacyListener { listen, public_port, certificate, key })
        });
        let legacy = legacy.transpose()?;
        let revocation_files = RevocationFiles::of(&document.device_revocation, &at)?;
        let revocation = Arc::new(revocation_files.read()?);
        let owner_key = KeyPlace::new(folder, &owner.key, owner.passphrase_file.as_deref()).open()?;
        let images = document.images.iter().map(|path| {
            let path = at(path);
            Ok((hash_file(&path)?, path))
        });
        Ok(Some(Self {
            listen: listener.listen,
            names: listener.names.clone(),
            public_port: listener.public_port,
            trust_anchor,
            certificate,
            key: tls_key,
            post_quantum: if listener.post_quantum { PostQuantum::Preferred } else { PostQuantum::Off },
            legacy,
            revocation,
            revocation_files,
            owner: Owner::new(Box::new(owner_key), certificates(&at(&owner.certificate))?)?,
            registrar: document.registrar.as_ref().map(|section| registrar::load(section, folder)).transpose()?,
            images: images.collect::<Result<_, ConfigError>>()?,
        }))
    }

    /// The redirect that sends a device here, to this port.
    ///
    /// # Errors
    /// [`ConfigError::Names`] when the names cannot be listed in a redirect.
    pub(crate) fn redirect(&self, port: u16) -> Result<RedirectInformation, ConfigError> {
        let servers = self.names.iter().map(|address| BootstrapServer {
            address: address.clone(),
            port,
            trust_anchor: Some(self.trust_anchor.clone()),
        });
        Ok(RedirectInformation::new(servers.collect())?)
    }
}

fn hash_file(path: &Path) -> Result<Digest, ConfigError> {
    use std::io::Read;
    let failed = |source| ConfigError::File { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 64 * 1024]);
    loop {
        let length = file.read(&mut buffer).map_err(failed)?;
        if length == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(buffer.get(..length).unwrap_or_default());
    }
}

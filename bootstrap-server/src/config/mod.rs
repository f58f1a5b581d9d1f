//! `sztp.toml`, and the files it names.

mod document;
mod error;
mod policy;
mod server_certificate;

pub use document::{
    Audit, DeviceListener, DeviceRevocation, Document, KeyFiles, LegacyDeviceListener, OperatorListener,
    RevocationDemand,
};
pub use error::ConfigError;
pub use policy::{
    DeadlinesSection, ManufacturerRule, PolicyInvalid, PolicySection, RetentionSection, UnregisteredRule,
};

use std::{
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use conveyed_info::information::{BootstrapServer, RedirectInformation, TrustAnchor};
use pki::{
    certificate::Certificate,
    digest::{Digest, Sha256},
    key::{FileKey, Signer},
    revocation::{Crl, Demand, Evidence},
};

use crate::{
    audit::CheckpointKey,
    domain::Policies,
    outward::{Webhook, WebhookInvalid, WebhookSection},
    owner::Owner,
    store::Location,
};
use server_certificate::ServerCertificate;

pub use crate::{
    admission::Limits,
    tls::{PostQuantum, Revocation},
};

/// Everything loaded and checked: what a server starts from.
#[derive(Debug)]
pub struct ServerConfig {
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
    pub key: FileKey,
    /// Hybrid key exchange.
    pub post_quantum: PostQuantum,
    /// The listener for old devices.
    pub legacy: Option<LegacyListener>,
    /// The listener for operators.
    pub operators: Option<OperatorsListener>,
    /// What is known of revoked device certificates.
    pub revocation: Arc<Revocation>,
    /// The owner's signing side.
    pub owner: Owner,
    /// Where the database is.
    pub database: Location,
    /// Signs checkpoints.
    pub checkpoint_key: Arc<CheckpointKey>,
    /// Boot images.
    pub images: Vec<(Digest, PathBuf)>,
    /// A DHCPv4 server beside it.
    pub dhcp4: Option<netboot::policy::Dhcp4Policy>,
    /// What the owner has decided for all devices.
    pub policies: Policies,
    /// Who is told of events.
    pub webhooks: Vec<Webhook>,
    /// Whether what these policies let devices do was accepted by whoever starts the server.
    pub acceptance: Acceptance,
    /// How much a peer may cost.
    pub limits: Limits,
}

/// How policies come into force that let devices do more than those before (RFC 8572 §9.10; SRV-21).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acceptance {
    /// An admin accepts them through the operator API. Until then those before stay in force.
    #[default]
    Later,
    /// Whoever starts the server has said so.
    AtStart,
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
    pub key: FileKey,
}

/// The listener of the operator API.
#[derive(Debug)]
pub struct OperatorsListener {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The TLS certificate chain.
    pub certificate: Vec<Certificate>,
    /// The TLS key.
    pub key: FileKey,
}

impl ServerConfig {
    /// Loads `sztp.toml` and every file it names.
    ///
    /// # Errors
    /// [`ConfigError`] names the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        // A bare file name has a parent too: the empty path, which is no folder.
        let folder = folder_of(path);
        Self::from_document(Document::load(path)?, folder)
    }

    /// Loads the files that `document` names, relative to `folder`.
    ///
    /// # Errors
    /// As [`ServerConfig::load`].
    pub fn from_document(document: Document, folder: &Path) -> Result<Self, ConfigError> {
        let at = |path: &Path| folder.join(path);
        let listener = &document.device_listener;
        let anchor_path = at(&listener.trust_anchor);
        let trust_anchor = TrustAnchor::new(&certificates(&anchor_path)?)
            .map_err(|source| ConfigError::TrustAnchor { path: anchor_path.clone(), source })?;
        let served = |certificate: &Path, key_file: &Path| {
            let (certificate, key_file) = (at(certificate), at(key_file));
            let (chain, tls_key) = (certificates(&certificate)?, key(&key_file)?);
            ServerCertificate { path: &certificate, chain: &chain }.check(
                &listener.names,
                (&anchor_path, &trust_anchor),
                (&key_file, &tls_key),
            )?;
            Ok::<_, ConfigError>((chain, tls_key))
        };
        let (certificate, tls_key) = served(&listener.certificate, &listener.key)?;
        let legacy = document.legacy_device_listener.as_ref().map(|legacy| {
            let (certificate, key) = served(&legacy.certificate, &legacy.key)?;
            let (listen, public_port) = (legacy.listen, legacy.public_port);
            Ok::<_, ConfigError>(LegacyListener { listen, public_port, certificate, key })
        });
        let legacy = legacy.transpose()?;
        let operators = document.operator_listener.as_ref().map(|operators| {
            let (path, key_file) = (at(&operators.certificate), at(&operators.key));
            let (certificate, key) = (certificates(&path)?, key(&key_file)?);
            if certificate.first().is_none_or(|own| own.public_key() != key.public_key()) {
                return Err(ConfigError::KeyMismatch { path, key: key_file });
            }
            Ok(OperatorsListener { listen: operators.listen, certificate, key })
        });
        let operators = operators.transpose()?;
        let revocation = Arc::new(revocation(&document.device_revocation, &at)?);
        let owner_key = key(&at(&document.owner.key))?;
        let audit_key = at(&document.audit.key);
        let checkpoint_key = CheckpointKey::from_pem(&document.audit.origin, &read_key(&audit_key)?)
            .map_err(|source| ConfigError::Audit { path: audit_key, source })?;
        let database = Location::parse(&document.database, folder);
        if let (Some(_), Some((kind, _))) = (database.file(), document.database.split_once("://")) {
            return Err(ConfigError::DatabaseKind { kind: kind.to_owned() });
        }
        if let Some(home) = database.file().map(folder_of)
            && !home.is_dir()
        {
            return Err(ConfigError::NoFolder { path: home.to_owned() });
        }
        let images = document.images.iter().map(|path| {
            let path = at(path);
            Ok((hash_file(&path)?, path))
        });
        Ok(Self {
            listen: listener.listen,
            names: listener.names.clone(),
            public_port: listener.public_port,
            trust_anchor,
            certificate,
            key: tls_key,
            post_quantum: if listener.post_quantum { PostQuantum::Preferred } else { PostQuantum::Off },
            legacy,
            operators,
            revocation,
            owner: Owner::new(Box::new(owner_key), certificates(&at(&document.owner.certificate))?)?,
            database,
            checkpoint_key: Arc::new(checkpoint_key),
            images: images.collect::<Result<_, ConfigError>>()?,
            dhcp4: document.dhcp4,
            policies: policy::policies(
                document.roles.as_deref(),
                &document.policy,
                &document.deadlines,
                &document.retention,
            )?,
            webhooks: webhooks(&document.webhooks, folder)?,
            acceptance: Acceptance::default(),
            limits: document.limits,
        })
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

fn webhooks(sections: &[WebhookSection], folder: &Path) -> Result<Vec<Webhook>, ConfigError> {
    let each = sections.iter().enumerate().map(|(index, section)| {
        let name = || section.name.clone();
        let twice = sections.iter().take(index).any(|before| before.name == section.name);
        let webhook = if twice { Err(WebhookInvalid::Twice { name: name() }) } else { Webhook::load(section, folder) };
        webhook.map_err(|source| ConfigError::Webhook { name: name(), source })
    });
    each.collect()
}

fn revocation(document: &DeviceRevocation, at: &dyn Fn(&Path) -> PathBuf) -> Result<Revocation, ConfigError> {
    let mut evidence = Evidence::new();
    for path in &document.lists {
        let path = at(path);
        let list = Crl::from_file(&read(&path)?);
        evidence.add_crl(list.map_err(|source| ConfigError::RevocationList { path, source })?);
    }
    let demand = match document.demand {
        RevocationDemand::WhenAvailable => Demand::WhenAvailable,
        RevocationDemand::Required => Demand::Required,
    };
    Ok(Revocation { evidence, demand })
}

/// The folder that a file lies in. That of a bare name is the one we stand in, for which [`Path::parent`] has no name.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })
}

/// Reads a private key's file, provided that nobody but its owner may.
fn read_key(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let failed = |source| ConfigError::File { path: path.to_owned(), source };
    let mode = std::fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(ConfigError::KeyIsOpen { path: path.to_owned(), mode });
    }
    read(path)
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, ConfigError> {
    Certificate::chain_from_file(&read(path)?)
        .map_err(|source| ConfigError::Certificate { path: path.to_owned(), source })
}

fn key(path: &Path) -> Result<FileKey, ConfigError> {
    FileKey::from_pem(&read_key(path)?).map_err(|source| ConfigError::Key { path: path.to_owned(), source })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_lies_where_we_stand() {
        for (path, folder) in [("sztp.toml", "."), ("./sztp.toml", "."), ("site/sztp.toml", "site"), ("/s.toml", "/")] {
            assert_eq!(folder_of(Path::new(path)), Path::new(folder), "{path}");
        }
    }
}

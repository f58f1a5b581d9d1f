//! `sztp.toml`, and the files it names.

use std::{
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use conveyed_info::{
    DocumentError,
    cms::CmsError,
    information::{BootstrapServer, RedirectInformation, TrustAnchor},
};
use pki::{
    certificate::{Certificate, CertificateError},
    digest::{Digest, Sha256},
    key::{FileKey, KeyError, Signer},
    path::{self, PathError, Policy, Purpose},
    server_name::{self, NameError},
    time::{Clock, Timestamp},
};
use serde::Deserialize;

use crate::{
    audit::{CheckpointKey, CheckpointKeyError},
    owner::{Owner, OwnerError},
};

pub use crate::tls::Limits;

/// The document. Paths are relative to the folder it lies in.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Document {
    /// The listener for devices.
    pub device_listener: DeviceListener,
    /// The owner's certificate, and the key that signs conveyed information.
    pub owner: KeyFiles,
    /// The SQLite file.
    pub database: PathBuf,
    /// The audit log.
    pub audit: Audit,
    /// Boot images to serve, by their SHA-256.
    #[serde(default)]
    pub images: Vec<PathBuf>,
    /// A DHCPv4 server beside it.
    #[serde(default)]
    pub dhcp4: Option<netboot::policy::Dhcp4Policy>,
}

/// Where devices connect, and what they are told about it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeviceListener {
    /// Address and port.
    pub listen: SocketAddr,
    /// The names and addresses devices reach it by, in the order in which they should try. They must stand in the
    /// certificate.
    pub names: Vec<String>,
    /// The port in redirects, where it is not the one listened on.
    #[serde(default)]
    pub public_port: Option<u16>,
    /// PEM: the server's certificate chain.
    pub certificate: PathBuf,
    /// PEM: its key.
    pub key: PathBuf,
    /// PEM: the chain that redirects name as trust anchor, lowest CA first, root last.
    pub trust_anchor: PathBuf,
}

/// A certificate chain and its key, PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyFiles {
    /// The chain, end entity first.
    pub certificate: PathBuf,
    /// PKCS#8.
    pub key: PathBuf,
}

/// The audit log's identity.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Audit {
    /// The log's name, which stands in every checkpoint: a schema-less URL such as `sztp.example.net/log`.
    pub origin: String,
    /// Ed25519, PKCS#8 PEM.
    pub key: PathBuf,
}

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
    /// The owner's signing side.
    pub owner: Owner,
    /// The SQLite file.
    pub database: PathBuf,
    /// Signs checkpoints.
    pub checkpoint_key: Arc<CheckpointKey>,
    /// Boot images.
    pub images: Vec<(Digest, PathBuf)>,
    /// A DHCPv4 server beside it.
    pub dhcp4: Option<netboot::policy::Dhcp4Policy>,
    /// How much a peer may cost.
    pub limits: Limits,
}

impl ServerConfig {
    /// Loads `sztp.toml` and every file it names.
    ///
    /// # Errors
    /// [`ConfigError`] names the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = String::from_utf8(read(path)?).map_err(|_| ConfigError::NotText { path: path.to_owned() })?;
        let document: Document =
            toml::from_str(&text).map_err(|source| ConfigError::Toml { path: path.to_owned(), source })?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        Self::from_document(document, folder)
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
        let (certificate_path, key_path) = (at(&listener.certificate), at(&listener.key));
        let certificate = certificates(&certificate_path)?;
        let tls_key = key(&key_path)?;
        ServerCertificate { path: &certificate_path, chain: &certificate }.check(
            &listener.names,
            (&anchor_path, &trust_anchor),
            (&key_path, &tls_key),
        )?;
        let owner_key = key(&at(&document.owner.key))?;
        let audit_key = at(&document.audit.key);
        let checkpoint_key = CheckpointKey::from_pem(&document.audit.origin, &read_key(&audit_key)?)
            .map_err(|source| ConfigError::Audit { path: audit_key, source })?;
        let database = at(&document.database);
        let home = database.parent().unwrap_or(folder);
        if !home.is_dir() {
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
            owner: Owner::new(Box::new(owner_key), certificates(&at(&document.owner.certificate))?)?,
            database,
            checkpoint_key: Arc::new(checkpoint_key),
            images: images.collect::<Result<_, ConfigError>>()?,
            dhcp4: document.dhcp4,
            limits: Limits::default(),
        })
    }

    /// The redirect that sends a device here, to the port that was bound.
    ///
    /// # Errors
    /// [`ConfigError::Names`] when the names cannot be listed in a redirect.
    pub(crate) fn redirect(&self, bound: u16) -> Result<RedirectInformation, ConfigError> {
        let port = self.public_port.unwrap_or(bound);
        let servers = self.names.iter().map(|address| BootstrapServer {
            address: address.clone(),
            port,
            trust_anchor: Some(self.trust_anchor.clone()),
        });
        Ok(RedirectInformation::new(servers.collect())?)
    }
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

/// The certificate that devices see, from its file.
struct ServerCertificate<'a> {
    path: &'a Path,
    chain: &'a [Certificate],
}

impl ServerCertificate<'_> {
    /// Checks what a device will check that comes here by our own redirect. Dates are left out: a certificate that has
    /// expired is warned about, since the server's clock may be the one that is wrong.
    fn check(
        &self,
        names: &[String],
        (anchor_path, anchor): (&Path, &TrustAnchor),
        (key_path, key): (&Path, &FileKey),
    ) -> Result<(), ConfigError> {
        let path = || self.path.to_owned();
        let (own, intermediates) =
            self.chain.split_first().ok_or_else(|| ConfigError::NoCertificate { path: path() })?;
        if own.public_key() != key.public_key() {
            return Err(ConfigError::KeyMismatch { path: path(), key: key_path.to_owned() });
        }
        if names.is_empty() {
            return Err(ConfigError::NoNames);
        }
        for name in names {
            server_name::verify(own, name).map_err(|source| ConfigError::Name { path: path(), source })?;
        }
        // RFC 8572 §6.3: issued under the lowest CA of the chain, not merely under its root.
        let policy = Policy {
            clock: Clock::Untrusted { at_least: Timestamp::from_unix(0) },
            purpose: Purpose::TlsServer,
            accepted_critical: &[],
        };
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

/// The configuration cannot be used. Every message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration is not UTF-8.
    #[error("{}: is not UTF-8 text; save it as UTF-8", path.display())]
    NotText {
        /// Which file.
        path: PathBuf,
    },
    /// A private key that others may read.
    #[error("{}: others may read this private key (mode {mode:03o}); run `chmod 600 {}`", path.display(), path.display())]
    KeyIsOpen {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A certificate file without a certificate.
    #[error("{}: holds no certificate; it must hold the server's chain, its own certificate first", path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// The TLS key and the TLS certificate do not belong together.
    #[error(
        "{}: this certificate is not for the key in {}; name the pair that was issued together, the server's own \
         certificate first in its file", path.display(), key.display()
    )]
    KeyMismatch {
        /// The certificate's file.
        path: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// Redirects would send devices nowhere.
    #[error("device-listener.names: is empty; list the names or addresses that devices reach this server by")]
    NoNames,
    /// Devices sent to this name would refuse the certificate.
    #[error("{}: {source}, which is in device-listener.names; have a certificate issued for it or take it out",
        path.display())]
    Name {
        /// The certificate's file.
        path: PathBuf,
        /// Which name.
        source: NameError,
    },
    /// Devices that were redirected with this trust anchor would refuse the certificate.
    #[error(
        "{}: is not issued under the first certificate in {} ({source}); name the chain of the CA that issued it, \
         and put intermediate certificates behind the server's own", path.display(), anchor.display()
    )]
    OtherAnchor {
        /// The certificate's file.
        path: PathBuf,
        /// The trust anchor's file.
        anchor: PathBuf,
        /// Why.
        source: Box<PathError>,
    },
    /// The folder for the database.
    #[error("{}: no such folder for the database; create it", path.display())]
    NoFolder {
        /// Which folder.
        path: PathBuf,
    },
    /// Not TOML, or a member that does not exist.
    #[error("{}: {source}", path.display())]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: toml::de::Error,
    },
    /// A certificate file.
    #[error("{}: {source}", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: CertificateError,
    },
    /// A key file.
    #[error("{}: {source}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// The chain for redirects.
    #[error("{}: must hold one chain up to a self-signed root: {source}", path.display())]
    TrustAnchor {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: CmsError,
    },
    /// The audit log's key or name.
    #[error("{}: {source}", path.display())]
    Audit {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: CheckpointKeyError,
    },
    /// The owner's key and certificate.
    #[error("owner: {0}")]
    Owner(#[from] OwnerError),
    /// The names in redirects.
    #[error("device-listener.names: {0}")]
    Names(#[from] DocumentError),
}

//! A site's files: what a bootstrap server needs to start, made in one go. `sztp init` and the demo both make theirs here.

mod document;
mod error;
mod hierarchy;
mod machine;

pub(crate) use document::SQLITE;
pub(crate) use error::SiteError;
pub(crate) use machine::Machine;

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use audit_log::UnixMillis;
use bootstrap_server::{
    api::TokenSecret,
    audit::Event,
    config::ServerConfig,
    domain::{Actor, Role, Token, TokenId, User, UserName},
    store::{Batch, Location, SqlStore, Store},
};
use pki::{
    certificate::Certificate,
    key::{FileKey, SystemEntropy},
    time::Timestamp,
};

use crate::files::{self, Secrecy};
use hierarchy::Hierarchy;

/// The configuration's file.
pub(crate) const CONFIG: &str = "sztp.toml";
/// The token of the first user.
pub(crate) const TOKEN: &str = "operator.token";
/// What operators trust the server by.
pub(crate) const OPERATOR_CA: &str = "operator-ca.pem";
/// What manufacturers put into vouchers.
pub(crate) const PINNED: &str = "pinned-domain-certificate.pem";
/// Keys that the server does not need.
pub(crate) const CA_KEYS: &str = "ca";
/// The first user.
pub(crate) const FIRST_USER: &str = "admin";

/// What a site is to be.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Stands in the names of its certificate authorities.
    pub(crate) organization: String,
    /// Where devices connect.
    pub(crate) device_listen: SocketAddr,
    /// Where operators connect.
    pub(crate) operator_listen: SocketAddr,
    /// The names and addresses in the server's certificates.
    pub(crate) certificate_names: Vec<String>,
    /// Those of them that devices are sent to, in order.
    pub(crate) device_names: Vec<String>,
    /// The audit log's name.
    pub(crate) origin: String,
    /// The database, as it stands in the configuration.
    pub(crate) database: String,
    /// Boot images, as they stand in the configuration.
    pub(crate) images: Vec<PathBuf>,
    /// More sections of the configuration.
    pub(crate) more: String,
}

/// A site that was made and is not yet written anywhere.
pub(crate) struct Site {
    files: Vec<SiteFile>,
    database: String,
    secret: TokenSecret,
    pinned: Certificate,
    now: Timestamp,
}

struct SiteFile {
    name: String,
    octets: Vec<u8>,
    secrecy: Secrecy,
}

impl Site {
    /// Makes keys, certificates, token and configuration.
    pub(crate) fn make(plan: &Plan, now: Timestamp) -> Result<Self, SiteError> {
        let hierarchy = Hierarchy::make(&plan.organization, &plan.certificate_names, now)?;
        let secret = TokenSecret::generate(&mut SystemEntropy)?;
        let audit_key = FileKey::generate_ed25519()?;
        let mut files = vec![
            SiteFile { name: CONFIG.to_owned(), octets: document::write(plan).into_bytes(), secrecy: secrecy(plan) },
            SiteFile::private("audit.key", audit_key.to_pem().as_bytes()),
            SiteFile::private(TOKEN, format!("{}\n", secret.reveal()).as_bytes()),
            SiteFile::public(PINNED, hierarchy.pinned.to_pem().into_bytes()),
        ];
        files.extend(hierarchy.files);
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { files, database: plan.database.clone(), secret, pinned: hierarchy.pinned, now })
    }

    /// The certificate that vouchers must pin.
    pub(crate) const fn pinned(&self) -> &Certificate {
        &self.pinned
    }

    /// The files: their names, and whether only their owner may read them.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, Secrecy)> {
        self.files.iter().map(|file| (file.name.as_str(), file.secrecy))
    }

    /// Writes the files into `folder`, which must be empty or not yet there, and makes the database with its first user.
    /// What was written is removed again when something fails.
    pub(crate) async fn found(&self, folder: &Path) -> Result<ServerConfig, SiteError> {
        check_empty(folder)?;
        let was_there = folder.is_dir();
        let founded = match self.write(folder) {
            Ok(()) => self.make_database(folder).await,
            Err(error) => Err(error),
        };
        if founded.is_err() {
            self.remove(folder, was_there);
        }
        founded
    }

    fn write(&self, folder: &Path) -> Result<(), SiteError> {
        for path in [folder.to_owned(), folder.join(CA_KEYS)] {
            // Only its owner has any business in it.
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
            made.map_err(|source| SiteError::Folder { path, source })?;
        }
        for file in &self.files {
            files::write(&folder.join(&file.name), &file.octets, file.secrecy)?;
        }
        Ok(())
    }

    async fn make_database(&self, folder: &Path) -> Result<ServerConfig, SiteError> {
        // The very files that the server will start from: what cannot start is not founded.
        let config = ServerConfig::load(&folder.join(CONFIG)).map_err(Box::new)?;
        let store = SqlStore::create(&config.database, config.checkpoint_key.clone()).await?;
        let user = UserName::new(FIRST_USER)?;
        let token = Token {
            id: TokenId::new("init")?,
            user: user.clone(),
            digest: self.secret.digest(),
            created: UnixMillis(u64::try_from(self.now.unix()).unwrap_or_default().saturating_mul(1000)),
            expires: None,
        };
        let first = Batch::from(Event::UserChanged { user: User { name: user, role: Role::Admin } })
            .and(Event::TokenCreated { token })
            .by(Actor::Console);
        let committed = store.commit(first).await;
        store.close().await;
        committed?;
        Ok(config)
    }

    /// Takes away what was written, as far as that goes: the error that led here is the one to tell.
    fn remove(&self, folder: &Path, was_there: bool) {
        for file in &self.files {
            let _not_there = fs::remove_file(folder.join(&file.name));
        }
        if let Location::File(path) = Location::parse(&self.database, folder) {
            for suffix in ["", "-wal", "-shm", ".lock"] {
                let mut name = path.clone().into_os_string();
                name.push(suffix);
                let _not_there = fs::remove_file(name);
            }
        }
        let _not_there = fs::remove_dir(folder.join(CA_KEYS));
        if !was_there {
            let _not_empty = fs::remove_dir(folder);
        }
    }
}

/// Refuses a folder with something in it.
pub(crate) fn check_empty(folder: &Path) -> Result<(), SiteError> {
    match folder.read_dir().map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(SiteError::NotEmpty { path: folder.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(SiteError::Folder { path: folder.to_owned(), source }),
    }
}

/// A password may stand in the address of a database; what is not shown of one is nobody else's.
fn secrecy(plan: &Plan) -> Secrecy {
    let shown = Location::parse(&plan.database, Path::new("")).to_string();
    if shown == plan.database { Secrecy::Public } else { Secrecy::Private }
}

impl SiteFile {
    fn public(name: &str, octets: Vec<u8>) -> Self {
        Self { name: name.to_owned(), octets, secrecy: Secrecy::Public }
    }

    fn private(name: &str, octets: &[u8]) -> Self {
        Self { name: name.to_owned(), octets: octets.to_vec(), secrecy: Secrecy::Private }
    }
}

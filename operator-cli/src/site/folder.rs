//! A folder from which a server starts: its files, and the database with the first user.

use std::{fs, io, os::unix::fs::DirBuilderExt, path::Path};

use audit_log::UnixMillis;
use bootstrap_server::{
    api::TokenSecret,
    audit::Event,
    config::ServerConfig,
    domain::{Actor, Role, Token, TokenId, User, UserName},
    store::{Batch, Location, SqlStore, Store},
};
use pki::{
    key::{FileKey, SystemEntropy},
    time::Timestamp,
};

use super::{CA_KEYS, CONFIG, FIRST_USER, SiteError, TOKEN};
use crate::files::{self, Secrecy};

/// What such a folder holds, made and not yet written anywhere.
pub(super) struct Folder {
    files: Vec<SiteFile>,
    database: String,
    secret: TokenSecret,
    now: Timestamp,
}

/// A file that is to be written.
pub(super) struct SiteFile {
    pub(super) name: String,
    pub(super) octets: Vec<u8>,
    pub(super) secrecy: Secrecy,
}

impl Folder {
    /// Adds to `files` what every server needs: the key of its audit log, and the first user's token.
    pub(super) fn new(database: &str, mut files: Vec<SiteFile>, now: Timestamp) -> Result<Self, SiteError> {
        let secret = TokenSecret::generate(&mut SystemEntropy)?;
        let audit_key = FileKey::generate_ed25519()?;
        files.push(SiteFile::private("audit.key", audit_key.to_pem().as_bytes()));
        files.push(SiteFile::private(TOKEN, format!("{}\n", secret.reveal()).as_bytes()));
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { files, database: database.to_owned(), secret, now })
    }

    /// The files: their names, and whether only their owner may read them.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, Secrecy)> {
        self.files.iter().map(|file| (file.name.as_str(), file.secrecy))
    }

    /// Writes the files into `folder`, which must be empty or not yet there, and makes the database with its first user.
    /// What was written is removed again when something fails.
    pub(super) async fn found(&self, folder: &Path) -> Result<ServerConfig, SiteError> {
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

/// The configuration's file. A password may stand in the address of a database; what is not shown of one is nobody else's.
pub(super) fn config_file(database: &str, document: String) -> SiteFile {
    let shown = Location::parse(database, Path::new("")).to_string();
    let secrecy = if shown == database { Secrecy::Public } else { Secrecy::Private };
    SiteFile { name: CONFIG.to_owned(), octets: document.into_bytes(), secrecy }
}

impl SiteFile {
    pub(super) fn public(name: &str, octets: Vec<u8>) -> Self {
        Self { name: name.to_owned(), octets, secrecy: Secrecy::Public }
    }

    pub(super) fn private(name: &str, octets: &[u8]) -> Self {
        Self { name: name.to_owned(), octets: octets.to_vec(), secrecy: Secrecy::Private }
    }
}

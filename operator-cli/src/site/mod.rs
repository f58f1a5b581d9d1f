//! A site's files: what a server needs to start, made in one go. `sztp init`, `sztp ca init` and the demo make theirs here.

mod ca;
mod ca_document;
mod document;
mod error;
mod folder;
mod hierarchy;
mod machine;

pub(crate) use ca::{CaPlan, CaSite, DEVICE_ANCHOR, Publication, SERVICE_ANCHOR, VOUCHER_ANCHOR};
pub(crate) use document::SQLITE;
pub(crate) use error::SiteError;
pub(crate) use machine::Machine;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use bootstrap_server::config::ServerConfig;
use pki::{certificate::Certificate, time::Timestamp};

use crate::files::Secrecy;
pub(crate) use folder::check_empty;
use folder::{Folder, SiteFile, config_file};
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
    folder: Folder,
    pinned: Certificate,
}

impl Site {
    /// Makes keys, certificates, token and configuration.
    pub(crate) fn make(plan: &Plan, now: Timestamp) -> Result<Self, SiteError> {
        let hierarchy = Hierarchy::make(&plan.organization, &plan.certificate_names, now)?;
        let mut files = vec![
            config_file(&plan.database, document::write(plan)),
            SiteFile::public(PINNED, hierarchy.pinned.to_pem().into_bytes()),
        ];
        files.extend(hierarchy.files);
        Ok(Self { folder: Folder::new(&plan.database, files, now)?, pinned: hierarchy.pinned })
    }

    /// The certificate that vouchers must pin.
    pub(crate) const fn pinned(&self) -> &Certificate {
        &self.pinned
    }

    /// The files: their names, and whether only their owner may read them.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, Secrecy)> {
        self.folder.files()
    }

    /// Writes the files into `folder`, which must be empty or not yet there, and makes the database with its first user.
    /// What was written is removed again when something fails.
    pub(crate) async fn found(&self, folder: &Path) -> Result<ServerConfig, SiteError> {
        self.folder.found(folder).await
    }
}

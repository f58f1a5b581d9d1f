//! The files of an authority's folder: what issues certificates and vouchers, with or without a server.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use authority::{Kind, Lifetime, Profile, ProfileSettings, Subject};
use bootstrap_server::config::ServerConfig;
use pki::{
    key::{KeySpec, Passphrase},
    time::Timestamp,
};

use super::{
    SiteError, ca_document,
    folder::{Folder, SiteFile, config_file},
    hierarchy::{Maker, pem},
};
use crate::files::Secrecy;

/// The root above IDevIDs and LDevIDs: what owners know a manufacturer's devices by.
pub(crate) const DEVICE_ANCHOR: &str = "device-anchor.pem";
/// The root above vouchers: what devices are shipped with.
pub(crate) const VOUCHER_ANCHOR: &str = "voucher-anchor.pem";
/// The root above certificates of servers and people.
pub(crate) const SERVICE_ANCHOR: &str = "service-anchor.pem";

/// What an authority's folder is to be.
#[derive(Debug)]
pub(crate) struct CaPlan {
    /// Whose it is: stands in the names of its certificate authorities, and as the organization in those of devices.
    pub(crate) name: String,
    /// What kind of keys its authorities have.
    pub(crate) algorithm: KeySpec,
    /// What guards them, and the file that it is in.
    pub(crate) passphrase: Option<(Passphrase, PathBuf)>,
    /// Where devices' owners get vouchers, as IDevIDs say it.
    pub(crate) masa_url: Option<String>,
    /// Where it is published what was revoked, as certificates say it.
    pub(crate) publication: Option<Publication>,
    /// Where operators connect.
    pub(crate) operator_listen: SocketAddr,
    /// Where certificates and vouchers are asked for.
    pub(crate) authority_listen: SocketAddr,
    /// Where revocation lists and answers about certificates are.
    pub(crate) publication_listen: SocketAddr,
    /// The names and addresses in the server's certificates.
    pub(crate) certificate_names: Vec<String>,
    /// The audit log's name.
    pub(crate) origin: String,
    /// The database, as it stands in the configuration.
    pub(crate) database: String,
}

/// Where it is published what was revoked.
#[derive(Clone, Debug)]
pub(crate) struct Publication {
    /// What all addresses begin with: `http://pki.example.net`.
    pub(crate) url: String,
    /// Into how many revocation lists the certificates of devices are spread.
    pub(crate) shards: u16,
}

/// An authority's folder that was made and is not yet written anywhere.
pub(crate) struct CaSite(Folder);

impl CaSite {
    /// Makes keys, certificates, token and configuration.
    pub(crate) fn make(plan: &CaPlan, now: Timestamp) -> Result<Self, SiteError> {
        let CaPlan { name, certificate_names, .. } = plan;
        let mut maker = Maker::new(plan.algorithm, plan.passphrase.as_ref().map(|(passphrase, _)| passphrase), now);

        // Devices outlive whoever made them: what is above an IDevID without expiration has none either.
        let unlimited = || ProfileSettings { days: Some(Lifetime::Unlimited), ..ProfileSettings::default() };
        let root = Profile::new(Kind::Root, unlimited())?;
        let root = maker.root_of(&root, "device-root", &format!("{name} Device Root CA"))?;
        let issuing = Profile::new(Kind::IssuingCa, unlimited())?;
        maker.issuing_ca(&root, &issuing, "devices", &format!("{name} Device CA"))?;
        maker.files.push(SiteFile::public(DEVICE_ANCHOR, pem(root.chain())));

        // Who accepts devices must not come to accept people and servers.
        let root = maker.root("service-root", &format!("{name} Service Root CA"))?;
        let issuing = Profile::of(Kind::IssuingCa);
        let services = maker.issuing_ca(&root, &issuing, "services", &format!("{name} Service CA"))?;
        maker.files.push(SiteFile::public(SERVICE_ANCHOR, pem(root.chain())));
        let subject = Subject::named("authority").reached_by(certificate_names);
        maker.issue(&services, "authority-listener", (Kind::TlsServer, &subject))?;

        let root = maker.root("voucher-root", &format!("{name} Voucher Root CA"))?;
        maker.issue_guarded(&root, "masa", (Kind::VoucherSigner, &Subject::named(format!("{name} MASA"))))?;
        maker.files.push(SiteFile::public(VOUCHER_ANCHOR, pem(root.chain())));

        maker.operator_listener(name, certificate_names)?;
        let mut files = maker.files;
        files.push(config_file(&plan.database, ca_document::write(plan)));
        Folder::new(&plan.database, files, now).map(Self)
    }

    /// The files: their names, and whether only their owner may read them.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, Secrecy)> {
        self.0.files()
    }

    /// Writes the files into `folder`, which must be empty or not yet there, and makes the database with its first user.
    /// What was written is removed again when something fails.
    pub(crate) async fn found(&self, folder: &Path) -> Result<ServerConfig, SiteError> {
        self.0.found(folder).await
    }
}

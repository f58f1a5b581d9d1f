//! Where an authority is asked: in its folder, or at the server that runs there or elsewhere.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bootstrap_server::{
    authority::{Desk, outcome},
    config::ServerConfig,
    domain::{
        Actor, AuthorityName,
        ledger::{CertificateId, from_hex},
    },
    store::{SqlStore, StoreError},
};
use operator_api::{
    AuthorityList, Certificate, CertificateOutcome, CertificatePage, CertificateQuery, IssuedCertificate,
    NewCertificate, RevokeCertificate,
    client::{Client, Intent},
};

use crate::{commands::Failure, files, server::ServerArgs};

/// Which authority's folder, or which server.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct OfficeArgs {
    /// The folder of the authority, as `sztp ca init` made it; otherwise this one, or the server that is named
    #[arg(long, value_name = "DIR")]
    ca: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Where an authority is asked.
pub(crate) enum Office {
    /// In its folder, which no server has to itself.
    Folder { desk: Desk, store: Arc<SqlStore> },
    /// At a server.
    Server(Box<Client>),
}

impl OfficeArgs {
    /// Opens the folder, or finds the server that runs in it.
    pub(crate) async fn open(&self) -> Result<Office, Failure> {
        let server = self.server.in_folder(self.ca.as_deref());
        if self.ca.is_none() && server.is_named() {
            return Ok(Office::Server(Box::new(server.client()?)));
        }
        let config = ServerConfig::load(server.config())?;
        match SqlStore::open(&config.database, Arc::clone(&config.checkpoint_key)).await {
            Ok(store) => {
                let store = Arc::new(store);
                Ok(Office::Folder { desk: Desk::new(config.authorities, store.clone()), store })
            }
            // A server runs there and has the database to itself.
            Err(StoreError::InUse) => Ok(Office::Server(Box::new(server.client()?))),
            Err(error) => Err(error.into()),
        }
    }
}

impl Office {
    /// Lets go of the database.
    pub(crate) async fn close(self) {
        if let Self::Folder { desk, store } = self {
            drop(desk);
            if let Some(store) = Arc::into_inner(store) {
                store.close().await;
            }
        }
    }

    pub(crate) async fn authorities(&self) -> Result<AuthorityList, Failure> {
        match self {
            Self::Folder { desk, .. } => Ok(desk.authorities()),
            Self::Server(client) => Ok(client.authorities().await?),
        }
    }

    pub(crate) async fn issue(
        &self,
        wanted: &NewCertificate,
        intent: Intent,
    ) -> Result<Option<IssuedCertificate>, Failure> {
        match (self, intent) {
            (Self::Folder { desk, .. }, Intent::Make) => Ok(Some(desk.issue(wanted, &Actor::Console).await?)),
            (Self::Folder { desk, .. }, Intent::Rehearse) => {
                desk.rehearse(wanted, &Actor::Console).await?;
                Ok(None)
            }
            (Self::Server(client), _) => Ok(client.issue_certificate(wanted, intent).await?),
        }
    }

    /// Answers requests, each with its line, side by side. A failure that is about none of them ends it.
    pub(crate) async fn issue_all(
        &self,
        wanted: Vec<(u64, NewCertificate)>,
    ) -> Result<Vec<CertificateOutcome>, Failure> {
        let (lines, wanted): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
        match self {
            Self::Folder { desk, .. } => {
                let devices: Vec<_> = wanted.iter().map(|it| it.serial_number.clone()).collect();
                let answers = desk.issue_all(wanted, &Actor::Console).await;
                let all = lines.into_iter().zip(devices).zip(answers).map(|((line, device), answer)| match answer {
                    Err(refused) if !refused.is_lasting() => Err(refused.into()),
                    answer => Ok(outcome(line, device, answer)),
                });
                all.collect()
            }
            Self::Server(client) => super::bulk::at_server(client, &lines, &wanted).await,
        }
    }

    pub(crate) async fn revoke(
        &self,
        id: &CertificateId,
        why: &RevokeCertificate,
        intent: Intent,
    ) -> Result<Option<Certificate>, Failure> {
        let (authority, serial) = spelled(id);
        match (self, intent) {
            (Self::Folder { desk, .. }, Intent::Make) => Ok(Some(desk.revoke(id, why, &Actor::Console).await?)),
            (Self::Folder { desk, .. }, Intent::Rehearse) => {
                desk.rehearse_revocation(id, why, &Actor::Console).await?;
                Ok(None)
            }
            (Self::Server(client), _) => Ok(client.revoke_certificate((&authority, &serial), why, intent).await?),
        }
    }

    pub(crate) async fn certificate(&self, id: &CertificateId) -> Result<Certificate, Failure> {
        let (authority, serial) = spelled(id);
        match self {
            Self::Folder { desk, .. } => Ok(desk.certificate(id).await?),
            Self::Server(client) => Ok(client.certificate(&authority, &serial).await?),
        }
    }

    pub(crate) async fn certificates(&self, wanted: &CertificateQuery, limit: u32) -> Result<CertificatePage, Failure> {
        match self {
            Self::Folder { desk, .. } => Ok(desk.certificates(wanted, limit).await?),
            Self::Server(client) => {
                let wanted = CertificateQuery { limit: Some(limit), ..wanted.clone() };
                Ok(client.certificates(&wanted).await?)
            }
        }
    }

    /// Which certificate is meant: by `AUTHORITY/SERIAL`, by its serial number alone, or by its file.
    pub(crate) async fn find(&self, text: &str) -> Result<CertificateId, Failure> {
        let none = || Failure::NotFound(format!("no certificate {text} was issued here"));
        let (authority, serial) = text.split_once('/').map_or((None, text), |(name, rest)| (Some(name), rest));
        let octets = from_hex(serial).filter(|_| !Path::new(text).is_file());
        if let Some((authority, serial)) = authority.zip(octets.clone()) {
            let authority = AuthorityName::new(authority).map_err(|_| none())?;
            return Ok(CertificateId { authority, serial });
        }
        let serial = match octets {
            Some(octets) => octets,
            None => {
                let read = files::read_certificates(Path::new(text))?;
                let own = read.first().ok_or_else(none)?;
                own.certificate_serial().to_vec()
            }
        };
        let mut found = Vec::new();
        for authority in self.authorities().await?.authorities {
            let Ok(authority) = AuthorityName::new(authority.name) else { continue };
            let id = CertificateId { authority, serial: serial.clone() };
            match self.certificate(&id).await {
                Ok(_) => found.push(id),
                Err(error) if error.exit_code() == std::process::ExitCode::from(4) => {}
                Err(error) => return Err(error),
            }
        }
        match (found.pop(), found.is_empty()) {
            (Some(id), true) => Ok(id),
            (Some(_), false) => Err(Failure::Usage(
                "several authorities issued a certificate with this serial number: say AUTHORITY/SERIAL",
            )),
            (None, _) => Err(none()),
        }
    }
}

fn spelled(id: &CertificateId) -> (String, String) {
    (id.authority.to_string(), bootstrap_server::domain::ledger::hex(&id.serial))
}

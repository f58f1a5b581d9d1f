//! `sztp.toml`, and the files it names.

mod authority;
mod dhcp;
mod document;
mod error;
mod factory;
mod key;
mod masa;
mod onboarding;
mod policy;
mod registrar;
mod revocation;
mod server_certificate;

pub use authority::{
    AuthorityListener, AuthoritySection, EstSection, PublicationListener, ResponderSection, ServiceCertificate,
};
pub use document::{
    AlsoSigns, Audit, DeviceListener, DeviceRevocation, Document, KeyFiles, LegacyDeviceListener, OperatorListener,
    RevocationDemand,
};
pub use error::ConfigError;
pub use factory::{FactoryConfig, FactorySection};
pub use key::KeyPlace;
pub use masa::{ClaimsRule, MasaSection};
pub use onboarding::{LegacyListener, OnboardingConfig};
pub use policy::{
    DeadlinesSection, ManufacturerRule, PolicyInvalid, PolicySection, RetentionSection, UnregisteredRule,
};
pub use registrar::Registrar;
pub use revocation::{RevocationFiles, Stamp};

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use pki::{
    certificate::Certificate,
    key::{OpenKey, Signer},
};

use crate::{
    audit::CheckpointKey,
    authority::{Authorities, masa::Office},
    domain::{AuthorityName, Policies},
    outward::{Webhook, WebhookInvalid, WebhookSection, http::Outbound},
    store::Location,
};

pub use crate::{admission::Limits, domain::identification::Revocation, tls::PostQuantum};

/// Everything loaded and checked: what a server starts from.
#[derive(Debug)]
pub struct ServerConfig {
    /// What devices are onboarded with; a server without it is an authority alone.
    pub onboarding: Option<OnboardingConfig>,
    /// The listener for operators.
    pub operators: Option<OperatorsListener>,
    /// Whose certificates it issues.
    pub authorities: Authorities,
    /// What issues vouchers.
    pub masa: Option<Arc<Office>>,
    /// The listener on which certificates and vouchers are asked for.
    pub authority_listener: Option<ServiceCertificate>,
    /// The authority whose certificates are renewed by EST, where a path names none.
    pub est: Option<AuthorityName>,
    /// Which stations enrol units under production orders, if any do.
    pub factory: Option<FactoryConfig>,
    /// Where authorities publish.
    pub publication: Option<SocketAddr>,
    /// Where the database is.
    pub database: Location,
    /// Signs checkpoints.
    pub checkpoint_key: Arc<CheckpointKey>,
    /// A DHCPv4 server beside it.
    pub dhcp4: Option<Box<netboot::policy::Dhcp4Policy>>,
    /// A DHCPv6 server beside it.
    pub dhcp6: Option<Box<netboot::policy::Dhcp6Policy>>,
    /// What the owner has decided for all devices.
    pub policies: Policies,
    /// How long leases of DHCP are kept that have ended.
    pub dhcp_leases: Duration,
    /// Who is told of events.
    pub webhooks: Vec<Webhook>,
    /// How others are reached.
    pub outbound: Outbound,
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

/// The listener of the operator API.
#[derive(Debug)]
pub struct OperatorsListener {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The TLS certificate chain.
    pub certificate: Vec<Certificate>,
    /// The TLS key.
    pub key: OpenKey,
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
        let onboarding = OnboardingConfig::load(&document, folder)?;
        let operators = document.operator_listener.as_ref().map(|operators| {
            let path = at(&operators.certificate);
            let place = KeyPlace::new(folder, &operators.key, operators.passphrase_file.as_deref());
            let (certificate, key) = (certificates(&path)?, place.open()?);
            if certificate.first().is_none_or(|own| own.public_key() != Signer::public_key(&key)) {
                return Err(ConfigError::KeyMismatch { path, key: place.locator().clone() });
            }
            Ok(OperatorsListener { listen: operators.listen, certificate, key })
        });
        let operators = operators.transpose()?;
        let audit_key = KeyPlace::new(folder, &document.audit.key, document.audit.passphrase_file.as_deref());
        let failed = |key: &KeyPlace, source| ConfigError::Audit { key: key.locator().clone(), source };
        let mut checkpoint_key = CheckpointKey::new(&document.audit.origin, Box::new(audit_key.open()?))
            .map_err(|source| failed(&audit_key, source))?;
        for also in &document.audit.also {
            let place = KeyPlace::new(folder, &also.key, also.passphrase_file.as_deref());
            checkpoint_key = checkpoint_key.and(Box::new(place.open()?)).map_err(|source| failed(&place, source))?;
        }
        let database = Location::parse(&document.database, folder);
        if let (Some(_), Some((kind, _))) = (database.file(), document.database.split_once("://")) {
            return Err(ConfigError::DatabaseKind { kind: kind.to_owned() });
        }
        if let Some(home) = database.file().map(folder_of)
            && !home.is_dir()
        {
            return Err(ConfigError::NoFolder { path: home.to_owned() });
        }
        let outbound = Outbound::load(&document.outbound, folder, |name| std::env::var(name).ok())?;
        let authorities = authority::load(&document.authorities, folder)?;
        let est = document.est.as_ref().map(|section| authority::est(section, &authorities)).transpose()?;
        if est.is_some() && document.authority_listener.is_none() {
            return Err(ConfigError::NoAuthorityListener { section: "est" });
        }
        let factory = document.factory.as_ref().map(|section| factory::load(section, folder)).transpose()?;
        if factory.is_some() && document.authority_listener.is_none() {
            return Err(ConfigError::NoAuthorityListener { section: "factory" });
        }
        Ok(Self {
            onboarding,
            operators,
            authorities,
            masa: document.masa.as_ref().map(|it| masa::load(it, folder).map(Arc::new)).transpose()?,
            est,
            factory,
            authority_listener: document
                .authority_listener
                .as_ref()
                .map(|it| authority::listener(it, folder))
                .transpose()?,
            publication: document.publication_listener.map(|it| it.listen),
            database,
            checkpoint_key: Arc::new(checkpoint_key),
            dhcp4: document.dhcp4_policy()?.map(Box::new),
            dhcp6: document.dhcp6_policy()?.map(Box::new),
            policies: policy::policies(
                document.roles.as_deref(),
                &document.policy,
                &document.deadlines,
                &document.retention,
            )?,
            dhcp_leases: document.retention.dhcp_leases()?,
            webhooks: webhooks(&document.webhooks, folder, &outbound)?,
            outbound,
            acceptance: Acceptance::default(),
            limits: document.limits,
        })
    }
}

fn webhooks(sections: &[WebhookSection], folder: &Path, outbound: &Outbound) -> Result<Vec<Webhook>, ConfigError> {
    let each = sections.iter().enumerate().map(|(index, section)| {
        let name = || section.name.clone();
        let twice = sections.iter().take(index).any(|before| before.name == section.name);
        let webhook = if twice { Err(WebhookInvalid::Twice { name: name() }) } else { Webhook::load(section, folder) };
        webhook.map(|webhook| webhook.through(outbound)).map_err(|source| ConfigError::Webhook { name: name(), source })
    });
    each.collect()
}

/// The folder that a file lies in. That of a bare name is the one we stand in, for which [`Path::parent`] has no name.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, ConfigError> {
    Certificate::chain_from_file(&read(path)?)
        .map_err(|source| ConfigError::Certificate { path: path.to_owned(), source })
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

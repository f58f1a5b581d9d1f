//! The authorities of a server: whose certificates it issues, and where others ask for them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use authority::{CertificateAuthority, Kind, OcspResponder, Profile, ProfileSettings, Unissued};
use pki::{
    certificate::Certificate,
    key::{Locator, OpenKey},
};
use serde::Deserialize;

use super::{ConfigError, KeyPlace, certificates, key::locator};
use crate::{
    authority::{Authorities, Authority},
    domain::{AuthorityName, CertificateProfile},
};

/// An `[[authority]]`: a CA whose key this server has.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AuthoritySection {
    /// Its name, by which profiles and the ledger speak of it. It stays: the ledger goes by it.
    pub name: String,
    /// PEM: its certificate, and those above it.
    pub certificate: PathBuf,
    /// Its key: PEM, or where it is in an HSM or a TPM.
    #[serde(deserialize_with = "locator")]
    pub key: Locator,
    /// The file of the passphrase that opens the key's file.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
    /// What it issues, by name. A profile is of the kind that its `kind` says, or else its name.
    #[serde(default, rename = "profile")]
    pub profiles: BTreeMap<String, toml::Table>,
    /// How many hours a revocation list, and an answer about a certificate, holds.
    #[serde(default = "a_day")]
    pub fresh_hours: u16,
    /// What signs answers about certificates (OCSP); the CA's own key where it is left out.
    #[serde(default)]
    pub ocsp: Option<ResponderSection>,
}

const fn a_day() -> u16 {
    24
}

impl AuthoritySection {
    /// Whether an authority can be made of it and of the files that it names.
    pub(crate) fn check(&self, folder: &Path) -> Result<(), ConfigError> {
        one(self, folder).map(drop)
    }
}

/// A responder of its own: a certificate that the CA issued for that, and its key.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ResponderSection {
    /// PEM.
    pub certificate: PathBuf,
    /// Its key.
    #[serde(deserialize_with = "locator")]
    pub key: Locator,
    /// The file of the passphrase that opens the key's file.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
}

/// `[authority-listener]`: where devices renew certificates, registrars ask for vouchers and factory stations enrol devices. Peers
/// show certificates.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AuthorityListener {
    /// Address and port.
    pub listen: SocketAddr,
    /// PEM: the server's certificate chain.
    pub certificate: PathBuf,
    /// Its key.
    #[serde(deserialize_with = "locator")]
    pub key: Locator,
    /// The file of the passphrase that opens the key's file.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
}

/// `[est]`: devices renew the certificates that they got from their owner (RFC 7030), at the listener of authorities.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EstSection {
    /// The `[[authority]]` that is meant where a path has no label.
    pub authority: String,
}

/// The authority that `section` means.
pub(super) fn est(section: &EstSection, authorities: &Authorities) -> Result<AuthorityName, ConfigError> {
    let known = AuthorityName::new(section.authority.clone()).ok().filter(|name| authorities.contains(name));
    known.ok_or_else(|| ConfigError::NoSuchAuthority { name: section.authority.clone() })
}

/// `[publication-listener]`: where revocation lists, answers about certificates and CA certificates are given out, in clear.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PublicationListener {
    /// Address and port.
    pub listen: SocketAddr,
}

/// A listener with its certificate and its key.
#[derive(Debug)]
pub struct ServiceCertificate {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The TLS certificate chain.
    pub certificate: Vec<Certificate>,
    /// The TLS key.
    pub key: OpenKey,
}

/// Loads the certificate and the key that `section` names.
pub(super) fn listener(section: &AuthorityListener, folder: &Path) -> Result<ServiceCertificate, ConfigError> {
    use pki::key::Signer;
    let path = folder.join(&section.certificate);
    let certificate = certificates(&path)?;
    let place = KeyPlace::new(folder, &section.key, section.passphrase_file.as_deref());
    let key = place.open()?;
    if certificate.first().is_none_or(|own| own.public_key() != key.public_key()) {
        return Err(ConfigError::KeyMismatch { path, key: place.locator().clone() });
    }
    Ok(ServiceCertificate { listen: section.listen, certificate, key })
}

/// Loads the files that `sections` name.
pub(super) fn load(sections: &[AuthoritySection], folder: &Path) -> Result<Authorities, ConfigError> {
    let mut authorities = Authorities::default();
    for section in sections {
        let authority = one(section, folder)?;
        let name = authority.name.clone();
        if !authorities.add(authority) {
            return Err(ConfigError::AuthorityTwice { name });
        }
    }
    Ok(authorities)
}

fn one(section: &AuthoritySection, folder: &Path) -> Result<Authority, ConfigError> {
    let name = AuthorityName::new(section.name.clone())
        .map_err(|source| ConfigError::AuthorityName { name: section.name.clone(), source })?;
    let chain = certificates(&folder.join(&section.certificate))?;
    let issuer = chain.first().cloned();
    let key = KeyPlace::new(folder, &section.key, section.passphrase_file.as_deref()).open()?;
    let ca = CertificateAuthority::from_parts(Box::new(key.clone()), chain)
        .map_err(|source| ConfigError::Authority { name: name.clone(), source: Box::new(source) })?;
    let profiles = section.profiles.iter().map(|(text, table)| profile(&name, text, table));
    let (signer, delegate) = match &section.ocsp {
        None => (key, None),
        Some(own) => {
            let delegate = certificates(&folder.join(&own.certificate))?.into_iter().next();
            (KeyPlace::new(folder, &own.key, own.passphrase_file.as_deref()).open()?, delegate)
        }
    };
    let responder = issuer.map(|issuer| OcspResponder::new(issuer, Box::new(signer), delegate, Unissued::Unknown));
    let responder = responder.transpose();
    Ok(Authority {
        profiles: profiles.collect::<Result<_, _>>()?,
        responder: responder
            .map_err(|source| ConfigError::Responder { name: name.clone(), source: Box::new(source) })?,
        fresh_for: Duration::from_secs(u64::from(section.fresh_hours.max(1)).saturating_mul(3600)),
        name,
        ca,
    })
}

fn profile(
    authority: &AuthorityName,
    text: &str,
    table: &toml::Table,
) -> Result<(CertificateProfile, Profile), ConfigError> {
    let invalid = |why: String| ConfigError::Profile { authority: authority.clone(), profile: text.to_owned(), why };
    let name = CertificateProfile::new(text).map_err(|error| invalid(error.to_string()))?;
    let mut table = table.clone();
    let kind = table.remove("kind").unwrap_or_else(|| toml::Value::String(text.to_owned()));
    let kind = Kind::deserialize(kind).map_err(|error| invalid(format!("kind: {}", error.message())))?;
    let settings = ProfileSettings::deserialize(table).map_err(|error| invalid(error.message().to_owned()))?;
    let profile = Profile::new(kind, settings).map_err(|error| invalid(error.to_string()))?;
    Ok((name, profile))
}

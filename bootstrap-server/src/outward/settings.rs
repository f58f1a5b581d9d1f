//! `[[webhook]]` in `sztp.toml`.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use hyper::Uri;
use pki::certificate::{Certificate, CertificateError};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use serde::Deserialize;

use super::http::{Endpoint, Outbound};

/// Somebody who is told of events.
///
/// ```toml
/// [[webhook]]
/// name = "inventory"
/// url = "https://inventory.example.net/sztp"
/// ca = "inventory-ca.pem"
/// events = ["progress-reported", "alarm-raised"]    # all events, unless said
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WebhookSection {
    /// Its name. How far it was told is kept under it.
    pub name: String,
    /// Where events are posted: `https://…`, or `http://` to this machine itself.
    pub url: String,
    /// PEM: what the receiver's certificate is issued under. Goes with `https://`.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// The names of the events it is told of; all of them, unless said.
    #[serde(default)]
    pub events: Option<BTreeSet<String>>,
}

/// A webhook that can be used.
#[derive(Clone)]
pub struct Webhook {
    pub(super) name: String,
    pub(super) endpoint: Endpoint,
    pub(super) outbound: Outbound,
    /// As it stands in the header `Host`.
    pub(super) authority: String,
    /// Path and query.
    pub(super) target: String,
    /// None for all.
    pub(super) events: Option<BTreeSet<String>>,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Path and query may be what the receiver knows this server by.
        f.debug_struct("Webhook").field("name", &self.name).field("authority", &self.authority).finish_non_exhaustive()
    }
}

/// The events that there are.
const EVENTS: &[&str] = &[
    "server-started",
    "manufacturer-added",
    "revocation-lists-stored",
    "profile-applied",
    "profile-removed",
    "device-registered",
    "device-admitted",
    "device-held",
    "device-refused",
    "device-approved",
    "device-retired",
    "device-reprovisioned",
    "device-returned",
    "device-changed",
    "device-erased",
    "activation-code-set",
    "voucher-stored",
    "voucher-fetched",
    "answered",
    "progress-reported",
    "connections-refused",
    "alarm-raised",
    "alarm-cleared",
    "policies-applied",
    "policies-proposed",
    "user-changed",
    "user-removed",
    "token-created",
    "token-revoked",
    "backup-begun",
    "backup-taken",
    "records-erased",
    "log-keys-changed",
    "dhcp-other-server-seen",
    "log-restored",
    "certificate-issued",
    "certificate-revoked",
    "owner-recorded",
    "line-recorded",
    "device-made",
    "ownership-changed",
    "voucher-issued",
    "voucher-claimed",
    "claim-approved",
    "production-order-made",
    "production-order-closed",
    "rework-allowed",
    "unit-enrolled",
    "dhcp-lease-released",
    "dhcp-leases-imported",
];

/// Longest name of a webhook, in characters.
const MAX_NAME: usize = 64;

impl Webhook {
    /// Checks a section, whose files lie in `folder`.
    ///
    /// # Errors
    /// [`WebhookInvalid`] says what is wrong with which member.
    pub fn load(section: &WebhookSection, folder: &Path) -> Result<Self, WebhookInvalid> {
        let usable = |name: &str| name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet));
        if section.name.is_empty() || section.name.len() > MAX_NAME || !usable(&section.name) {
            return Err(WebhookInvalid::Name { name: section.name.clone() });
        }
        if let Some(unknown) = section.events.iter().flatten().find(|event| !EVENTS.contains(&event.as_str())) {
            return Err(WebhookInvalid::Event { event: unknown.clone() });
        }
        let no_url = || WebhookInvalid::Url { url: without_secrets(&section.url) };
        let url: Uri = section.url.parse().map_err(|_| no_url())?;
        let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else { return Err(no_url()) };
        // A password in an address would stand in logs.
        if authority.as_str().contains('@') {
            return Err(no_url());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let (usual, tls) = match (scheme, &section.ca) {
            ("https", Some(ca)) => {
                let name = ServerName::try_from(host.clone()).map_err(|_| no_url())?;
                (443, Some((name, tls(&folder.join(ca))?)))
            }
            ("https", None) => return Err(WebhookInvalid::NoCa),
            // Events name devices and keys: they leave this machine in TLS only.
            ("http", None) if is_here(&host) => (80, None),
            ("http", Some(_)) if is_here(&host) => return Err(WebhookInvalid::CaForNothing),
            ("http", _) => return Err(WebhookInvalid::Clear { url: without_secrets(&section.url) }),
            _ => return Err(no_url()),
        };
        Ok(Self {
            name: section.name.clone(),
            endpoint: Endpoint { host, port: authority.port_u16().unwrap_or(usual), tls },
            outbound: Outbound::default(),
            authority: authority.as_str().to_owned(),
            target: url.path_and_query().map_or_else(|| "/".to_owned(), |target| target.as_str().to_owned()),
            events: section.events.clone(),
        })
    }

    /// The same, reached by this way out.
    #[must_use]
    pub fn through(mut self, outbound: &Outbound) -> Self {
        self.outbound = outbound.clone();
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What may be said of an address: passwords stand in it, and many receivers know who calls by path or query alone.
fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "…".to_owned() };
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(_, host)| ("…@", host));
    let rest = if rest.len() > 1 { "/…" } else { rest };
    format!("{scheme}://{user}{host}{rest}")
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn tls(path: &Path) -> Result<Arc<ClientConfig>, WebhookInvalid> {
    let octets = std::fs::read(path).map_err(|source| WebhookInvalid::File { path: path.to_owned(), source })?;
    let chain = Certificate::chain_from_file(&octets)
        .map_err(|source| WebhookInvalid::Certificate { path: path.to_owned(), source })?;
    let mut roots = RootCertStore::empty();
    for certificate in &chain {
        roots.add(certificate.der().to_vec().into())?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// A webhook cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookInvalid {
    /// Not a name.
    #[error("name: {name:?} is none; take up to 64 letters, digits, `-`, `_` and `.`")]
    Name {
        /// What was given.
        name: String,
    },
    /// Two of one name.
    #[error("name: {name:?} stands twice, and how far each was told is kept by name; rename one")]
    Twice {
        /// Which.
        name: String,
    },
    /// No such event.
    #[error("events: there is no event {event:?}; there are {}", EVENTS.join(", "))]
    Event {
        /// What was given.
        event: String,
    },
    /// Not an address.
    #[error("url: {url:?} is none; write https://NAME[:PORT]/PATH, without user and password")]
    Url {
        /// What was given, without what may be secret.
        url: String,
    },
    /// Events would leave this machine readable.
    #[error("url: {url:?} is not encrypted, and not on this machine; use https://")]
    Clear {
        /// What was given, without what may be secret.
        url: String,
    },
    /// Nothing to verify the receiver with.
    #[error("ca: is missing; name the PEM file of the CA that issued the receiver's certificate")]
    NoCa,
    /// Nothing to verify.
    #[error("ca: is for https://, and the receiver is reached without; take it out")]
    CaForNothing,
    /// A file that cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a certificate.
    #[error("{}: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: CertificateError,
    },
    /// TLS cannot be set up with it.
    #[error("ca: {0}")]
    Tls(#[from] rustls::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Webhook, String> {
        let section: WebhookSection =
            toml::from_str(&format!("name = 'a'\n{text}")).map_err(|error| error.to_string())?;
        Webhook::load(&section, Path::new("/nowhere")).map_err(|error| error.to_string())
    }

    #[test]
    fn srv_18_events_leave_this_machine_in_tls_only() {
        let here = load("url = 'http://127.0.0.1:9/events?x=1'").unwrap();
        assert_eq!(
            (here.endpoint.host.as_str(), here.endpoint.port, here.target.as_str()),
            ("127.0.0.1", 9, "/events?x=1")
        );
        assert_eq!(load("url = 'http://[::1]/'").unwrap().endpoint.host, "::1");
        assert!(load("url = 'http://192.0.2.1/'").unwrap_err().contains("use https"));
        assert!(load("url = 'http://localhost.example/'").unwrap_err().contains("use https"));
        assert!(load("url = 'https://a.example/'").unwrap_err().contains("ca: is missing"));
        assert!(load("url = 'https://a.example/'\nca = 'x.pem'").unwrap_err().contains("/nowhere/x.pem"));
        assert!(load("url = 'https://me:secret@a.example/'\nca = 'x.pem'").unwrap_err().contains("without user"));
    }

    #[test]
    fn srv_18_what_is_secret_in_an_address_is_in_no_message() {
        for url in [
            "https://me:secret@a.example/",
            "https://me:secret@a.example?secret#secret",
            "http://a.example/hook/secret",
            "ftp://a.example/?token=secret",
            "https://a.example:70000/secret",
            "secret",
        ] {
            let refused = load(&format!("url = '{url}'")).unwrap_err();
            assert!(!refused.contains("secret"), "{refused}");
        }
        assert!(load("url = 'http://a.example/hook/secret'").unwrap_err().contains("http://a.example/…"));
        // Nor in what a log would show of one that can be used.
        let usable = load("url = 'http://127.0.0.1/hook?token=secret'").unwrap();
        assert!(!format!("{usable:?}").contains("secret"), "{usable:?}");
    }

    #[test]
    fn srv_18_every_event_can_be_chosen() {
        let sources = [
            include_str!("../audit/event.rs"),
            include_str!("../audit/ledger.rs"),
            include_str!("../audit/masa.rs"),
            include_str!("../audit/factory.rs"),
            include_str!("../audit/leases.rs"),
        ];
        let named = sources.iter().flat_map(|source| source.split("=> \"").skip(1));
        let named: BTreeSet<_> = named.filter_map(|rest| rest.split('"').next()).collect();
        assert!(named.len() > 25, "{named:?}");
        assert_eq!(named, EVENTS.iter().copied().collect());
    }

    #[test]
    fn srv_18_an_event_that_does_not_exist_is_not_waited_for() {
        let url = "url = 'http://localhost/'\n";
        assert!(load(&format!("{url}events = ['progress-reported']")).is_ok());
        let refused = load(&format!("{url}events = ['progress-reporte']")).unwrap_err();
        assert!(refused.contains("progress-reporte") && refused.contains("alarm-raised"));
        assert!(load(&format!("{url}colour = 'red'")).unwrap_err().contains("colour"));
    }
}

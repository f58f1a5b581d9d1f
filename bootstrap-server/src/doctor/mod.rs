//! Looking for what keeps a server from onboarding devices, before the devices find it.
//!
//! [`examine`] works while the server runs, and when it cannot start: it reads what the configuration names one by one,
//! and never writes to the database or waits for its lock. Looking and judging are apart: each room has functions that
//! look, and pure ones that judge what was seen.

mod authority;
mod certificates;
mod clock;
mod database;
mod dhcp;
mod disk;
mod files;
mod finding;
mod limits;
mod ports;
mod postgres;
mod revocation;

pub use finding::{Advice, Finding, Outcome};

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use netboot::policy::Mode;
use pki::{certificate::Certificate, key::Locator, time::Timestamp};

use crate::{
    audit::CheckpointKey,
    config::{ConfigError, Document, KeyPlace, folder_of},
    owner::Owner,
    store::{Location, Store},
};

/// Looks at everything around a server with this configuration.
pub async fn examine(config: &Path) -> Vec<Finding> {
    match Document::load(config) {
        Ok(document) => {
            let folder = folder_of(config);
            Examination { document, folder, findings: Vec::new() }.run().await
        }
        Err(error) => vec![judge_document(config, &error)],
    }
}

fn judge_document(path: &Path, error: &ConfigError) -> Finding {
    let fix = match error {
        ConfigError::NotThere { .. } => {
            "sztp doctor --config FILE, or run it in the folder that `sztp init` made".to_owned()
        }
        ConfigError::File { .. } => {
            "sudo -u sztp sztp doctor --config FILE   # as the user that the server runs as".to_owned()
        }
        _ => format!("${{EDITOR:-vi}} {}", path.display()),
    };
    Finding::failed("configuration", error.to_string(), "The server does not start without its configuration.", fix)
}

/// One look at everything. What an earlier step has read, later ones judge by.
struct Examination<'a> {
    document: Document,
    folder: &'a Path,
    findings: Vec<Finding>,
}

impl Examination<'_> {
    async fn run(mut self) -> Vec<Finding> {
        let now = Timestamp::from_system(std::time::SystemTime::now());
        let device = self.device_listener(now);
        let others = self.other_listeners(now);
        let owner = self.owner(now);
        self.authorities(now);
        let log_key = self.log_key();
        self.ports(device.as_deref()).await;
        let mut running = false;
        for (listener, listen, chain) in &others {
            let port = ports::try_tls(*listen, chain.first()).await;
            running |= matches!(port, ports::Port::Ours);
            self.findings.push(ports::judge(listener, *listen, &port));
        }
        if let Some(listen) = self.document.publication_listener.map(|it| it.listen) {
            let port = match ports::try_tls(listen, None).await {
                // It speaks in clear and shows nothing: who answers on the listener beside it has this port too.
                ports::Port::Taken if running => ports::Port::Ours,
                port => port,
            };
            self.findings.push(ports::judge("publication-listener", listen, &port));
        }
        for path in &self.document.device_revocation.lists {
            let path = self.at(path);
            self.findings.push(revocation::judge(&path, &std::fs::read(&path), now));
        }
        self.dhcp();
        self.disk();
        let newest_leaf = self.database(owner.as_deref(), log_key.as_ref(), now).await;
        let named = |chain: &Option<Vec<Certificate>>, path: &Path| {
            chain.iter().flatten().map(|it| (it.not_before(), path.display().to_string())).max()
        };
        let served = self.document.device_listener.as_ref().and_then(|it| named(&device, &it.certificate));
        let signing = self.document.owner.as_ref().and_then(|it| named(&owner, &it.certificate));
        let facts = clock::ClockFacts {
            now,
            synchronisation: clock::synchronisation().await,
            newest_leaf,
            newest_certificate: served.max(signing),
        };
        self.findings.push(clock::judge(&facts));
        self.findings.push(limits::judge(limits::open_files()));
        self.findings
    }

    fn at(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    fn key(&self, key: &Locator, passphrase_file: Option<&PathBuf>) -> KeyPlace {
        KeyPlace::new(self.folder, key, passphrase_file.map(PathBuf::as_path))
    }

    fn location(&self) -> Location {
        Location::parse(&self.document.database, self.folder)
    }

    /// A chain, its dates and its key.
    fn pair(&mut self, certificate: &Path, key: &KeyPlace, now: Timestamp) -> Option<Vec<Certificate>> {
        let certificate = self.at(certificate);
        let chain = self.chain(&certificate, now);
        let own = chain.as_ref().and_then(|chain| chain.first());
        let finding = files::judge_key(key.locator(), &key.open(), own.map(|own| (&certificate, own)));
        self.findings.push(finding);
        chain
    }

    fn chain(&mut self, path: &Path, now: Timestamp) -> Option<Vec<Certificate>> {
        match files::chain(path) {
            Ok(chain) => {
                self.findings.push(certificates::judge_dates(path, &chain, now));
                Some(chain)
            }
            Err(finding) => {
                self.findings.push(finding);
                None
            }
        }
    }

    fn device_listener(&mut self, now: Timestamp) -> Option<Vec<Certificate>> {
        let listener = self.document.device_listener.clone()?;
        let chain = self.pair(&listener.certificate, &self.key(&listener.key, listener.passphrase_file.as_ref()), now);
        let anchor_path = self.at(&listener.trust_anchor);
        let anchor = self.chain(&anchor_path, now);
        let path = self.at(&listener.certificate);
        if let Some(own) = chain.as_ref().and_then(|chain| chain.first()) {
            self.findings.push(certificates::judge_names(&path, own, &listener.names));
        }
        if let (Some(chain), Some(anchor)) = (&chain, &anchor) {
            self.findings.push(certificates::judge_chain(&path, chain, (&anchor_path, anchor)));
        }
        chain
    }

    /// The listeners beside that for devices, with what they show: those whose certificate can be read.
    fn other_listeners(&mut self, now: Timestamp) -> Vec<(&'static str, SocketAddr, Vec<Certificate>)> {
        let legacy = self.document.legacy_device_listener.clone();
        let legacy = legacy.map(|it| {
            let key = self.key(&it.key, it.passphrase_file.as_ref());
            ("legacy-device-listener", it.listen, it.certificate, key)
        });
        let operators = self.document.operator_listener.clone();
        let operators = operators.map(|it| {
            let key = self.key(&it.key, it.passphrase_file.as_ref());
            ("operator-listener", it.listen, it.certificate, key)
        });
        let authorities = self.document.authority_listener.clone();
        let authorities = authorities.map(|it| {
            let key = self.key(&it.key, it.passphrase_file.as_ref());
            ("authority-listener", it.listen, it.certificate, key)
        });
        let listeners: Vec<_> = legacy.into_iter().chain(operators).chain(authorities).collect();
        if !listeners.iter().any(|(name, ..)| *name == "operator-listener") {
            self.findings.push(Finding::warning(
                "operator-listener",
                "there is none",
                "Nobody can administer the server while it runs.",
                "Add an [operator-listener] table to sztp.toml, with listen, certificate and key, as `sztp init` writes it.",
            ));
        }
        let mut found = Vec::new();
        for (name, listen, certificate, key) in listeners {
            found.extend(self.pair(&certificate, &key, now).map(|chain| (name, listen, chain)));
        }
        found
    }

    fn owner(&mut self, now: Timestamp) -> Option<Vec<Certificate>> {
        let files = self.document.owner.clone()?;
        let key = self.key(&files.key, files.passphrase_file.as_ref());
        let chain = self.pair(&files.certificate, &key, now)?;
        if let Ok(key) = key.open()
            && let Err(error) = Owner::new(Box::new(key), chain.clone())
        {
            self.findings.push(Finding::failed(
                "owner-certificate",
                error.to_string(),
                "Devices refuse conveyed information that it signs (RFC 8572 §3.2).",
                format!("sztp artifact inspect {}", self.at(&files.certificate).display()),
            ));
            return None;
        }
        Some(chain)
    }

    fn authorities(&mut self, now: Timestamp) {
        let sections = self.document.authorities.clone();
        for (index, section) in sections.iter().enumerate() {
            let (name, looked_at) = (section.name.as_str(), self.findings.len());
            let key = self.key(&section.key, section.passphrase_file.as_ref());
            if let Some(own) = self.pair(&section.certificate, &key, now).and_then(|chain| chain.into_iter().next()) {
                self.findings.push(authority::judge_end(name, &own, now));
            }
            if let Some(responder) = &section.ocsp {
                let key = self.key(&responder.key, responder.passphrase_file.as_ref());
                let delegate = self.pair(&responder.certificate, &key, now);
                let delegate = delegate.as_ref().and_then(|chain| chain.first());
                self.findings.extend(delegate.map(|own| authority::judge_responder(name, own, now)));
            }
            // What is wrong with its files was said.
            if !self.findings.iter().skip(looked_at).any(Finding::is_failure) {
                let made = section.check(self.folder);
                self.findings.extend(authority::judge_section(name, made.as_ref()));
            }
            self.findings.extend(authority::judge_name(name, sections.iter().take(index)));
        }
        if let Some(masa) = self.document.masa.clone() {
            self.pair(&masa.certificate, &self.key(&masa.key, masa.passphrase_file.as_ref()), now);
        }
        if let Some(registrar) = self.document.registrar.clone() {
            let key = self.key(&registrar.key, registrar.passphrase_file.as_ref());
            let chain = self.pair(&registrar.certificate, &key, now);
            let path = self.at(&registrar.certificate);
            self.findings.extend(chain.iter().flatten().next().map(|own| authority::judge_registrar(&path, own)));
        }
        if let Some(est) = &self.document.est {
            let has_listener = self.document.authority_listener.is_some();
            self.findings.push(authority::judge_est(&est.authority, &sections, has_listener));
        }
    }

    fn log_key(&mut self) -> Option<CheckpointKey> {
        let place = self.key(&self.document.audit.key, self.document.audit.passphrase_file.as_ref());
        let opened = place.open();
        let finding = files::judge_key(place.locator(), &opened, None);
        let failed = finding.is_failure();
        self.findings.push(finding);
        let Ok(key) = opened else { return None };
        match CheckpointKey::new(&self.document.audit.origin, Box::new(key)) {
            Ok(key) => Some(key),
            Err(error) => {
                if !failed {
                    self.findings.push(Finding::failed(
                        "key",
                        format!("{}: {error}", place.locator()),
                        "The audit log's checkpoints are signed with Ed25519, under the log's name.",
                        "sztp key create --algorithm ed25519 makes such a key; the origin is a URL without its scheme.",
                    ));
                }
                None
            }
        }
    }

    async fn ports(&mut self, device: Option<&[Certificate]>) {
        let mut running = false;
        if let Some(listen) = self.document.device_listener.as_ref().map(|it| it.listen) {
            let port = ports::try_tls(listen, device.and_then(<[Certificate]>::first)).await;
            running = matches!(port, ports::Port::Ours);
            self.findings.push(ports::judge("device-listener", listen, &port));
        }
        if let Some(dhcp4) = &self.document.dhcp4 {
            let listen = dhcp4.listen();
            let port = match ports::try_udp(listen.into()) {
                // DHCP has no certificate to show: who answers on the listener beside it has this port too.
                ports::Port::Taken if running => ports::Port::Ours,
                port => port,
            };
            self.findings.push(ports::judge("dhcp4", SocketAddr::V4(listen), &port));
        }
        if let Some(dhcp6) = &self.document.dhcp6 {
            let listen = dhcp6.listen();
            let port = match ports::try_udp(listen.into()) {
                ports::Port::Taken if running => ports::Port::Ours,
                port => port,
            };
            self.findings.push(ports::judge("dhcp6", SocketAddr::V6(listen), &port));
        }
    }

    fn dhcp(&mut self) {
        let policies = self.document.dhcp4_policy().and_then(|v4| Ok((v4, self.document.dhcp6_policy()?)));
        let (v4, v6) = match policies {
            Ok((None, None)) => return,
            Ok(policies) => policies,
            Err(error) => {
                let why = "The server does not start with it: devices could not be told of their bootstrap server.";
                let fix = "Correct what is named there in sztp.toml.";
                return self.findings.push(Finding::failed("dhcp", error.to_string(), why, fix));
            }
        };
        let interfaces = match dhcp::look() {
            Ok(interfaces) => interfaces,
            Err(error) => {
                let why = "Whether the DHCP tables fit them cannot be told.";
                return self.findings.push(Finding::warning("dhcp", format!("interfaces: {error}"), why, "ip address"));
            }
        };
        if let Some(policy) = v4 {
            let table = dhcp::Table {
                name: "dhcp4",
                interfaces: policy.interfaces(),
                gives_addresses: policy.mode() == Mode::Server,
                is_named: policy.server_identifier().is_some(),
                rules: policy.rules(),
                advice: &policy.advice(),
            };
            self.findings.extend(dhcp::judge(&table, &interfaces));
        }
        if let Some(policy) = v6 {
            // Clients know it by its DUID, and speak with its link-local address.
            let (name, interfaces_served) = ("dhcp6", policy.interfaces());
            let table = dhcp::Table {
                name,
                interfaces: interfaces_served,
                gives_addresses: true,
                is_named: true,
                rules: policy.rules(),
                advice: &policy.advice(),
            };
            self.findings.extend(dhcp::judge(&table, &interfaces));
        }
    }

    fn disk(&mut self) {
        let Location::File(database) = self.location() else {
            let what = "the database is PostgreSQL's: measure its disk where it is, with pg_test_fsync";
            return self.findings.push(Finding::ok("disk-sync", what));
        };
        let folder = folder_of(&database).to_owned();
        let folder = folder.as_path();
        let failed = |error: std::io::Error| {
            Finding::failed(
                "disk-space",
                format!("{}: {error}", folder.display()),
                "The database lies there.",
                format!("ls -ld {}; id", folder.display()),
            )
        };
        let facts = match disk::look_at(folder) {
            Ok(facts) => facts,
            Err(error) => return self.findings.push(failed(error)),
        };
        self.findings.push(disk::judge_space(folder, &facts));
        match disk::measure(folder) {
            Ok(rate) => self.findings.push(disk::judge_syncs(folder, facts.medium, &rate)),
            Err(error) => self.findings.push(failed(error)),
        }
    }

    /// Gives the time of the newest leaf.
    async fn database(
        &mut self,
        owner: Option<&[Certificate]>,
        key: Option<&CheckpointKey>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let path = self.location();
        self.findings.extend(postgres::judge_way(&path));
        if let Some(path) = path.file() {
            let file = database::judge_file(path);
            let failed = file.is_failure();
            self.findings.push(file);
            if failed {
                return None;
            }
        }
        let store = match database::open(&path).await {
            Ok(store) => store,
            Err(error) => {
                self.findings.push(database::judge_open(&path, &error));
                return None;
            }
        };
        match store.durability().await {
            Ok(settings) => self.findings.extend(postgres::judge_settings(&settings)),
            Err(error) => self.findings.push(database::judge_open(&path, &error)),
        }
        let mut newest_leaf = None;
        match database::LogEnd::read(&store).await {
            Ok(end) => {
                newest_leaf = end.time();
                self.findings.extend(key.map(|key| database::judge_log(&end, key.verifier())));
            }
            Err(error) => self.findings.push(database::judge_open(&path, &error)),
        }
        match store.profiles().await {
            Ok(profiles) => {
                self.findings.extend(authority::judge_profiles(&profiles, &self.document.authorities));
            }
            Err(error) => self.findings.push(database::judge_open(&path, &error)),
        }
        if let Some(chain) = owner {
            match database::vouchers(&store, chain, now).await {
                Ok(facts) => self.findings.push(certificates::judge_vouchers(&facts)),
                Err(error) => self.findings.push(database::judge_open(&path, &error)),
            }
        }
        store.close().await;
        newest_leaf
    }
}

//! A site whose server has an authority for its devices' certificates, asked by EST and in onboardings (RFC 7030, RFC 9646).

#![allow(missing_debug_implementations, clippy::unwrap_used, clippy::panic, reason = "test support")]
#![allow(clippy::missing_panics_doc, clippy::must_use_candidate, missing_docs, reason = "test support")]

use authority::{CertificateAuthority, CertificateSerial};
use bootstrap_server::{
    audit::Event,
    domain::{
        OnboardingProfile, ProfileName,
        ledger::{LedgerEntry, LedgerFilter},
    },
    store::{Batch, Ledger, Page, SqlStore, Store},
};
use pki::{
    certificate::Certificate,
    key::{FileKey, random},
};

use crate::site::{Site, now, pem, serial};

/// What devices get: their certificate in a script, and as a key of their keystore.
const PROFILE: &str = "post-configuration-script = '{{ldevid.certificate}}'\n[ldevid]\nauthority = 'devices'\n\
    keystore = 'ldevid'\nnames = ['{serial-number}.bmc.example.com']\n";

/// The site, and the root that its devices' certificates chain to, which lies there as `ldevid-root.pem`.
pub struct Enrolling {
    pub site: Site,
    pub root: Certificate,
}

impl Enrolling {
    /// With `[[authority]]`, `[est]` and both listeners of authorities in its configuration.
    pub fn new() -> Self {
        let site = Site::new();
        let serial = || CertificateSerial(random().unwrap());
        let (root, key) = (FileKey::generate_p256().unwrap(), FileKey::generate_p256().unwrap());
        site.write("ldevid.key", key.to_pem().as_bytes());
        let root = CertificateAuthority::new_root("Device Root", Box::new(root), serial(), now()).unwrap();
        let ca = root.new_issuing_ca("Device CA", Box::new(key), serial(), now()).unwrap();
        site.write("ldevid.pem", pem(ca.chain()).as_bytes());
        site.write("ldevid-root.pem", pem(root.chain()).as_bytes());
        let text = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
        let sections = "[[authority]]\nname = 'devices'\ncertificate = 'ldevid.pem'\nkey = 'ldevid.key'\n\
            [authority.profile.ldevid]\ndays = 30\nfixed.O = 'Example Owner'\n\
            crl-url = 'http://pki.example.com/crl/devices/0.crl'\nocsp-urls = ['http://pki.example.com/ocsp/devices']\n\
            [est]\nauthority = 'devices'\n[publication-listener]\nlisten = '127.0.0.1:0'\n\
            [authority-listener]\nlisten = '127.0.0.1:0'\ncertificate = 'server.pem'\nkey = 'server.key'\n";
        site.write("sztp.toml", format!("{text}{sections}").as_bytes());
        Self { site, root: root.chain()[0].clone() }
    }

    /// Registers these devices, whose profile has them get a certificate.
    pub async fn register(&self, serials: &[&str]) {
        let store = self.site.store().await;
        self.site.register(&store, serials).await;
        let profile = OnboardingProfile::from_toml(ProfileName::new("bmc").unwrap(), PROFILE).unwrap();
        store.commit(Batch::from(Event::ProfileApplied { profile: Box::new(profile) })).await.unwrap();
        store.close().await;
    }

    /// What the ledger has of this device, read beside a server that runs.
    pub async fn issued(&self, device: &str) -> Vec<LedgerEntry> {
        let store = SqlStore::open_read_only(&self.site.config().database).await.unwrap();
        let filter = LedgerFilter { serial_number: Some(serial(device)), ..LedgerFilter::default() };
        let found = store.certificates(&filter, Page { after: None, limit: 100 }).await.unwrap();
        store.close().await;
        found
    }
}

impl Default for Enrolling {
    fn default() -> Self {
        Self::new()
    }
}

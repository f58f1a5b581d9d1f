//! The doctor around a whole site: well, while the server runs, and with one thing broken at a time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{fs, os::unix::fs::PermissionsExt};

use bootstrap_server::doctor::{self, Finding};
use pki::key::FileKey;
use support::{Site, device_id, serial};

async fn examine(site: &Site) -> Vec<Finding> {
    doctor::examine(&site.path("sztp.toml")).await
}

/// What failed, each with something to do about it.
async fn failures(site: &Site) -> Vec<Finding> {
    let mut findings = examine(site).await;
    findings.retain(Finding::is_failure);
    for finding in &findings {
        let advice = finding.outcome.advice().unwrap();
        assert!(!advice.why.is_empty() && !advice.fix.is_empty(), "{finding:?}");
    }
    findings
}

/// A site with a database of one device, whose voucher pins the owner; no server runs.
async fn site() -> Site {
    let site = Site::new();
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    store.close().await;
    site
}

fn only<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    match findings {
        [finding] if finding.check == check => finding,
        _ => panic!("expected {check} alone to fail: {findings:#?}"),
    }
}

#[tokio::test]
async fn a_whole_site_has_no_failure_whether_its_server_runs_or_not() {
    let site = site().await;
    assert_eq!(failures(&site).await, []);
    let findings = examine(&site).await;
    for check in [
        "certificate",
        "key",
        "names",
        "chain",
        "port",
        "disk-space",
        "disk-sync",
        "database",
        "log",
        "owner-certificate",
        "clock",
        "open-files",
    ] {
        assert!(findings.iter().any(|it| it.check == check), "{check} was not looked at");
    }
    let vouchers = findings.iter().find(|it| it.check == "owner-certificate").unwrap();
    assert!(vouchers.what.contains("all 1 vouchers"), "{vouchers:?}");
    // The doctor found the port free and let it go again; the server takes it, and is known by its certificate.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    site.edit("127.0.0.1:0", &free.to_string());
    let server = bootstrap_server::start(site.config()).await.unwrap();
    let findings = examine(&site).await;
    let of_devices = |it: &&Finding| it.check == "port" && it.what.contains("device-listener");
    let port = findings.iter().find(of_devices).unwrap();
    assert!(port.what.contains("this server's"), "{port:?}");
    assert!(!findings.iter().any(Finding::is_failure), "{findings:#?}");
    server.stop().await;
}

#[tokio::test]
async fn a_key_that_others_may_read_or_of_another_certificate_is_found() {
    let site = site().await;
    fs::set_permissions(site.path("server.key"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(only(&failures(&site).await, "key").what.contains("mode 644"));
    site.write("server.key", FileKey::generate_p256().unwrap().to_pem().as_bytes());
    assert!(only(&failures(&site).await, "key").what.contains("is not the key of the certificate"));
}

#[tokio::test]
async fn one_broken_file_does_not_hide_another() {
    let site = site().await;
    site.write("server.pem", b"nothing");
    fs::remove_file(site.path("audit.key")).unwrap();
    site.edit("names = ['127.0.0.1']", "names = ['127.0.0.1', 'ztp.example']");
    let failures = failures(&site).await;
    let checks: Vec<_> = failures.iter().map(|it| it.check).collect();
    assert_eq!(checks, ["certificate", "key"], "{failures:#?}");
    assert!(failures[1].what.contains("audit.key"));
}

#[tokio::test]
async fn a_database_that_is_gone_or_of_another_log_key_is_found() {
    let site = site().await;
    site.write("audit.key", FileKey::generate_ed25519().unwrap().to_pem().as_bytes());
    assert!(only(&failures(&site).await, "log").what.contains("not signed by the key of [audit]"));
    fs::remove_file(site.path("sztp.sqlite3")).unwrap();
    assert!(only(&failures(&site).await, "database").what.contains("is not there"));
    assert!(!site.path("sztp.sqlite3").exists(), "the doctor makes none");
    fs::write(site.path("sztp.sqlite3"), "this is no database, whatever its name says").unwrap();
    assert_eq!(only(&failures(&site).await, "database").check, "database");
}

#[tokio::test]
async fn vouchers_that_pin_another_owner_are_found() {
    use bootstrap_server::{
        audit::Event,
        store::{Batch, Store},
    };
    let (site, other) = (site().await, Site::new());
    let store = site.store().await;
    let voucher = site.maker.voucher(&serial("SN-1"), other.owner.pinned().unwrap(), support::now()).unwrap();
    // Beside one that pins this owner it does no harm.
    let foreign = Event::VoucherStored { device: device_id("SN-1"), voucher };
    store.commit(Batch::from(foreign.clone())).await.unwrap();
    let (device, because) = (device_id("SN-1"), "again".to_owned());
    let (profile, particulars) = (support::profile().name, Box::default());
    let erased = Event::DeviceErased { device: device.clone(), because };
    let registered = Event::DeviceRegistered { device, profile, particulars };
    store.commit(Batch::from(erased).and(registered).and(foreign)).await.unwrap();
    store.close().await;
    assert!(only(&failures(&site).await, "owner-certificate").what.contains("SN-1"));
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_is_the_one_finding() {
    let site = site().await;
    site.edit("[owner]", "[owner");
    assert!(only(&failures(&site).await, "configuration").what.contains("sztp.toml"));
    fs::remove_file(site.path("sztp.toml")).unwrap();
    assert_eq!(failures(&site).await.len(), 1);
}

/// An authority with its responder; both lie in files.
fn with_authority(site: &Site) {
    use authority::{CertificateAuthority, CertificateSerial};
    let serial = || CertificateSerial(pki::key::random().unwrap());
    let (root, key) = (FileKey::generate_p256().unwrap(), FileKey::generate_p256().unwrap());
    site.write("devices.key", key.to_pem().as_bytes());
    let root = CertificateAuthority::new_root("Root", Box::new(root), serial(), support::now()).unwrap();
    let ca = root.new_issuing_ca("Device CA", Box::new(key), serial(), support::now()).unwrap();
    site.write("devices.pem", support::pem(ca.chain()).as_bytes());
    site.write("root.pem", support::pem(root.chain()).as_bytes());
    let text = fs::read_to_string(site.path("sztp.toml")).unwrap();
    let sections = "[[authority]]\nname = 'devices'\ncertificate = 'devices.pem'\nkey = 'devices.key'\n\
        [est]\nauthority = 'devices'\n[authority-listener]\nlisten = '127.0.0.1:0'\n\
        certificate = 'server.pem'\nkey = 'server.key'\n[publication-listener]\nlisten = '127.0.0.1:0'\n";
    site.write("sztp.toml", format!("{text}{sections}").as_bytes());
}

#[tokio::test]
async fn an_authority_is_looked_at_with_all_that_names_it() {
    use bootstrap_server::{
        audit::Event,
        domain::{OnboardingProfile, ProfileName},
        store::{Batch, Store},
    };
    let site = site().await;
    with_authority(&site);
    assert_eq!(failures(&site).await, []);
    let findings = examine(&site).await;
    for check in ["authority", "est"] {
        assert!(findings.iter().any(|it| it.check == check && it.what.contains("devices")), "{findings:#?}");
    }
    for listener in ["authority-listener", "publication-listener"] {
        assert!(findings.iter().any(|it| it.check == "port" && it.what.contains(listener)), "{findings:#?}");
    }

    // A profile of devices that nobody can certify.
    let store = site.store().await;
    let text = "post-configuration-script = '{{ldevid.certificate}}'\n[ldevid]\nauthority = 'others'\n";
    let profile = OnboardingProfile::from_toml(ProfileName::new("bmc").unwrap(), text).unwrap();
    store.commit(Batch::from(Event::ProfileApplied { profile: Box::new(profile) })).await.unwrap();
    store.close().await;
    assert!(only(&failures(&site).await, "ldevid").what.contains("bmc: [ldevid] names others"));
    site.edit("name = 'devices'", "name = 'others'");
    assert!(only(&failures(&site).await, "est").what.contains("names devices"));
    site.edit("[est]\nauthority = 'devices'", "[est]\nauthority = 'others'");
    assert_eq!(failures(&site).await, []);

    // What the server would not start with, and the doctor says before.
    let whole = fs::read_to_string(site.path("sztp.toml")).unwrap();
    for (more, says) in [
        (
            "[[authority]]\nname = 'others'\ncertificate = 'devices.pem'\nkey = 'devices.key'\n",
            "two authorities called",
        ),
        (
            "[[authority]]\nname = 'x'\ncertificate = 'devices.pem'\nkey = 'devices.key'\n[authority.profile.odd]\n",
            "odd",
        ),
        (
            "[[authority]]\nname = 'x'\ncertificate = 'devices.pem'\nkey = 'devices.key'\n\
             [authority.ocsp]\ncertificate = 'server.pem'\nkey = 'server.key'\n",
            "OCSPSigning",
        ),
    ] {
        site.write("sztp.toml", format!("{whole}{more}").as_bytes());
        assert!(only(&failures(&site).await, "authority").what.contains(says), "{says}");
        assert!(bootstrap_server::config::ServerConfig::load(&site.path("sztp.toml")).is_err(), "{says}");
    }
    site.write("sztp.toml", whole.as_bytes());
    site.write("devices.key", FileKey::generate_p256().unwrap().to_pem().as_bytes());
    assert!(only(&failures(&site).await, "key").what.contains("devices.key"));
}

//! A device that knows a redirect server from its factory, and finds its owner through it (RFC 8572 §5.3, §7.3).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;

use bootstrap_server::{
    audit::Event,
    config::ServerConfig,
    domain::{DeviceId, OnboardingProfile, ProfileName, State},
    store::{Batch, SqlStore, Store},
};
use interop_tests::{
    lab::Lab,
    site::{Site, pem, serial},
};

/// What the device is called that the demo makes.
const SERIAL: &str = "DEMO-0001";

/// A redirect server that sends the demo's device to the demo's server, with its anchor.
async fn redirect_server(site: &Site, owner: &ServerConfig, port: u16) -> DeviceId {
    let demo = SqlStore::open(&owner.database, owner.checkpoint_key.clone()).await.unwrap();
    let manufacturer = demo.manufacturers().await.unwrap().remove(0);
    demo.close().await;
    let anchor = pem(owner.onboarding.as_ref().unwrap().trust_anchor.chain());
    let document = format!("[[redirect]]\naddress = '127.0.0.1'\nport = {port}\ntrust-anchor = '''{anchor}'''\n");
    let profile = OnboardingProfile::from_toml(ProfileName::new("to-owner").unwrap(), &document).unwrap();
    let device = DeviceId { manufacturer: manufacturer.name.clone(), serial_number: serial(SERIAL) };
    let store = site.store().await;
    let registered =
        Event::DeviceRegistered { device: device.clone(), profile: profile.name.clone(), particulars: Box::default() };
    let batch = Batch::from(Event::ManufacturerAdded { manufacturer });
    store.commit(batch.and(Event::ProfileApplied { profile: Box::new(profile) }).and(registered)).await.unwrap();
    store.close().await;
    device
}

#[tokio::test(flavor = "multi_thread")]
async fn wks_04_a_device_finds_its_owner_through_a_redirect_server() {
    let lab = tokio::task::spawn_blocking(|| Lab::build(1)).await.unwrap();
    let owner = ServerConfig::load(&lab.server_config()).unwrap();
    let site = Site::new();
    site.edit("database =", "roles = ['redirect-server']\ndatabase =");
    // The owner's server first: where it listens stands in the redirect.
    let port = owner.onboarding.as_ref().unwrap().listen.port();
    let device = redirect_server(&site, &owner, port).await;
    let serving = lab.serve();
    assert_eq!(serving.address().port(), port);
    let redirecting = bootstrap_server::start(site.config()).await.unwrap();

    // From its factory the device knows the redirect server, and nothing else.
    let file = lab.folder().join("devices/bmc-01/device.toml");
    let text = fs::read_to_string(&file).unwrap();
    let (before, _) = text.split_once("[[sources]]").unwrap();
    let anchor = site.path("anchor.pem");
    let known = format!(
        "[[well-known]]\naddress = '127.0.0.1'\nport = {}\nanchors = ['{}']\n[[sources]]\nkind = 'well-known'\n",
        redirecting.device_address().unwrap().port(),
        anchor.display()
    );
    fs::write(&file, format!("{before}{known}")).unwrap();

    let (run, lab) = tokio::task::spawn_blocking(move || {
        let run = lab.run_device(&lab.fresh_root("redirected"));
        (run, lab)
    })
    .await
    .unwrap();
    assert_eq!(run.code, Some(0), "{:#?}", run.trace.last());

    // The one knows that it is gone, and heard nothing; the other one onboarded it.
    let dossier = redirecting.store().dossier(&device).await.unwrap();
    assert_eq!(dossier.device.unwrap().state, State::Referred);
    assert!(redirecting.store().reports(&device).await.unwrap().is_empty(), "CLI-47");
    redirecting.stop().await;
    serving.kill();
    let reports = tokio::task::spawn_blocking(move || lab.reports()).await.unwrap();
    assert_eq!(reports.last().unwrap().0, "bootstrap-complete");
}

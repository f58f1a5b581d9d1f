//! `docs/first-rack.md`, run word for word with the real programs: three makers' devices, from their keys to `bootstrapped`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{fs, path::Path};

use authority::{CertificateAuthority, CertificateSerial, Kind, Profile, Subject};
use bootstrap_server::domain::{OnboardingProfile, ProfileName};
use interop_tests::{
    lab::program,
    need,
    playbook::Playbook,
    site::{Site, now, pem},
    skip,
};
use pki::key::{FileKey, Signer, random};

#[test]
fn the_document_on_the_first_rack_is_true_word_for_word() {
    let (unshare, _ip) = (need!("unshare"), need!("ip"));
    if !Playbook::can_run(&unshare) {
        skip!("no network namespace can be made here");
    }
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/first-rack.md");
    let playbook = Playbook::read(&fs::read_to_string(document).unwrap());
    assert!(playbook.len() > 10, "{}", playbook.len());
    let (sztp, device) = (program("sztp"), program("sztp-device"));
    assert_eq!(sztp.parent(), device.parent());
    let folder = tempfile::tempdir().unwrap();
    if let Err(error) = playbook.run(&unshare, folder.path(), sztp.parent().unwrap()) {
        panic!("docs/first-rack.md: {error}");
    }
}

#[test]
fn the_configurations_in_the_document_on_authorities_are_read() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/authorities.md")).unwrap();
    let blocks = |language: &str| {
        let begin = format!("```{language}\n");
        let blocks = text.split(&begin).skip(1).map(|rest| rest.split("```\n").next().unwrap().to_owned());
        blocks.collect::<Vec<_>>()
    };
    let (profiles, tables) = (blocks("toml"), blocks("text"));
    let [profile] = &profiles[..] else { panic!("{profiles:?}") };
    let profile = OnboardingProfile::from_toml(ProfileName::new("bmc").unwrap(), profile).unwrap();
    assert_eq!(profile.ldevid.unwrap().authority.as_str(), "devices");
    // With the files that they name.
    let site = Site::new();
    let serial = || CertificateSerial(random().unwrap());
    let keys = [(); 3].map(|()| FileKey::generate_p256().unwrap());
    let [root, own, responder] = keys;
    site.write("devices.key", own.to_pem().as_bytes());
    site.write("responder.key", responder.to_pem().as_bytes());
    let root = CertificateAuthority::new_root("Root", Box::new(root), serial(), now()).unwrap();
    let ca = root.new_issuing_ca("Devices", Box::new(own), serial(), now()).unwrap();
    site.write("devices.pem", pem(ca.chain()).as_bytes());
    let (kind, subject) = (Profile::of(Kind::OcspResponder), Subject::named("Responder"));
    let delegate = ca.issue(&kind, &subject, responder.public_key(), serial(), now()).unwrap();
    site.write("responder.pem", delegate.to_pem().as_bytes());
    for end in ["pem", "key"] {
        fs::copy(site.path(&format!("server.{end}")), site.path(&format!("authority-listener.{end}"))).unwrap();
    }
    let whole = fs::read_to_string(site.path("sztp.toml")).unwrap();
    site.write("sztp.toml", format!("{whole}{}", tables.concat()).as_bytes());
    let config = site.config();
    assert_eq!(config.est.unwrap().as_str(), "devices");
    let authority = config.authorities.iter().next().unwrap();
    assert!(authority.profiles.len() == 2 && authority.responder.is_some());
    assert!(config.publication.is_some() && config.authority_listener.is_some());
}

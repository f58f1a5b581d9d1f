//! A bootstrap server whose keys live in a TPM: that of its listener, the owner's, and that of an authority. The log's is Ed25519,
//! which TPMs do not have.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use authority::{CertificateAuthority, Kind, Profile, Subject};
use interop_tests::{
    issued::{now, serial},
    need_tpm,
    site::{self, DATA, Site},
    swtpm::SwTpm,
};
use pki::{
    certificate::Certificate,
    key::{FileKey, Locator, Signer, TpmHandle, TpmKeyAddress},
    tpm::{Hierarchy, Secret, Template, Tpm, TpmAlgorithm, TpmKey, Usage},
};

const EMPTY: &str = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;

/// A key in the TPM, and how configuration names it.
fn key(emulator: &SwTpm, handle: u32, label: &str) -> (TpmKey, Locator) {
    let (handle, no) = (TpmHandle::new(handle).unwrap(), Secret::empty());
    let template = Template::new(TpmAlgorithm::P256, Usage::Sign, label).unwrap();
    let mut tpm = Tpm::open(&emulator.address()).unwrap();
    tpm.keep_primary(Hierarchy::Owner, &template, handle, &no, &no).unwrap();
    drop(tpm);
    let address = TpmKeyAddress { tpm: emulator.address(), handle };
    (TpmKey::open(&address, no).unwrap(), Locator::Tpm(Box::new(address)))
}

fn root(name: &str) -> CertificateAuthority {
    CertificateAuthority::new_root(name, Box::new(FileKey::generate_p256().unwrap()), serial(), now()).unwrap()
}

fn chain(own: Certificate, above: &[Certificate]) -> Vec<Certificate> {
    std::iter::once(own).chain(above.iter().cloned()).collect()
}

#[test]
fn sec_15_a_server_onboards_and_issues_with_its_keys_in_a_tpm() {
    let emulator = need_tpm!();
    let mut site = Site::new();
    let ((server, at_server), (owner, at_owner), (devices, at_devices)) = (
        key(&emulator, 0x8100_0010, "server"),
        key(&emulator, 0x8100_0011, "owner"),
        key(&emulator, 0x8100_0012, "devices"),
    );

    let owner_root = root("Owner Root");
    let subject = Subject::named("Owner");
    let own = owner_root.issue(&Profile::of(Kind::Owner), &subject, owner.public_key(), serial(), now()).unwrap();
    site.owner.chain = chain(own, owner_root.chain());
    let server_root = root("Server Root");
    let subject = Subject::named("bootstrap server").reached_by(&["127.0.0.1".to_owned()]);
    let own = server_root.issue(&Profile::of(Kind::TlsServer), &subject, server.public_key(), serial(), now()).unwrap();
    site.write("owner.pem", site::pem(&site.owner.chain).as_bytes());
    site.write("server.pem", site::pem(&[own]).as_bytes());
    site.write("anchor.pem", site::pem(server_root.chain()).as_bytes());
    // A CA whose key is in the TPM signs itself, and issues.
    let ca = CertificateAuthority::new_root("Devices", Box::new(devices), serial(), now()).unwrap();
    let made = FileKey::generate_p256().unwrap();
    let subject = Subject::device("Model", &pki::identity::SerialNumber::new("SN-9").unwrap());
    let idevid = ca.issue(&Profile::of(Kind::Idevid), &subject, made.public_key(), serial(), now()).unwrap();
    idevid.verify_signature(ca.certificate().unwrap().public_key()).unwrap();
    site.write("devices.pem", site::pem(ca.chain()).as_bytes());

    site.edit("'server.key'", &format!("'{at_server}'"));
    site.edit("'owner.key'", &format!("'{at_owner}'"));
    let text = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
    let authority = format!("[[authority]]\nname = 'devices'\ncertificate = 'devices.pem'\nkey = '{at_devices}'\n");
    site.write("sztp.toml", format!("{text}{authority}").as_bytes());

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = site.start(&["SN-1"]).await;
        let (key, certificates) = site.device("SN-1");
        let connector = site::connector(Some((&key, &certificates)));
        let mut stream = site::connect(&server, &connector).await.unwrap();
        let answer = site::exchange(&mut stream, &site::post(DATA, EMPTY)).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.json().to_string().contains("conveyed-information"), "{answer:?}");
        server.stop().await;
        site::verify_log(&site.path("sztp.toml")).await;
    });
}

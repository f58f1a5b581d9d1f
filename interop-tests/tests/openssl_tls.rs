//! TLS of the listeners for devices, as OpenSSL's client meets it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{net::SocketAddr, process::Stdio, time::Duration};

use bootstrap_server::{
    RunningServer,
    audit::Event,
    domain::{Manufacturer, ManufacturerName},
    store::{Batch, Store},
};
use interop_tests::{
    need,
    openssl::{KeyKind, Workshop},
    peer::Peer,
    site::{DATA, Site, pem, post},
};
use pki::identity::SerialNumberRule;
use tokio::io::AsyncWriteExt;

const EMPTY: &str = r#"{"ietf-sztp-bootstrap-server:input":{}}"#;

/// What `openssl s_client` says, on both of its outputs, after it has sent `request` and read until the server hung up.
async fn s_client(workshop: &Workshop, to: SocketAddr, options: &[&str], request: &[u8]) -> String {
    let mut client = tokio::process::Command::new(Peer::find("openssl").unwrap().path())
        .args(["s_client", "-connect", &to.to_string(), "-ign_eof"])
        .args(options)
        .current_dir(workshop.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // A client that was refused takes no request.
    let _refused = client.stdin.take().unwrap().write_all(request).await;
    let output = tokio::time::timeout(Duration::from_secs(60), client.wait_with_output()).await.unwrap().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// A request after whose answer the server hangs up.
fn last(request: &[u8]) -> Vec<u8> {
    String::from_utf8(request.to_vec()).unwrap().replacen("\r\nhost:", "\r\nconnection: close\r\nhost:", 1).into_bytes()
}

async fn log(server: &RunningServer) -> Vec<String> {
    let records = server.store().records(audit_log::LogIndex(0), 1000).await.unwrap();
    records.into_iter().map(|record| String::from_utf8(record.opening.unwrap().1).unwrap()).collect()
}

#[tokio::test]
async fn sec_25_early_data_is_neither_offered_nor_taken() {
    let openssl = need!("openssl");
    let workshop = Workshop::new(openssl).unwrap();
    let site = Site::new();
    let (key, chain) = site.device("SN-1");
    workshop.write("device.key", key.to_pem().as_bytes()).unwrap();
    workshop.write("device.pem", pem(&chain).as_bytes()).unwrap();
    let server = site.start(&["SN-1"]).await;
    let identity = ["-cert", "device.pem", "-cert_chain", "device.pem", "-key", "device.key", "-tls1_3"];
    let request = last(&post(DATA, EMPTY));
    let first = s_client(
        &workshop,
        server.device_address().unwrap(),
        &[&identity[..], &["-sess_out", "session.pem"]].concat(),
        &request,
    )
    .await;
    assert!(first.contains("HTTP/1.1 200"), "{first}");
    // RFC 8446 §4.6.1: a ticket that allows early data says how much.
    let ticket = workshop.openssl(&["sess_id", "-in", "session.pem", "-noout", "-text"]).unwrap();
    assert!(String::from_utf8(ticket).unwrap().contains("Max Early Data: 0"));
    workshop.write("early", &request).unwrap();
    let options = [&identity[..], &["-sess_in", "session.pem", "-early_data", "early"]].concat();
    let second = s_client(&workshop, server.device_address().unwrap(), &options, &request).await;
    assert!(second.contains("Reused, TLSv1.3"), "{second}");
    assert!(second.contains("Early data was not sent"), "{second}");
    assert!(second.contains("HTTP/1.1 200"), "{second}");
    server.stop().await;
}

#[tokio::test]
async fn a_device_with_a_sha_1_chain_is_served_by_the_listener_for_old_devices_only() {
    let openssl = need!("openssl");
    let workshop = Workshop::new(openssl).unwrap();
    // The manufacturer's, as secure elements of that age carry it: RSA and SHA-1 from the root down.
    for name in ["maker", "device", "root", "server"] {
        workshop.make_key(name, KeyKind::Rsa2048).unwrap();
    }
    let make = |name: &str, extensions: &str, more: &[&str]| {
        let (key, out) = (format!("{name}.key"), format!("{name}.pem"));
        let request = ["req", "-x509", "-new", "-config", "openssl.cnf", "-days", "30", "-extensions", extensions];
        workshop.openssl(&[&request[..], &["-key", &key, "-out", &out], more].concat()).unwrap();
    };
    make("maker", "ca", &["-sha1", "-subj", "/CN=Maker"]);
    let subject = "/serialNumber=PID:C9300-24T SN:FCW2146A0Z1/CN=C9300";
    make("device", "end_entity", &["-sha1", "-subj", subject, "-CA", "maker.pem", "-CAkey", "maker.key"]);
    make("root", "ca", &["-subj", "/CN=Owner"]);
    let named =
        ["-subj", "/CN=server", "-addext", "subjectAltName=IP:127.0.0.1", "-CA", "root.pem", "-CAkey", "root.key"];
    make("server", "end_entity", &named);

    let site = Site::new();
    for (ours, theirs) in [("server.key", "server.key"), ("server.pem", "server.pem"), ("anchor.pem", "root.pem")] {
        site.write(ours, &workshop.read(theirs).unwrap());
    }
    let written = String::from_utf8(std::fs::read(site.path("sztp.toml")).unwrap()).unwrap();
    let legacy = "[legacy-device-listener]\nlisten = '127.0.0.1:0'\ncertificate = 'server.pem'\nkey = 'server.key'\n";
    site.write("sztp.toml", written.replace("[owner]", &format!("{legacy}[owner]")).as_bytes());
    // Named at both: that the ordinary listener refuses it is for the signatures alone.
    let anchors = vec![workshop.certificate("maker").unwrap()];
    let mut manufacturer = Manufacturer::new(ManufacturerName::new("sudi").unwrap(), anchors.clone());
    manufacturer.legacy_anchors = anchors;
    manufacturer.identity =
        manufacturer.identity.with_serial_number_rules(vec![SerialNumberRule::ProductAndSerial]).unwrap();
    let store = site.store().await;
    site.register(&store, &[]).await;
    store.commit(Batch::from(Event::ManufacturerAdded { manufacturer })).await.unwrap();
    store.close().await;
    let server = bootstrap_server::start(site.config()).await.unwrap();

    // RSA PKCS#1 v1.5 is all that such an element can sign with.
    let old = ["-tls1_2", "-cipher", "DEFAULT@SECLEVEL=0", "-sigalgs", "RSA+SHA256"];
    let options = [&old[..], &["-cert", "device.pem", "-key", "device.key"]].concat();
    let request = last(&post(DATA, EMPTY));
    let served = s_client(&workshop, server.legacy_address().unwrap(), &options, &request).await;
    // Nobody registered it: it is held, by its serial number.
    assert!(served.contains("HTTP/1.1 404"), "{served}");
    let held: Vec<_> = log(&server).await.into_iter().filter(|body| body.contains("device-held")).collect();
    assert!(held.len() == 1 && held[0].contains(r#""serial-number":"FCW2146A0Z1""#), "{held:?}");

    // The ordinary listener takes no such signatures, and says so: the element has nothing to show.
    let unshown = s_client(&workshop, server.device_address().unwrap(), &options, &request).await;
    assert!(unshown.contains("HTTP/1.1 401") && unshown.contains("idevid-missing"), "{unshown}");
    // Who signs as it is done today is refused for the chain alone.
    let today = ["-tls1_2", "-cipher", "DEFAULT@SECLEVEL=0", "-sigalgs", "rsa_pss_rsae_sha256"];
    let options = [&today[..], &["-cert", "device.pem", "-key", "device.key"]].concat();
    let refused = s_client(&workshop, server.device_address().unwrap(), &options, &request).await;
    assert!(!refused.contains("HTTP/1.1"), "{refused}");
    let tls13 = s_client(&workshop, server.legacy_address().unwrap(), &["-tls1_3"], &request).await;
    assert!(tls13.contains("alert protocol version") && !tls13.contains("HTTP/1.1"), "{tls13}");
    let server_says = async {
        while !log(&server).await.iter().any(|body| body.contains("algorithm-not-allowed") && body.contains("too weak"))
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), server_says).await.unwrap();
    server.stop().await;
}

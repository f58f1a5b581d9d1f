//! The SSH host keys that a device reports are those that OpenSSH made, octet for octet.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use bootstrap_server::domain::Reported;
use interop_tests::{
    need,
    site::{DATA, REPORT, Site, connect, connector, device_id, exchange, post},
};

#[tokio::test(flavor = "multi_thread")]
async fn srv_15_ssh_keygen_reads_the_stored_key_and_names_the_same_fingerprint() {
    let keygen = need!("ssh-keygen");
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    let answer = exchange(&mut stream, &post(DATA, r#"{"ietf-sztp-bootstrap-server:input":{}}"#)).await.unwrap();
    assert_eq!(answer.status, 200);

    let folder = site.folder.path();
    let mut entries = Vec::new();
    for (kind, bits) in [("ed25519", "256"), ("ecdsa", "384"), ("rsa", "2048")] {
        let name = format!("host.{kind}");
        keygen.run(folder, &["-q", "-t", kind, "-b", bits, "-N", "", "-C", "device", "-f", &name]).unwrap();
        let public = fs::read_to_string(folder.join(format!("{name}.pub"))).unwrap();
        let (algorithm, rest) = public.split_once(' ').unwrap();
        let data = rest.split_once(' ').unwrap().0;
        entries.push((name, algorithm.to_owned(), data.to_owned()));
    }
    let keys: Vec<_> = entries
        .iter()
        .map(|(_, algorithm, data)| format!(r#"{{"algorithm":"{algorithm}","key-data":"{data}"}}"#))
        .collect();
    let body = format!(
        r#"{{"ietf-sztp-bootstrap-server:input":{{"progress-type":"bootstrap-complete",
            "ssh-host-keys":{{"ssh-host-key":[{}]}}}}}}"#,
        keys.join(",")
    );
    assert_eq!(exchange(&mut stream, &post(REPORT, &body)).await.unwrap().status, 204);

    let stored = server.store().reports(&device_id("SN-1")).await.unwrap().remove(0).keys;
    assert_eq!(stored.len(), entries.len());
    for (key, (name, algorithm, _)) in stored.iter().zip(&entries) {
        assert_eq!(&key.kind, algorithm);
        site.write("stored.pub", format!("{} {} device\n", key.kind, STANDARD.encode(&key.data)).as_bytes());
        let fingerprint = |file: &str| keygen.run(folder, &["-l", "-f", file]).unwrap();
        assert_eq!(fingerprint("stored.pub"), fingerprint(&format!("{name}.pub")));
        // What operators are shown is what they compare it with.
        let Reported::HostKey { fingerprint: shown } = Reported::of(key) else { panic!("{key:?}") };
        let said = String::from_utf8(fingerprint("stored.pub")).unwrap();
        assert!(said.split(' ').any(|word| word == shown), "{said}: {shown}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn srv_15_a_key_that_ssh_keygen_knows_by_another_name_is_refused() {
    let keygen = need!("ssh-keygen");
    let site = Site::new();
    let server = site.start(&["SN-1"]).await;
    let (key, chain) = site.device("SN-1");
    let mut stream = connect(&server, &connector(Some((&key, &chain)))).await.unwrap();
    let folder = site.folder.path();
    let mut keys = Vec::new();
    for (kind, bits) in [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("rsa", "2048")] {
        let name = format!("host.{kind}.{bits}");
        keygen.run(folder, &["-q", "-t", kind, "-b", bits, "-N", "", "-f", &name]).unwrap();
        let public = fs::read_to_string(folder.join(format!("{name}.pub"))).unwrap();
        let [algorithm, data]: [String; 2] =
            public.split(' ').take(2).map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
        keys.push((algorithm, data));
    }
    for (algorithm, _) in &keys {
        for (own, data) in &keys {
            let body = format!(
                r#"{{"ietf-sztp-bootstrap-server:input":{{"progress-type":"bootstrap-complete",
                    "ssh-host-keys":{{"ssh-host-key":[{{"algorithm":"{algorithm}","key-data":"{data}"}}]}}}}}}"#
            );
            let answer = exchange(&mut stream, &post(REPORT, &body)).await.unwrap();
            assert_eq!(answer.status, if algorithm == own { 204 } else { 400 }, "{algorithm} {own}");
            if algorithm != own {
                assert!(answer.error().1.starts_with("ssh-host-key-mismatch"), "{answer:?}");
            }
        }
    }
    server.stop().await;
}

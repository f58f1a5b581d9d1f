//! `sztp-device doctor --probe` by the real program.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, UdpSocket},
    process::Command,
    thread,
};

use serde_json::Value;

use crate::bench::Bench;

fn probe(bench: &Bench) -> (Option<i32>, Vec<Value>) {
    let output = Command::new(env!("CARGO_BIN_EXE_sztp-device"))
        .args(["doctor", "--probe", "--json", "--root"])
        .arg(bench.root(""))
        .arg("--config")
        .arg(bench.folder.path().join("device.toml"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

fn details<'a>(findings: &'a [Value], check: &str) -> Vec<&'a str> {
    findings.iter().filter(|it| it["check"] == check).map(|it| it["detail"].as_str().unwrap()).collect()
}

fn with(bench: &Bench, change: impl FnOnce(String) -> String) {
    let path = bench.folder.path().join("device.toml");
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
}

#[test]
fn a_probe_judges_the_server_and_sends_it_nothing() {
    let bench = Bench::new("exit");
    let (code, findings) = probe(&bench);
    assert_eq!(code, Some(0), "{findings:#?}");
    assert!(details(&findings, "server-judged")[0].ends_with(": trusted"), "{findings:#?}");
    assert!(details(&findings, "server-connected")[0].contains(" until "));
    assert!(details(&findings, "reach")[0].starts_with("this device would ask 127.0.0.1:"));
    assert_eq!(bench.requests(), 0);
    // Nothing was begun either.
    assert!(!bench.root("state.journal").exists() && !bench.root("last-attempt.json").exists());

    // Without its anchor it is somebody whom nobody vouches for, and doctor says why.
    with(&bench, |text| text.replace("anchors = ['anchor.pem']", "anchors = ['idevid.pem']"));
    let (_, findings) = probe(&bench);
    let judged = details(&findings, "server-judged")[0];
    assert!(judged.contains(": provisional: not validated"), "{judged}");
}

#[test]
fn a_probe_shows_what_came_over_dhcp_octet_by_octet_and_why_an_entry_does_not_count() {
    let bench = Bench::new("exit");
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    thread::spawn(move || {
        // A DHCP server that says nothing but option 143, with a list of one URI that has a path (RFC 8572 §8.3).
        let mut packet = [0; 1500];
        let (length, from) = server.recv_from(&mut packet).unwrap();
        let uri = b"https://192.0.2.9/path";
        let mut answer = packet[..240.min(length)].to_vec();
        answer[0] = 2;
        answer.extend([53, 1, 5, 54, 4, 127, 0, 0, 1, 143, u8::try_from(uri.len() + 2).unwrap(), 0]);
        answer.push(u8::try_from(uri.len()).unwrap());
        answer.extend(uri);
        answer.push(255);
        server.send_to(&answer, from).unwrap();
    });
    with(&bench, |text| {
        let (head, tail) = text.split_once("[[sources]]").unwrap();
        let dhcp = format!(
            "[[sources]]\nkind = 'dhcp4'\naddress = '127.0.0.1'\nserver = '127.0.0.1:{port}'\nport = 0\n\
             timeout-seconds = 5\n[[sources]]"
        );
        format!("{head}{dhcp}{tail}")
    });
    let (code, findings) = probe(&bench);
    assert_eq!(code, Some(0));
    let octets = details(&findings, "source-octets");
    assert!(octets[0].starts_with("option 143 of 127.0.0.1: 24 octets, 00 16 68 74 74 70 73"), "{findings:#?}");
    let refused = findings.iter().find(|it| it["detail"].as_str().unwrap().contains("dhcp-uri-invalid")).unwrap();
    assert!(refused["fix"].as_str().unwrap().contains("path"), "{refused}");
    // The source behind it is asked all the same.
    assert!(details(&findings, "server-judged")[0].ends_with(": trusted"));
}

#[test]
fn a_probe_tells_a_closed_port_from_a_peer_that_speaks_no_tls() {
    let bench = Bench::new("exit");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let plain_port = plain.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut peer in plain.incoming().map_while(Result::ok) {
            drop(peer.read(&mut [0; 64]));
            drop(peer.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    with(&bench, |text| {
        let mut config: toml::Table = text.parse().unwrap();
        let entry = config["well-known"][0].clone();
        let ports = [closed, plain_port].map(|port| {
            let mut entry = entry.clone();
            entry["port"] = i64::from(port).into();
            entry
        });
        config["well-known"] = ports.to_vec().into();
        config.to_string()
    });
    let (code, findings) = probe(&bench);
    assert_eq!(code, Some(1), "{findings:#?}");
    let passed_over = details(&findings, "server-passed-over");
    assert!(passed_over[0].contains("server-unreachable") && passed_over[0].contains("refused"), "{passed_over:?}");
    assert!(passed_over[1].contains("handshake-failed"), "{passed_over:?}");
    assert_eq!(findings.last().unwrap()["health"], "bad");
}

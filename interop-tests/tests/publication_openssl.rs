//! What authorities publish, as OpenSSL fetches and judges it: revocation lists, answers about certificates, CA certificates.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use interop_tests::{lab::program, need, peer::Peer};
use pki::{
    identity::SerialNumber,
    key::FileKey,
    new_request::{DeviceNames, sign},
};

/// An authority with its server.
struct Maker {
    folder: tempfile::TempDir,
    server: Child,
    publication: SocketAddr,
    openssl: Peer,
}

impl Drop for Maker {
    fn drop(&mut self) {
        let _ended = self.server.kill();
        let _reaped = self.server.wait();
    }
}

/// An address that is free now: certificates have to say it before anybody listens there.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn sztp(folder: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("sztp"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    for variable in ["SZTP_SERVER", "SZTP_TOKEN_FILE", "SZTP_SERVER_CA"] {
        command.env_remove(variable);
    }
    command
}

impl Maker {
    fn start(openssl: Peer, shards: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (publication, operators) = (free(), free().to_string());
        let (url, listen) = (format!("http://{publication}"), publication.to_string());
        let init = [
            "ca",
            "init",
            "maker",
            "--name",
            "Example Maker",
            "--publication-url",
            &url,
            "--crl-shards",
            shards,
            "--publication-listen",
            &listen,
            "--operator-listen",
            &operators,
            "--authority-listen",
            "127.0.0.1:0",
        ];
        assert!(sztp(folder.path(), &init).output().unwrap().status.success());
        let mut serve = sztp(&folder.path().join("maker"), &["serve"]);
        let mut server = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        while !lines.next().unwrap().unwrap().starts_with("publishing on http://") {}
        Self { folder, server, publication, openssl }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) {
        let output = sztp(self.folder.path(), arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    /// Issues `SERIAL.pem`.
    fn issue(&self, serial: &str) {
        let names = DeviceNames::new(SerialNumber::new(serial).unwrap());
        let (csr, out) = (format!("{serial}.csr"), format!("{serial}.pem"));
        fs::write(self.path(&csr), sign(&names, &FileKey::generate_p256().unwrap()).unwrap()).unwrap();
        self.run(&["enroll", "issue", "--ca", "maker", "--csr", &csr, "--serial-number", serial, "--out", &out]);
    }

    fn revoke(&self, serial: &str, reason: &str) {
        let file = format!("{serial}.pem");
        self.run(&["enroll", "revoke", &file, "--ca", "maker", "--reason", reason, "--because", "test"]);
    }

    /// What OpenSSL says, good or bad, on both outputs.
    fn openssl(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(self.openssl.path());
        let output = command.current_dir(self.folder.path()).args(arguments).stdin(Stdio::null()).output().unwrap();
        [output.stdout, output.stderr].map(|octets| String::from_utf8_lossy(&octets).into_owned()).concat()
    }

    /// What the responder that the certificate names says, with or without nonce.
    fn ocsp(&self, serial: &str, more: &[&str]) -> String {
        let (file, url) = (format!("{serial}.pem"), format!("http://{}/ocsp/devices", self.publication));
        let ask = [
            "ocsp",
            "-issuer",
            "maker/devices.pem",
            "-cert",
            &file,
            "-url",
            &url,
            "-CAfile",
            "maker/device-anchor.pem",
        ];
        self.openssl(&[&ask, more].concat())
    }

    /// Fetches over HTTP; gives status line and headers, and the body.
    fn get(&self, path: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.publication).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.publication);
        stream.write_all(request.as_bytes()).unwrap();
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).unwrap();
        let end = octets.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        (String::from_utf8(octets[..end].to_vec()).unwrap(), octets[end + 4..].to_vec())
    }

    /// Whether OpenSSL finds the certificate good by the lists that are published now.
    fn verify(&self, serial: &str, shards: u16) -> String {
        let mut lists = String::new();
        for shard in 0..shards {
            let (head, list) = self.get(&format!("/crl/devices/{shard}.crl"));
            assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-type: application/pkix-crl"), "{head}");
            fs::write(self.path("list.der"), list).unwrap();
            lists.push_str(&self.openssl(&["crl", "-inform", "DER", "-in", "list.der"]));
        }
        fs::write(self.path("lists.pem"), lists).unwrap();
        let file = format!("{serial}.pem");
        self.openssl(&[
            "verify",
            "-crl_check",
            "-extended_crl",
            "-CAfile",
            "maker/device-anchor.pem",
            "-untrusted",
            "maker/devices.pem",
            "-CRLfile",
            "lists.pem",
            &file,
        ])
    }
}

#[test]
fn sec_18_what_is_revoked_is_said_by_the_next_answer_and_the_next_list() {
    let maker = Maker::start(need!("openssl"), "1");
    for serial in ["SN-1", "SN-2"] {
        maker.issue(serial);
        let told = maker.ocsp(serial, &[]);
        assert!(told.contains(&format!("{serial}.pem: good")) && told.contains("Response verify OK"), "{told}");
        assert!(!told.contains("no nonce in response"), "{told}");
        assert_eq!(maker.verify(serial, 1).trim(), format!("{serial}.pem: OK"));
    }
    maker.revoke("SN-2", "key-compromise");
    for more in [&[][..], &["-no_nonce"]] {
        let told = maker.ocsp("SN-2", more);
        assert!(told.contains("SN-2.pem: revoked") && told.contains("Reason: keyCompromise"), "{told}");
        assert!(told.contains("Response verify OK"), "{told}");
        assert!(maker.ocsp("SN-1", more).contains("SN-1.pem: good"));
    }
    // By GET, which may be kept on the way (RFC 5019).
    maker.openssl(&[
        "ocsp",
        "-issuer",
        "maker/devices.pem",
        "-cert",
        "SN-2.pem",
        "-no_nonce",
        "-reqout",
        "request.der",
    ]);
    let request = STANDARD.encode(fs::read(maker.path("request.der")).unwrap());
    let (head, answer) = maker.get(&format!("/ocsp/devices/{}", request.replace('/', "%2F").replace('+', "%2B")));
    assert!(head.contains("content-type: application/ocsp-response") && head.contains("max-age="), "{head}");
    fs::write(maker.path("answer.der"), answer).unwrap();
    let told = maker.openssl(&[
        "ocsp",
        "-issuer",
        "maker/devices.pem",
        "-cert",
        "SN-2.pem",
        "-respin",
        "answer.der",
        "-CAfile",
        "maker/device-anchor.pem",
        "-no_nonce",
    ]);
    assert!(told.contains("SN-2.pem: revoked"), "{told}");
    // The list made before is given out for a second at most.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !maker.verify("SN-2", 1).contains("certificate revoked") {
        assert!(std::time::Instant::now() < deadline, "no list says so");
    }
    assert_eq!(maker.verify("SN-1", 1).trim(), "SN-1.pem: OK");
    let (head, certificate) = maker.get("/ca/devices.cer");
    assert!(head.contains("content-type: application/pkix-cert"), "{head}");
    fs::write(maker.path("ca.der"), certificate).unwrap();
    assert_eq!(
        maker.openssl(&["x509", "-inform", "DER", "-in", "ca.der"]),
        maker.openssl(&["x509", "-in", "maker/devices.pem"])
    );
    for missing in
        ["/crl/devices/1.crl", "/crl/others/0.crl", "/ca/others.cer", "/ocsp/others/MAA", "/", "/crl/devices/x.crl"]
    {
        assert!(maker.get(missing).0.starts_with("HTTP/1.1 404"), "{missing}");
    }
}

#[test]
fn a_certificate_is_on_the_shard_that_it_names() {
    let maker = Maker::start(need!("openssl"), "3");
    for serial in ["SN-1", "SN-2", "SN-3", "SN-4"] {
        maker.issue(serial);
        assert_eq!(maker.verify(serial, 3).trim(), format!("{serial}.pem: OK"));
    }
    for serial in ["SN-2", "SN-4"] {
        maker.revoke(serial, "superseded");
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    for (serial, expected) in [("SN-1", "OK"), ("SN-2", "revoked"), ("SN-3", "OK"), ("SN-4", "revoked")] {
        while !maker.verify(serial, 3).contains(expected) {
            assert!(std::time::Instant::now() < deadline, "{serial}");
        }
    }
}

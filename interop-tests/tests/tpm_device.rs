//! A device whose identity is in its TPM: made and kept by `sztp-device identity`, certified by OpenSSL, used in TLS and to open
//! what was encrypted to it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use interop_tests::{
    lab::{Lab, program},
    need, need_tpm,
    openssl::{KeyKind, Role, Workshop},
    peer::Peer,
    swtpm::SwTpm,
};
use pki::{
    key::{Signer, TpmHandle, TpmKeyAddress},
    tpm::{Hierarchy, Secret, Template, Tpm, TpmAlgorithm, TpmKey},
};

const SERIAL: &str = "SN-0001";

/// What `sztp-device identity …` answers in JSON, and its exit code.
fn identity(arguments: &[&str]) -> (Option<i32>, serde_json::Value) {
    let output = Command::new(program("sztp-device")).arg("identity").args(arguments).arg("--json").output().unwrap();
    let said = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| serde_json::Value::String(String::from_utf8_lossy(&output.stderr).into_owned()));
    (output.status.code(), said)
}

/// The places of key and certificate in an emulator.
fn places(emulator: &SwTpm) -> (String, String) {
    let address = emulator.address();
    (format!("tpm2:0x81020000?tpm={address}"), format!("tpm2-nv:0x01c90000?tpm={address}"))
}

/// A maker's authority, which certifies `request.csr` as `device.pem`.
struct Maker(Workshop);

impl Maker {
    fn new(openssl: Peer) -> Self {
        let workshop = Workshop::new(openssl).unwrap();
        workshop.self_sign("maker", KeyKind::P256, Role::Ca).unwrap();
        Self(workshop)
    }

    fn path(&self, name: &str) -> String {
        self.0.folder().join(name).display().to_string()
    }

    fn certify(&self) {
        // `-verify` ends with success whatever it found.
        let read = ["req", "-in", "request.csr", "-verify", "-noout", "-subject", "-config", "openssl.cnf"];
        let shown = String::from_utf8(self.0.openssl(&read).unwrap()).unwrap();
        assert!(shown.contains(&format!("serialNumber = {SERIAL}")), "{shown}");
        let issuer = ["-CA", "maker.pem", "-CAkey", "maker.key", "-CAcreateserial", "-days", "3650"];
        let request = ["x509", "-req", "-in", "request.csr", "-out", "device.pem", "-extfile", "openssl.cnf"];
        self.0.openssl(&[&request[..], &["-extensions", "end_entity"], &issuer].concat()).unwrap();
        let chain = [self.0.read("device.pem").unwrap(), self.0.read("maker.pem").unwrap()].concat();
        self.0.write("chain.pem", &chain).unwrap();
    }
}

/// What is not good, by name.
fn faults(found: &serde_json::Value) -> Vec<String> {
    let findings = found.as_array().unwrap_or_else(|| panic!("{found}"));
    let bad = findings.iter().filter(|finding| finding["health"] != "good");
    bad.map(|finding| finding["check"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn dev_03_dev_05_dev_10_an_identity_is_made_installed_and_checked_and_comes_back_after_a_clear() {
    let (emulator, maker) = (need_tpm!(), Maker::new(need!("openssl")));
    let (key, to) = places(&emulator);
    let csr = maker.path("request.csr");
    let create = ["create", "--key", &key, "--subject-serial", SERIAL, "--csr", &csr];
    let check = ["check", "--key", &key, "--to", &to];

    let (code, found) = identity(&check);
    assert_eq!((code, faults(&found)), (Some(1), vec!["key".to_owned(), "certificate".to_owned()]));
    let names = ["--organization", "Maker", "--hardware-type", "1.3.6.1.4.1.32473.7"];
    let (code, made) = identity(&[&create[..], &names].concat());
    assert_eq!((code, &made["made"]), (Some(0), &serde_json::Value::Bool(true)), "{made}");
    let text = ["req", "-in", "request.csr", "-noout", "-text", "-config", "openssl.cnf"];
    let text = String::from_utf8(maker.0.openssl(&text).unwrap()).unwrap();
    assert!(text.contains("othername") && text.contains("Subject Alternative Name"), "{text}");
    maker.certify();
    let chain = maker.path("chain.pem");
    let install = ["install", "--key", &key, "--to", &to, "--certificate", &chain];
    let (code, installed) = identity(&install);
    assert_eq!((code, &installed["serial-number"]), (Some(0), &SERIAL.into()), "{installed}");
    let (code, found) = identity(&check);
    assert_eq!((code, faults(&found)), (Some(0), vec![]), "{found}");

    // Everything again, as after a cut of power: nothing changes.
    let (_, again) = identity(&create);
    assert_eq!((&again["made"], &again["public-key"]), (&serde_json::Value::Bool(false), &made["public-key"]));
    assert_eq!(identity(&install).0, Some(0));
    assert_eq!(faults(&identity(&check).1), Vec::<String>::new());

    // As the configuration has it.
    let config = maker.path("device.toml");
    fs::write(&config, format!("idevid-key = \"{key}\"\nidevid-certificate = \"{to}\"\n")).unwrap();
    let (code, shown) = identity(&["show", "--config", &config]);
    assert_eq!((code, &shown["serial-number"], &shown["public-key"]), (Some(0), &SERIAL.into(), &made["public-key"]));
    assert_eq!(identity(&["check", "--config", &config]).0, Some(0));

    // A clear takes key and certificate away; the same key comes back, and the same certificate fits it.
    emulator.tool(&["tpm2_clear", "-c", "p"]).unwrap();
    assert_eq!(faults(&identity(&check).1), ["key", "certificate"]);
    let (_, back) = identity(&create);
    assert_eq!((&back["made"], &back["public-key"]), (&serde_json::Value::Bool(true), &made["public-key"]));
    assert_eq!(identity(&[&install[..], &["--survives-clear"]].concat()).0, Some(0));
    assert_eq!(identity(&check).0, Some(0));
    emulator.tool(&["tpm2_clear", "-c", "p"]).unwrap();
    assert_eq!(faults(&identity(&check).1), ["key", "certificate"], "the certificate waits for its key");
    identity(&create);
    assert_eq!(identity(&check).0, Some(0));
}

#[test]
fn what_does_not_belong_to_the_key_is_not_installed() {
    let (emulator, maker) = (need_tpm!(), Maker::new(need!("openssl")));
    let (key, to) = places(&emulator);
    let csr = maker.path("request.csr");
    identity(&["create", "--key", &key, "--subject-serial", SERIAL, "--csr", &csr]);
    maker.certify();
    maker.0.issue("maker", "other", KeyKind::P256, Role::EndEntity).unwrap();
    let put = |name: &str, parts: &[&str]| {
        let octets: Vec<u8> = parts.iter().flat_map(|part| maker.0.read(part).unwrap()).collect();
        maker.0.write(name, &octets).unwrap();
    };
    put("reversed.pem", &["maker.pem", "device.pem"]);
    put("mixed.pem", &["device.pem", "other.pem"]);
    for (file, reason) in [
        ("other.pem", "another key"),
        ("reversed.pem", "has to stand first"),
        ("mixed.pem", "issued by the one after it"),
        ("request.csr", "no usable certificate"),
    ] {
        let path = maker.path(file);
        let (code, said) = identity(&["install", "--key", &key, "--to", &to, "--certificate", &path]);
        assert!(code == Some(1) && said.as_str().unwrap().contains(reason), "{file}: {said}");
    }
    let mut tpm = Tpm::open(&emulator.address()).unwrap();
    assert_eq!(tpm.certificates_at(0x01c9_0000).unwrap(), None, "nothing was written");
    drop(tpm);

    let (code, said) =
        identity(&["create", "--key", &key, "--algorithm", "p384", "--subject-serial", SERIAL, "--csr", &csr]);
    assert!(code == Some(1) && said.as_str().unwrap().contains("another key"), "{said}");
    let (code, said) =
        identity(&["create", "--key", &key, "--algorithm", "ed25519", "--subject-serial", SERIAL, "--csr", &csr]);
    assert!(code == Some(1) && said.as_str().unwrap().contains("p256, p384 or rsa2048"), "{said}");
    let nowhere = format!("tpm2:0x81020000?tpm={}/none", emulator.folder().display());
    let (code, said) = identity(&["create", "--key", &nowhere, "--subject-serial", SERIAL, "--csr", &csr]);
    assert!(code == Some(1) && said.as_str().unwrap().contains("no TPM at"), "{said}");
}

#[test]
fn without_a_tpm_key_and_certificate_are_files() {
    let maker = Maker::new(need!("openssl"));
    let (key, to, csr) = (maker.path("idevid.key"), maker.path("idevid.pem"), maker.path("request.csr"));
    let create = ["create", "--key", &key, "--algorithm", "p384", "--subject-serial", SERIAL, "--csr", &csr];
    let (code, made) = identity(&create);
    assert_eq!((code, &made["made"]), (Some(0), &serde_json::Value::Bool(true)), "{made}");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    maker.certify();
    let chain = maker.path("chain.pem");
    assert_eq!(identity(&["install", "--key", &key, "--to", &to, "--certificate", &chain]).0, Some(0));
    let (code, found) = identity(&["check", "--key", &key, "--to", &to]);
    assert_eq!((code, faults(&found)), (Some(0), vec![]), "{found}");
    assert_eq!(identity(&create).1["public-key"], made["public-key"]);
    let (code, said) = identity(&["create", "--key", &key, "--subject-serial", SERIAL, "--csr", &csr]);
    assert!(code == Some(1) && said.as_str().unwrap().contains("not of kind p256"), "{said}");
}

/// OpenSSL as a server that takes nobody without a certificate of the maker.
struct Demanding(Child, u16);

impl Demanding {
    fn start(maker: &Maker, version: &str) -> Self {
        let mut child = Command::new(Peer::find("openssl").unwrap().path())
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert", "server.pem", "-key", "server.key", version, "-www"])
            .args(["-Verify", "2", "-verify_return_error", "-CAfile", "maker.pem", "-naccept", "1"])
            .current_dir(maker.0.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let accept = said.lines().map(Result::unwrap).find(|line| line.starts_with("ACCEPT")).unwrap();
        Self(child, accept.rsplit(':').next().unwrap().trim().parse().unwrap())
    }
}

impl Drop for Demanding {
    fn drop(&mut self) {
        let _it_may_have_ended = self.0.kill();
        let _nobody_asks = self.0.wait();
    }
}

#[test]
fn cli_10_cli_12_openssl_lets_a_device_in_by_the_key_in_its_tpm() {
    let (emulator, maker) = (need_tpm!(), Maker::new(need!("openssl")));
    maker.0.issue("maker", "server", KeyKind::P256, Role::EndEntity).unwrap();
    let no = Secret::empty();
    for (algorithm, name) in
        [(TpmAlgorithm::P256, "p256"), (TpmAlgorithm::P384, "p384"), (TpmAlgorithm::Rsa2048, "rsa2048")]
    {
        Tpm::open(&emulator.address()).unwrap().evict(TpmHandle::IDEVID, &no).unwrap();
        let (key, csr) = (places(&emulator).0, maker.path("request.csr"));
        let create = ["create", "--key", &key, "--algorithm", name, "--subject-serial", SERIAL, "--csr", &csr];
        assert_eq!(identity(&create).0, Some(0));
        maker.certify();
        let chain = device_client::identity::certificates(maker.path("chain.pem").as_ref()).unwrap();
        let address = TpmKeyAddress { tpm: emulator.address(), handle: TpmHandle::IDEVID };
        let key: Arc<dyn Signer> = Arc::new(TpmKey::open(&address, Secret::empty()).unwrap());
        let config = device_client::tls::client_config(&chain, key).unwrap();
        for version in ["-tls1_2", "-tls1_3"] {
            let server = Demanding::start(&maker, version);
            let tcp = TcpStream::connect(("127.0.0.1", server.1)).unwrap();
            let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
            let connection = rustls::ClientConnection::new(Arc::clone(&config), name).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, tcp);
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
            let mut page = Vec::new();
            // OpenSSL ends the connection without a word.
            let _ended = stream.read_to_end(&mut page);
            let page = String::from_utf8_lossy(&page).into_owned();
            assert!(page.contains("200 ok") && page.contains(SERIAL), "{algorithm} {version}: {page}");
        }
    }
    // Another key under the same certificate gets no connection at all.
    let mut tpm = Tpm::open(&emulator.address()).unwrap();
    tpm.evict(TpmHandle::IDEVID, &no).unwrap();
    tpm.keep_primary(Hierarchy::Endorsement, &Template::idevid(TpmAlgorithm::P256), TpmHandle::IDEVID, &no, &no)
        .unwrap();
    drop(tpm);
    let chain = device_client::identity::certificates(maker.path("chain.pem").as_ref()).unwrap();
    let address = TpmKeyAddress { tpm: emulator.address(), handle: TpmHandle::IDEVID };
    let key: Arc<dyn Signer> = Arc::new(TpmKey::open(&address, Secret::empty()).unwrap());
    device_client::tls::client_config(&chain, key).unwrap_err();
}

const ENCRYPTED: &str = "encrypt-to-device = true\n\
    [configuration]\nhandling = 'replace'\ncontent = '{\"password\":\"correct horse\"}'\n";

#[test]
fn enc_05_enc_13_a_device_is_onboarded_with_its_key_and_certificate_in_a_tpm() {
    let emulator = need_tpm!();
    let lab = Lab::build(1);
    // The demo's device has its key in a file. The TPM takes it over, and the file goes.
    let folder = lab.folder().join("devices/bmc-01");
    emulator.write("idevid.key", &fs::read(folder.join("idevid.key")).unwrap()).unwrap();
    fs::remove_file(folder.join("idevid.key")).unwrap();
    for command in [
        &["tpm2_createprimary", "-C", "o", "-c", "parent"][..],
        &["tpm2_flushcontext", "-t"],
        &["tpm2_import", "-C", "parent", "-G", "ecc", "-i", "idevid.key", "-u", "key.pub", "-r", "key.priv"],
        &["tpm2_flushcontext", "-t"],
        &["tpm2_load", "-C", "parent", "-u", "key.pub", "-r", "key.priv", "-c", "key"],
        &["tpm2_flushcontext", "-t"],
        &["tpm2_evictcontrol", "-c", "key", "0x81020000"],
        &["tpm2_flushcontext", "-t"],
    ] {
        emulator.tool(command).unwrap();
    }
    let (key, to) = places(&emulator);
    let chain = folder.join("idevid.pem").display().to_string();
    let (code, said) = identity(&["install", "--key", &key, "--to", &to, "--certificate", &chain]);
    assert_eq!(code, Some(0), "{said}");
    fs::remove_file(folder.join("idevid.pem")).unwrap();
    let config = folder.join("device.toml");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("\"idevid.key\"", &format!("{key:?}")).replace("\"idevid.pem\"", &format!("{to:?}"));
    fs::write(&config, text).unwrap();

    lab.replace_profile(ENCRYPTED);
    let server = lab.serve();
    let run = lab.run_device(&lab.fresh_root("tpm"));
    drop(server);
    assert_eq!(run.code, Some(0), "{:#?}", run.trace);
    let trace = serde_json::to_string(&run.trace).unwrap();
    for check in ["conveyed-information-decryption", "owner-certificate-decryption", "voucher-decryption"] {
        assert!(trace.contains(check), "{check}: {trace}");
    }
    let configuration: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(lab.running_config()).unwrap()).unwrap();
    assert_eq!(configuration["password"], "correct horse");
    lab.verified_leaves();
}

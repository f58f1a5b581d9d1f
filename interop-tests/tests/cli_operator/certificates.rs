//! `sztp enroll`: certificates from an authority's folder, with and without a server.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use pki::{
    certificate::Certificate,
    identity::SerialNumber,
    key::{FileKey, Signer},
    new_request::{DeviceNames, sign, to_pem},
    revocation::Crl,
};
use serde_json::Value;

use crate::site::{Ended, ended, killed_again_and_again, sztp};

/// A folder with an authority in it.
pub(crate) struct Maker {
    folder: tempfile::TempDir,
}

impl Maker {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = "127.0.0.1:0";
        let init = [
            "ca",
            "init",
            "maker",
            "--name",
            "Example Maker",
            "--operator-listen",
            listen,
            "--authority-listen",
            listen,
            "--publication-listen",
            listen,
        ];
        ended(&mut sztp(folder.path(), &init)).good();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sztp(&self, arguments: &[&str]) -> Ended {
        ended(&mut sztp(self.folder.path(), arguments))
    }

    /// Writes the request of a key for a device.
    fn request(&self, file: &str, key: &FileKey, serial: &str) {
        let names = DeviceNames::new(SerialNumber::new(serial).unwrap());
        fs::write(self.path(file), to_pem(&sign(&names, key).unwrap())).unwrap();
    }

    /// Issues a certificate for a device with a new key.
    fn issue(&self, serial: &str) -> (FileKey, Vec<Certificate>) {
        let key = FileKey::generate_p256().unwrap();
        let (csr, out) = (format!("{serial}.csr"), format!("{serial}.pem"));
        self.request(&csr, &key, serial);
        self.sztp(&["enroll", "issue", "--ca", "maker", "--csr", &csr, "--serial-number", serial, "--out", &out])
            .good();
        (key, certificates(&self.path(&out)))
    }

    fn list(&self, more: &[&str]) -> Vec<Value> {
        let arguments = [&["enroll", "list", "--ca", "maker", "--output", "json"], more].concat();
        self.sztp(&arguments).good().json().as_array().unwrap().clone()
    }
}

fn certificates(path: &Path) -> Vec<Certificate> {
    Certificate::chain_from_file(&fs::read(path).unwrap()).unwrap()
}

fn refused(told: &Ended, code: &str) {
    assert!(told.code == Some(3) && told.err.contains(&format!("({code})")), "{code}: {told:?}");
}

#[test]
fn csr_28_from_a_request_to_a_certificate_to_the_list_that_revokes_it() {
    let maker = Maker::new();
    let (key, chain) = maker.issue("SN-0001");
    let [own, issuing] = chain.as_slice() else { panic!("{chain:?}") };
    assert_eq!((own.public_key(), own.subject_text().contains("SN-0001")), (Signer::public_key(&key), true));
    assert_eq!(own.verify_signature(issuing.public_key()), Ok(()));
    // Once more: the very same.
    let issue = |csr: &str, more: &[&str]| {
        maker.sztp(&[&["enroll", "issue", "--ca", "maker", "--csr", csr, "--out", "again.pem"], more].concat())
    };
    assert!(issue("SN-0001.csr", &["--serial-number", "SN-0001"]).good().out.contains("issued before"));
    assert_eq!(certificates(&maker.path("again.pem")), chain);
    // Another key for a device that has a certificate needs a reason.
    let other = FileKey::generate_p256().unwrap();
    maker.request("other.csr", &other, "SN-0001");
    refused(&issue("other.csr", &[]), "certificate-there");
    issue("other.csr", &["--because", "board replaced"]).good();
    // Nobody else gets the key.
    maker.request("shared.csr", &other, "SN-0002");
    refused(&issue("shared.csr", &[]), "key-in-use");
    // It goes on from one that still holds.
    let next = FileKey::generate_p256().unwrap();
    let mut names = DeviceNames::new(SerialNumber::new("SN-0001").unwrap());
    names.organization = Some("Example Maker".to_owned());
    fs::write(maker.path("renewal.csr"), sign(&names, &next).unwrap()).unwrap();
    let renew = ["enroll", "renew", "SN-0001.pem", "--ca", "maker", "--csr", "renewal.csr", "--out", "renewed.pem"];
    maker.sztp(&renew).good();
    let renewed = certificates(&maker.path("renewed.pem"));
    assert_eq!(renewed[0].subject(), own.subject());
    assert_ne!(renewed[0].public_key(), own.public_key());

    // Found by everything that it is known by.
    assert_eq!(maker.list(&["--serial-number", "SN-0001"]).len(), 3);
    assert_eq!(maker.list(&["--serial-prefix", "SN-9"]).len(), 0);
    assert_eq!(maker.list(&["--key-of", "renewed.pem"]).len(), 1);
    assert_eq!(maker.list(&["--expires-before", "2300-01-01T00:00:00Z"]).len(), 0);
    let shown = maker.sztp(&["enroll", "show", "renewed.pem", "--ca", "maker", "--output", "json"]).good().json();
    assert_eq!((&shown["standing"], &shown["serial-number"]), (&"valid".into(), &"SN-0001".into()));
    let serial = shown["serial"].as_str().unwrap();
    assert_eq!(
        maker.sztp(&["enroll", "show", serial, "--ca", "maker", "--pem"]).good().out.matches("BEGIN").count(),
        2
    );
    assert_eq!(maker.sztp(&["enroll", "show", "00ff", "--ca", "maker"]).code, Some(4));
    let csv = maker.sztp(&["enroll", "list", "--ca", "maker", "--output", "csv"]).good().out;
    assert!(csv.starts_with("authority,serial,profile,serial-number,standing,"), "{csv}");

    // Revoked: said by the next list.
    let revoke =
        ["enroll", "revoke", serial, "--ca", "maker", "--reason", "key-compromise", "--because", "found in the wild"];
    assert!(
        maker.sztp(&[&revoke[..], &["--dry-run"]].concat()).good().out.starts_with("would be done: revoke devices/")
    );
    assert_eq!(maker.list(&["--revoked"]).len(), 0);
    maker.sztp(&revoke).good();
    refused(&maker.sztp(&revoke), "already-there");
    let revoked = maker.list(&["--revoked"]);
    assert_eq!((revoked.len(), &revoked[0]["reason"]), (1, &"keyCompromise".into()));
    maker.sztp(&["ca", "crl", "--ca", "maker", "--out", "lists"]).good();
    let list = Crl::from_der(&fs::read(maker.path("lists/devices-0.crl")).unwrap()).unwrap();
    assert!(list.der().windows(16).any(|part| part == renewed[0].certificate_serial()));
    let gone = maker.sztp(&["enroll", "renew", "renewed.pem", "--ca", "maker", "--csr", "other.csr", "--out", "x.pem"]);
    assert_eq!(gone.code, Some(3), "{gone:?}");
    // Who did it, and why, is on record.
    let log = maker.sztp(&["audit", "verify", "--config", "maker/sztp.toml"]).good();
    assert!(log.out.starts_with("verified: "), "{log:?}");
}

#[test]
fn csr_16_csr_19_csr_20_what_gets_no_certificate() {
    let maker = Maker::new();
    let key = FileKey::generate_p256().unwrap();
    maker.request("good.csr", &key, "SN-0001");
    let issue = |csr: &str, more: &[&str]| {
        let issue = ["enroll", "issue", "--ca", "maker", "--csr", csr, "--out", "out.pem"];
        maker.sztp(&[&issue, more].concat())
    };
    refused(&issue("good.csr", &["--serial-number", "SN-0002"]), "subject-foreign");
    refused(&issue("good.csr", &["--profile", "tls-server"]), "subject-foreign");
    assert_eq!(issue("good.csr", &["--profile", "nonsense"]).code, Some(2));
    // A broken signature, a homograph, a control character, no request at all, and a megabyte of name.
    let names = DeviceNames::new(SerialNumber::new("SN-0001").unwrap());
    let mut broken = sign(&names, &key).unwrap();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    fs::write(maker.path("broken.csr"), &broken).unwrap();
    let told = issue("broken.csr", &[]);
    assert!(told.err.contains("(possession-unproved)") || told.err.contains("(csr-invalid)"), "{told:?}");
    assert_eq!(told.code, Some(3));
    maker.request("homograph.csr", &key, "S\u{41d}-0001");
    refused(&issue("homograph.csr", &[]), "name-unfit");
    fs::write(maker.path("none.csr"), "no request").unwrap();
    refused(&issue("none.csr", &[]), "csr-invalid");
    fs::write(maker.path("long.csr"), "A".repeat(1024 * 1024)).unwrap();
    assert_eq!(issue("long.csr", &[]).code, Some(1));
    for (serial, code) in [("SN-\u{1}", Some(2)), (&"9".repeat(1024), Some(2))] {
        let told = issue("good.csr", &["--serial-number", serial]);
        assert!(told.code == code && !told.err.contains('\u{1}'), "{told:?}");
    }
    let mut foreign = names;
    foreign.organization = Some("Other Maker".to_owned());
    fs::write(maker.path("foreign.csr"), sign(&foreign, &key).unwrap()).unwrap();
    refused(&issue("foreign.csr", &[]), "subject-foreign");
    let ed25519 = FileKey::generate_ed25519().unwrap();
    maker.request("ed25519.csr", &ed25519, "SN-0001");
    refused(&issue("ed25519.csr", &[]), "key-not-allowed");
    assert!(maker.list(&[]).is_empty() && !maker.path("out.pem").exists());
}

/// What a file of results says, by line.
fn results(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_row_of_a_bulk_has_its_own_result_and_the_same_row_the_same_certificate() {
    let maker = Maker::new();
    let keys: Vec<_> = (0..5).map(|_| FileKey::generate_p256().unwrap()).collect();
    let mut list = "serial-number,csr,profile\n".to_owned();
    for (number, key) in keys.iter().enumerate() {
        let (serial, file) = (format!("SN-{number}"), format!("{number}.csr"));
        maker.request(&file, key, &serial);
        list.push_str(&format!("{serial},{file},\n"));
    }
    // A device twice; another device's request; a key twice; a file that is not there; nothing; a profile that is not there.
    maker.request("shared.csr", &keys[0], "SN-7");
    list.push_str("SN-0,0.csr,\nSN-8,1.csr,\nSN-7,shared.csr,\nSN-9,none.csr,\nSN-10,,\nSN-11,2.csr,nonsense\n");
    fs::write(maker.path("list.csv"), &list).unwrap();
    let bulk = ["enroll", "bulk", "list.csv", "--ca", "maker", "--results", "results"];
    let told = maker.sztp(&bulk);
    assert_eq!(told.code, Some(3), "{told:?}");
    assert_eq!(told.out, "11 rows: 5 issued, 0 issued before, 3 refused, 3 could not be read\n");
    for (line, code) in [
        (7, "import-row-repeated"),
        (8, "subject-foreign"),
        (9, "key-in-use"),
        (10, "import-row-invalid"),
        (11, "import-row-invalid"),
        (12, "reference-unknown"),
    ] {
        let found = told.err.lines().any(|text| text.contains(&format!("list.csv:{line}: ")) && text.contains(code));
        assert!(found, "{line} {code}: {}", told.err);
    }
    let first = results(&maker.path("results"));
    let issued = |results: &[Value]| -> Vec<Value> {
        results.iter().filter(|it| it["outcome"] != "refused").map(|it| it["pem"].clone()).collect()
    };
    assert_eq!((first.len(), issued(&first).len()), (8, 5));
    let held = Certificate::chain_from_pem(issued(&first)[0].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(held[0].public_key(), Signer::public_key(&keys[0]));
    // Once more: passed over. Without the results: the same certificates.
    assert_eq!(maker.sztp(&bulk).out, "11 rows: 0 issued, 5 issued before, 3 refused, 3 could not be read\n");
    let anew = maker.sztp(&["enroll", "bulk", "list.csv", "--ca", "maker", "--results", "anew"]);
    assert_eq!(anew.out, "11 rows: 0 issued, 5 issued before, 3 refused, 3 could not be read\n");
    assert_eq!(issued(&results(&maker.path("anew"))), issued(&first));
    assert_eq!(maker.list(&[]).len(), 5);
}

/// A list of this many devices, with the requests in it.
fn long_list(maker: &Maker, count: usize) {
    let mut list = String::new();
    for number in 0..count {
        let key = FileKey::generate_p256().unwrap();
        let serial = format!("SN-{number:05}");
        let csr = to_pem(&sign(&DeviceNames::new(SerialNumber::new(&serial).unwrap()), &key).unwrap());
        list.push_str(&format!("{}\n", serde_json::json!({"serial-number": serial, "csr": csr})));
    }
    fs::write(maker.path("list.jsonl"), list).unwrap();
}

const BULK: [&str; 7] = ["enroll", "bulk", "list.jsonl", "--ca", "maker", "--results", "results"];

/// Every device has one certificate, and the results have that one.
fn assert_whole(maker: &Maker, count: usize) {
    let known = maker.list(&[]);
    assert_eq!(known.len(), count);
    let mut told: Vec<_> =
        results(&maker.path("results")).iter().map(|it| it["serial"].as_str().unwrap().to_owned()).collect();
    let mut held: Vec<_> = known.iter().map(|it| it["serial"].as_str().unwrap().to_owned()).collect();
    told.sort_unstable();
    held.sort_unstable();
    assert_eq!(told, held);
}

#[test]
fn a_bulk_that_is_killed_halfway_goes_on_and_issues_nothing_twice() {
    const COUNT: usize = 1500;
    let maker = Maker::new();
    long_list(&maker, COUNT);
    let noted = || fs::metadata(maker.path("results")).map_or(0, |it| it.len());
    killed_again_and_again(|| sztp(maker.folder.path(), &BULK), noted, 1);
    assert_whole(&maker, COUNT);
}

#[test]
fn a_bulk_whose_disk_is_full_says_so_and_goes_on_later() {
    interop_tests::need!("prlimit");
    const COUNT: usize = 1500;
    let maker = Maker::new();
    long_list(&maker, COUNT);
    // No file may become larger than this, which a write is told as it is told of a full disk: the database's or the results'.
    let program = interop_tests::lab::program("sztp");
    let limited =
        format!("trap '' XFSZ; exec prlimit --fsize=1500000:1500000 '{}' {}", program.display(), BULK.join(" "));
    let mut limited_shell = std::process::Command::new("sh");
    limited_shell.current_dir(maker.folder.path()).args(["-c", &limited]);
    let told = ended(&mut limited_shell);
    assert_ne!(told.code, Some(0), "{told:?}");
    ended(&mut sztp(maker.folder.path(), &BULK)).good();
    assert_whole(&maker, COUNT);
}

/// A server that runs in the folder.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[test]
fn while_a_server_runs_in_the_folder_it_is_asked() {
    let maker = Maker::new();
    let config = fs::read_to_string(maker.path("maker/sztp.toml")).unwrap();
    // A port that is free now: the commands find the server by its configuration.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = config.replacen("listen = \"127.0.0.1:0\"", &format!("listen = \"{free}\""), 1);
    fs::write(maker.path("maker/sztp.toml"), config).unwrap();
    let mut serve = sztp(&maker.path("maker"), &["serve"]);
    let mut served = Served(serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(served.0.stdout.take().unwrap()).lines();
    while !lines.next().unwrap().unwrap().starts_with("publishing on http://") {}

    let (_, chain) = maker.issue("SN-0001");
    maker.issue("SN-0002");
    assert_eq!(chain.len(), 2);
    long_list(&maker, 40);
    ended(&mut sztp(maker.folder.path(), &BULK)).good();
    assert_eq!(maker.list(&["--serial-prefix", "SN-0"]).len(), 42);
    let revoke = ["enroll", "revoke", "SN-0002.pem", "--ca", "maker", "--reason", "superseded", "--because", "test"];
    maker.sztp(&revoke).good();
    assert_eq!(maker.list(&["--revoked"]).len(), 1);
    let other = FileKey::generate_p256().unwrap();
    maker.request("other.csr", &other, "SN-0001");
    let told = maker.sztp(&["enroll", "issue", "--ca", "maker", "--csr", "other.csr", "--out", "other.pem"]);
    assert!(told.err.contains("certificate-there"), "{told:?}");
    // The lists can be written beside it.
    maker.sztp(&["ca", "crl", "--ca", "maker", "--out", "lists"]).good();
    let list = Crl::from_der(&fs::read(maker.path("lists/devices-0.crl")).unwrap()).unwrap();
    let revoked = certificates(&maker.path("SN-0002.pem"));
    assert!(list.der().windows(16).any(|part| part == revoked[0].certificate_serial()));
}

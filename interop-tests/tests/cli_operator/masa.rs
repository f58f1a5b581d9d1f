//! `sztp voucher issue`, `sztp voucher transfer` and `sztp masa`: a manufacturer without a server.

use std::{fs, path::Path};

use interop_tests::need;
use pki::key::FileKey;

use crate::site::{Ended, ended, sztp};

/// A folder with `maker`, as `sztp ca init` makes it, and two owners' certificates.
pub(crate) fn maker(more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    ended(&mut sztp(folder.path(), &["ca", "init", "maker", "--name", "Example Maker"])).good();
    if !more.is_empty() {
        let path = folder.path().join("maker/sztp.toml");
        let text = fs::read_to_string(&path).unwrap().replace("[masa]\n", &format!("[masa]\n{more}\n"));
        fs::write(path, text).unwrap();
    }
    for name in ["one", "other"] {
        let (key, serial) = (Box::new(FileKey::generate_p256().unwrap()), pki::key::random().unwrap());
        let now = pki::time::Timestamp::from_system(std::time::SystemTime::now());
        let serial = authority::CertificateSerial(serial);
        let root = authority::CertificateAuthority::new_root(name, key, serial, now).unwrap();
        fs::write(folder.path().join(format!("{name}.pem")), root.chain()[0].to_pem()).unwrap();
    }
    folder
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Ended {
    ended(&mut sztp(folder, arguments))
}

fn issue(folder: &Path, serial: &str, owner: &str, more: &[&str], out: &str) -> Ended {
    let pinned = format!("{owner}.pem");
    let arguments = ["voucher", "issue", "--masa", "maker", "--serial-number", serial, "--pinned-domain-cert", &pinned];
    run(folder, &[&arguments[..], more, &["--out", out]].concat())
}

fn in_masa(folder: &Path, arguments: &[&str]) -> Ended {
    run(folder, &[arguments, &["--masa", "maker"]].concat())
}

#[test]
fn mas_09_a_voucher_is_issued_without_a_server_and_openssl_and_we_verify_it() {
    let openssl = need!("openssl");
    let folder = maker("");
    let path = folder.path();
    issue(path, "SN-1", "one", &[], "SN-1.vcj").good();
    issue(path, "SN-1", "one", &["--nonce", "BwcHBwcHBwcHBwcHBwcHBw=="], "nonced.vcj").good();
    issue(path, "SN-1", "one", &["--never-expires"], "ever.vcj").good();
    issue(path, "SN-1", "one", &["--expires-on", "2040-01-01T00:00:00Z"], "until.vcj").good();
    for (file, says) in [("SN-1.vcj", "expires-on"), ("nonced.vcj", "BwcHBwcHBwcHBwcHBwcHBw=="), ("ever.vcj", "SN-1")] {
        let arguments = ["cms", "-verify", "-inform", "DER", "-in", file, "-CAfile", "maker/voucher-anchor.pem"];
        let purpose = ["-purpose", "any"];
        let verified = openssl.run(path, &[&arguments[..], &purpose].concat()).unwrap();
        let text = String::from_utf8_lossy(&verified);
        assert!(text.contains(says), "{file}: {text}");
        let anchor = ["--trust-anchor", "maker/voucher-anchor.pem", "--serial-number", "SN-1"];
        run(path, &[&["voucher", "verify", file][..], &anchor].concat()).good();
    }
    // A lost file is had again, and is the same; the log holds each voucher once.
    let before = fs::read(path.join("SN-1.vcj")).unwrap();
    fs::remove_file(path.join("SN-1.vcj")).unwrap();
    let again = issue(path, "SN-1", "one", &[], "SN-1.vcj").good();
    assert!(again.out.contains("the same as before"), "{again:?}");
    assert!(fs::read(path.join("SN-1.vcj")).unwrap() == before, "another voucher");
    let shown = in_masa(path, &["masa", "device", "show", "SN-1", "--output", "json"]).good().json();
    assert_eq!(shown["vouchers"].as_array().unwrap().len(), 4, "{shown:#}");
    run(path, &["audit", "verify", "--config", "maker/sztp.toml"]).good();
    // Nonsense.
    assert_eq!(issue(path, "SN-1", "one", &["--nonce", "x"], "x.vcj").code, Some(2));
    assert_eq!(issue(path, "SN-1", "one", &["--nonce", "BwcHBwcHBwc=", "--never-expires"], "x.vcj").code, Some(2));
    assert_eq!(issue(path, "SN-1", "one", &["--expires-on", "2020-01-01T00:00:00Z"], "x.vcj").code, Some(1));
    assert!(!path.join("x.vcj").exists());
}

#[test]
fn vch_21_sold_listed_transferred_each_owner_gets_vouchers_in_its_time() {
    let folder = maker("");
    let path = folder.path();
    for name in ["one", "other"] {
        let pinned = format!("{name}.pem");
        in_masa(path, &["masa", "owner", "add", name, "--pinned-domain-cert", &pinned]).good();
    }
    in_masa(path, &["masa", "line", "add", "Model"]).good();
    fs::write(path.join("made.txt"), "# a pallet\nSN-1\nSN-2\r\n\nSN-3\n").unwrap();
    let import = ["masa", "device", "import", "made.txt", "--line", "Model"];
    assert!(in_masa(path, &[&import[..], &["--dry-run"]].concat()).good().out.starts_with("3 would be recorded"));
    assert!(in_masa(path, &import).good().out.starts_with("3 recorded, 0 on record before"));
    assert!(in_masa(path, &import).good().out.starts_with("0 recorded, 3 on record before"));
    let refused = issue(path, "SN-1", "one", &[], "x.vcj");
    assert!(refused.code == Some(3) && refused.err.contains("ownership-unrecorded"), "{refused:?}");
    in_masa(path, &["masa", "device", "sell", "SN-1", "SN-2", "--to", "one"]).good();
    let sold = in_masa(path, &["masa", "device", "sell", "SN-2", "SN-9", "--to", "one"]);
    assert!(sold.code == Some(1) && sold.out.contains("0 sold to one, 1 sold to them before, 1 not sold"), "{sold:?}");
    assert_eq!(issue(path, "SN-1", "other", &[], "x.vcj").code, Some(3));
    issue(path, "SN-1", "one", &["--never-expires"], "one.vcj").good();

    let transfer = |step: &str, more: &[&str]| {
        let arguments = ["voucher", "transfer", step, "--serial-number", "SN-1"];
        in_masa(path, &[&arguments[..], more].concat())
    };
    assert_eq!(transfer("accept", &["--owner", "other"]).code, Some(1));
    transfer("release", &["--owner", "one", "--to", "other"]).good();
    for owner in ["one", "other"] {
        let refused = issue(path, "SN-1", owner, &[], "x.vcj");
        assert!(refused.code == Some(3) && refused.err.contains("ownership-in-transfer"), "{refused:?}");
    }
    let told = transfer("accept", &["--owner", "other"]).good().out;
    assert!(told.contains("for one is still believed for ever"), "{told}");
    assert_eq!(issue(path, "SN-1", "one", &["--never-expires"], "x.vcj").code, Some(3), "not even what it had before");
    issue(path, "SN-1", "other", &[], "other.vcj").good();
    let shown = in_masa(path, &["masa", "device", "show", "SN-1"]).good().out;
    for line in ["sold to one", "released by one to other", "accepted by other", "other's since"] {
        assert!(shown.contains(line), "{shown}");
    }
    let overridden = ["--to", "one", "--because", "other never paid", "--person", "anna"];
    transfer("override", &overridden).good();
    issue(path, "SN-1", "one", &[], "back.vcj").good();
    run(path, &["audit", "verify", "--config", "maker/sztp.toml"]).good();
}

#[test]
fn a_second_person_must_agree() {
    let folder = maker("second-person = true");
    let path = folder.path();
    let anna = ["--person", "anna"];
    let refused = issue(path, "SN-1", "one", &anna, "x.vcj");
    assert!(refused.code == Some(3) && refused.err.contains("second-person-required"), "{refused:?}");
    let waiting = in_masa(path, &["masa", "claim", "list", "--output", "json"]).good().json();
    let claim = waiting[0]["claim"].as_str().unwrap().to_owned();
    assert_eq!(waiting[0]["asked-by"], "anna");
    assert_eq!(in_masa(path, &["masa", "claim", "approve", &claim, "--person", "anna"]).code, Some(1));
    in_masa(path, &["masa", "claim", "approve", &claim, "--person", "bert"]).good();
    issue(path, "SN-1", "one", &anna, "SN-1.vcj").good();
}

//! What is kept about a device, given to whoever asks, and gone when somebody asks for that (SEC-22).

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;

use crate::site::Site;

const SERIAL: &str = "SN-0001-FORGET-ME";

/// The files of the database that hold the serial number.
fn holding(site: &Site) -> Vec<&'static str> {
    let files = ["sztp.sqlite3", "sztp.sqlite3-wal"].into_iter();
    let holds = |name: &&str| {
        let octets = fs::read(site.path(name)).unwrap_or_default();
        octets.windows(SERIAL.len()).any(|window| window == SERIAL.as_bytes())
    };
    files.filter(holds).collect()
}

#[test]
fn sec_22_a_device_is_exported_forgotten_and_in_no_file_any_more() {
    let mut site = Site::start();
    site.prepare();
    // Known when the server starts: a device that comes too early would be refused as a stranger, and what is kept of
    // strangers goes by its age.
    site.stop();
    site.start_again();
    let name = format!("example-maker/{SERIAL}");
    site.sztp(&["device", "add", &name, "--profile", "bmc", "--rack", "r7"]).good();
    let voucher = site.issue_voucher(SERIAL);
    site.sztp(&["voucher", "import", &voucher]).good();
    site.onboard(SERIAL);

    let export = ["audit", "export", "--device", SERIAL, "--out", "export.json"];
    site.sztp(&export).good();
    assert_eq!(fs::metadata(site.path("export.json")).unwrap().permissions().mode() & 0o777, 0o600);
    let exported: Value = serde_json::from_slice(&fs::read(site.path("export.json")).unwrap()).unwrap();
    assert_eq!(exported["device"]["rack"], "r7");
    for part in ["records", "reports", "story"] {
        assert!(exported[part].to_string().len() > 200, "{part}: {exported:#}");
    }
    let again = site.sztp(&export);
    assert!(again.code == Some(1) && again.err.contains("is there already"), "{again:?}");

    let erase = ["audit", "erase", "--device", SERIAL, "--reason", "request 4711"];
    let rehearsed = site.sztp(&[&erase[..], &["--dry-run"]].concat()).good();
    assert_eq!(rehearsed.out, format!("would be done: forget {name}\n"));
    let named = site.sztp(&["audit", "erase", "--device", SERIAL, "--reason", &format!("for {SERIAL}")]);
    assert!(named.code == Some(1) && named.err.contains("reason: stays in the audit log"), "{named:?}");
    let done = site.sztp(&erase).good();
    assert!(done.out.starts_with(&format!("forgot {name}: ")), "{done:?}");
    assert_eq!(site.sztp(&["audit", "export", "--device", SERIAL]).code, Some(4));
    assert_eq!(site.sztp(&["explain", SERIAL]).code, Some(4));
    let list = site.sztp(&["audit", "list"]).good().out;
    assert!(!list.contains(SERIAL) && list.contains("request 4711") && list.contains("  erased"), "{list}");
    assert!(site.sztp(&["audit", "verify"]).good().out.contains(" erased, "));

    let running = site.sztp(&["audit", "compact"]);
    assert_eq!(running.code, Some(1), "{running:?}");
    site.stop();
    site.sztp(&["audit", "compact"]).good();
    assert_eq!(holding(&site), [""; 0]);
    assert!(site.sztp(&["audit", "verify"]).good().out.starts_with("verified: "));
    site.start_again();
    site.sztp(&["status"]).good();
}

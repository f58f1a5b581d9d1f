//! The voucher desk, as a person uses it who is about to rack devices.

use std::fs;

use authority::ManufacturerParty;
use interop_tests::site::{now, serial};
use serde_json::json;

use super::site::Site;

#[test]
fn from_a_delivery_list_to_devices_that_are_ready() {
    let site = Site::start();
    site.prepare();
    site.write("delivery.csv", "PO,S/N\n7,SN-0001\n7,sn-0002\n7,SN-0003\n");
    let nothing = site.sztp(&["voucher", "coverage", "delivery.csv", "--manufacturer", "example-maker"]);
    assert_eq!(nothing.code, Some(3), "{nothing:?}");
    assert!(nothing.out.contains("3 × voucher-missing") && nothing.out.ends_with("0 of 3 devices are ready, 3 not.\n"));

    // They come in a folder, in every form, with something between that is none.
    fs::create_dir_all(site.path("vouchers/more")).unwrap();
    for number in ["SN-0001", "SN-0002", "SN-0003"] {
        let name = site.issue_voucher(number);
        fs::rename(site.path(&name), site.path(&format!("vouchers/{name}"))).unwrap();
    }
    site.write("vouchers/more/notes.txt", "{\"not\": \"a voucher\"}");
    let rehearsed = site.sztp(&["voucher", "import", "vouchers", "--dry-run"]);
    assert!(rehearsed.out.contains("would be done: keep vouchers/SN-0001.vcj"), "{rehearsed:?}");
    let kept = site.sztp(&["voucher", "import", "vouchers", "--results", "results"]);
    assert_eq!(kept.code, Some(3), "{kept:?}");
    assert!(kept.out.ends_with("4 vouchers: 3 kept, 0 there already, 1 refused\n"), "{kept:?}");
    assert!(kept.err.contains("notes.txt"), "{kept:?}");
    fs::remove_file(site.path("vouchers/more/notes.txt")).unwrap();
    // What the results say was taken is not sent again; without them the server says that it is there.
    let again = site.sztp(&["voucher", "import", "vouchers", "--results", "results"]).good();
    assert_eq!(again.out, "3 vouchers: 0 kept, 3 there already, 0 refused\n");
    let sent = site.sztp(&["voucher", "import", "vouchers", "--output", "json"]).good().json();
    assert!(sent.as_array().unwrap().iter().all(|it| it["outcome"] == "known"), "{sent:#}");

    let listed = site.sztp(&["voucher", "list", "--unregistered", "--output", "json"]).good().json();
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert!(listed.as_array().unwrap().iter().all(|it| it["pins-owner"] == true && it["standing"] == "valid"));
    assert_eq!(site.sztp(&["voucher", "list", "--expiring"]).good().out, "none\n");
    let before = ["voucher", "list", "--expires-before", "9000-01-01", "--output", "csv"];
    assert_eq!(site.sztp(&before).good().out.lines().count(), 4);

    for number in ["SN-0001", "SN-0003"] {
        site.sztp(&["device", "add", &format!("example-maker/{number}"), "--profile", "bmc"]).good();
    }
    let some = site.sztp(&["voucher", "coverage", "delivery.csv"]);
    assert_eq!(some.code, Some(3), "{some:?}");
    assert!(some.out.contains("1 × serial-spelled-otherwise") && some.out.contains("Write SN-0002 in the list."));
    assert!(some.out.ends_with("2 of 3 devices are ready, 1 not.\n"), "{some:?}");
    let sheet = site.sztp(&["voucher", "coverage", "delivery.csv", "--output", "csv"]);
    assert_eq!(sheet.out.lines().count(), 2, "{sheet:?}");

    site.write("delivery.csv", "PO,S/N\n7,SN-0001\n7,SN-0003\n");
    let all = site.sztp(&["voucher", "coverage", "delivery.csv"]).good();
    assert_eq!(all.out, "All 2 devices are ready.\n");
    let late = site.sztp(&["voucher", "coverage", "delivery.csv", "--until", "9000-01-01", "--output", "json"]);
    assert_eq!(late.code, Some(3), "{late:?}");
    let last: serde_json::Value = serde_json::from_str(late.out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["problems"][0]["reason"], &last["problems"][0]["devices"]),
        (&json!("voucher-ends-early"), &json!(2))
    );
    let before = ["voucher", "renew", "--expiring-before", "9000-01-01"];
    let unknown = site.sztp(&before);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.err.contains("example-maker/SN-0001: ") && unknown.err.contains("masa-unknown"), "{unknown:?}");
    let explained = site.sztp(&["explain", "voucher-ends-early"]).good();
    assert!(explained.out.contains("renew"), "{explained:?}");
}

#[test]
fn vouchers_of_a_maker_that_nobody_added_are_told_apart_and_not_kept() {
    let site = Site::start();
    site.prepare();
    let stranger = ManufacturerParty::new("Stranger", now()).unwrap();
    let pinned = fs::read(site.path("pinned-domain-certificate.pem")).unwrap();
    let pinned = pki::certificate::Certificate::chain_from_pem(&pinned).unwrap().pop().unwrap();
    fs::write(site.path("a.vcj"), stranger.voucher(&serial("SN-9"), &pinned, now()).unwrap().der()).unwrap();
    site.write("b.vcj", "eyJhbGciOiJFUzI1NiJ9.eyJpZXRmIjoxfQ.AAAA");
    let ended = site.sztp(&["voucher", "import", "a.vcj", "b.vcj", "gone.vcj"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.err.contains("a.vcj: SN-9: ") && ended.err.contains("voucher-signer-untrusted"), "{ended:?}");
    // BIS-09.
    assert!(ended.err.contains("b.vcj: this is a voucher signed as JWS; RFC 8572 wants CMS"), "{ended:?}");
    assert!(ended.err.contains("gone.vcj") && ended.out.contains("3 vouchers: 0 kept"), "{ended:?}");
    assert_eq!(site.sztp(&["voucher", "list"]).good().out, "none\n");
}

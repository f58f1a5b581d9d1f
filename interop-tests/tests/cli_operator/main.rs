//! Every operator command of `sztp`, as a person uses it: against a server that was started from what `sztp init` made.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod ca;
mod certificates;
mod codes;
mod dhcp;
mod enroll;
mod forget;
mod forms;
mod help;
mod init;
mod leases;
mod masa;
mod masa_bulk;
mod people;
mod policy;
mod site;
mod vouchers;

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::json;
use site::{Site, sztp};

#[test]
fn from_an_empty_folder_to_a_device_that_is_bootstrapped_and_explained() {
    let site = Site::start();
    site.prepare();
    let added = site.sztp(&["device", "add", "example-maker/SN-0001", "--profile", "bmc", "--rack", "r7"]).good();
    assert_eq!(added.out, "added example-maker/SN-0001: registered\n");
    let voucher = site.issue_voucher("SN-0001");
    let kept = site.sztp(&["voucher", "import", &voucher]).good();
    assert!(kept.out.starts_with("kept SN-0001.vcj: example-maker/SN-0001, until "), "{kept:?}");
    assert_eq!(site.sztp(&["device", "show", "SN-0001", "--output", "json"]).good().json()["state"], "vouched");

    // Somebody waits for it while it onboards.
    let watch = ["device", "watch", "SN-0001", "--until", "bootstrapped", "--timeout", "120"];
    let mut watching = sztp(&site.path(""), &watch).stdout(Stdio::piped()).spawn().unwrap();
    site.onboard("SN-0001");
    assert_eq!(watching.wait().unwrap().code(), Some(0));

    let shown = site.sztp(&["device", "show", "SN-0001", "--output", "json"]).good().json();
    assert_eq!((&shown["state"], &shown["rack"]), (&json!("bootstrapped"), &json!("r7")));
    let reports: Vec<_> = shown["reports"].as_array().unwrap().iter().map(|it| it["progress-type"].clone()).collect();
    assert_eq!(reports.first(), Some(&json!("bootstrap-initiated")));
    assert_eq!(reports.last(), Some(&json!("bootstrap-complete")));
    let table = site.sztp(&["device", "show", "SN-0001"]).good().out;
    assert!(table.contains("serial number  SN-0001\n") && table.contains("bootstrap-complete"), "{table}");

    let told = site.sztp(&["explain", "SN-0001"]).good().out;
    assert!(told.starts_with("example-maker/SN-0001: bootstrapped") && told.contains("What happened:"), "{told}");
    let story = site.sztp(&["explain", "example-maker/SN-0001", "--output", "json"]).good().json();
    assert_eq!(story["device"]["state"], "bootstrapped");
    assert!(story["steps"].as_array().unwrap().len() >= 4, "{story:#}");

    let status = site.sztp(&["status", "--output", "json"]).good().json();
    let states = status["devices"].as_array().unwrap();
    assert!(states.iter().any(|it| it["state"] == "bootstrapped" && it["devices"] == 1), "{status:#}");
    let records = site.sztp(&["audit", "list", "--device", "SN-0001", "--output", "json"]).good().json();
    let first = &records.as_array().unwrap()[0];
    assert_eq!((&first["body"]["event"], &first["body"]["by"]["user"]), (&json!("device-registered"), &json!("admin")));
    let verified = site.sztp(&["audit", "verify"]).good();
    assert!(verified.out.starts_with("verified: "), "{verified:?}");
}

#[test]
fn decisions_are_made_rehearsed_and_remembered() {
    let site = Site::start();
    site.prepare();
    site.sztp(&["device", "add", "example-maker/SN-0001", "--profile", "bmc"]).good();
    let state = || site.sztp(&["device", "show", "SN-0001", "--output", "json"]).good().json()["state"].clone();

    let rehearsed = site.sztp(&["device", "retire", "SN-0001", "--reason", "sold", "--dry-run"]).good();
    assert_eq!(rehearsed.out, "would be done: retire example-maker/SN-0001\n");
    assert_eq!(state(), "registered");
    site.sztp(&["device", "retire", "SN-0001", "--reason", "sold"]).good();
    assert_eq!(state(), "retired");
    let refused = site.sztp(&["device", "approve", "SN-0001", "--reason", "x"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("state-forbids"), "{refused:?}");
    site.sztp(&["device", "reprovision", "SN-0001", "--reason", "came back"]).good();
    assert_eq!(state(), "registered");

    let change = ["device", "change", "SN-0001", "--host", "bmc-1", "--rack", "r8", "--output", "json"];
    let changed = site.sztp(&change).good().json();
    assert_eq!((&changed["host"], &changed["rack"]), (&json!("bmc-1"), &json!("r8")));
    let changed = site.sztp(&["device", "change", "SN-0001", "--host", "", "--output", "json"]).good().json();
    assert_eq!((changed.get("host"), &changed["rack"]), (None, &json!("r8")), "what is not given stays");

    let code = site.sztp(&["device", "activation-code", "SN-0001", "--output", "json"]).good().json();
    assert!(code["activation-code"].as_str().unwrap().len() >= 8);

    // A genuine device that nobody registered waits for a person.
    site.issue_voucher("SN-0002");
    let mut device = site.device("SN-0002");
    let held = loop {
        let _not_yet = device.output().unwrap();
        let held = site.sztp(&["device", "list", "--state", "held", "--output", "json"]).good().json();
        if held != json!([]) {
            break held;
        }
    };
    assert_eq!(held[0]["serial-number"], "SN-0002");
    let approve = ["device", "approve", "SN-0002", "--profile", "bmc", "--reason", "late addition"];
    site.sztp(&approve).good();
    let told = site.sztp(&["audit", "list", "--device", "SN-0002"]).good().out;
    assert!(told.contains("device-approved") && told.contains("late addition") && told.contains("by admin"), "{told}");
}

#[test]
fn the_log_is_followed_live_and_taken_up_where_it_was_left() {
    let site = Site::start();
    let mut tail = sztp(&site.path(""), &["audit", "tail", "--after", "0", "--output", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<serde_json::Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["leaf"], 1);
    site.prepare();
    let mut leaf = 1;
    loop {
        let record = next();
        leaf += 1;
        assert_eq!(record["leaf"], leaf, "none is left out");
        if record["body"]["event"] == "profile-applied" {
            break;
        }
    }
    // Whoever reads may go away: the command notices at the next record, and ends.
    drop(lines);
    let deadline = Instant::now() + Duration::from_secs(60);
    while tail.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "it goes on for nobody");
        site.sztp(&["profile", "apply", "bmc.toml", "--name", &format!("p{leaf}")]).good();
        leaf += 1;
    }
    // In a spreadsheet's form too, each record comes as it happens.
    let tail = ["audit", "tail", "--after", "0", "--output", "csv"];
    let mut tail = sztp(&site.path(""), &tail).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "leaf,at,event,manufacturer,serial-number,body");
    assert!(lines.next().unwrap().unwrap().starts_with("1,20"));
    tail.kill().unwrap();
    tail.wait().unwrap();
}
